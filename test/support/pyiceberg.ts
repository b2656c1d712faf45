import { installPyIceberg } from '../../stack/python.ts'
import { runCommand } from '../../stack/run-command.ts'
import type { CommandOutput } from '../../stack/run-command.ts'

/** The Python that has PyIceberg; made on first use, once per machine. */
export async function pythonEnv(): Promise<{ readonly python: string }> {
  return { python: await installPyIceberg() }
}

/** Runs a script file in that Python. Throws with the end of its output where it fails. */
export async function runPython(
  script: string,
  args: readonly string[],
  timeoutMs = 300_000,
): Promise<CommandOutput> {
  const { python } = await pythonEnv()
  return runCommand(python, [script, ...args], { timeoutMs })
}

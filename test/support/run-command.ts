import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { Command } from 'commander'
import { builtInModel } from '../../shared-transforms/lake-model.ts'
import type { CommandContext } from '../../pipelines/cli/command-context.ts'
import { loadCommands } from '../../pipelines/cli/commands.ts'
import { readEnvironment } from '../../pipelines/cli/environment.ts'
import { randomIds, systemClock } from '../../tables/clock.ts'

/** What a command that ended said. */
export interface CommandEnd {
  readonly stdout: string
  readonly exitCode: number
}

/** Runs a command on a lake as the command line does, in this process. Gives its stdout. */
export async function runCommand(directory: string, ...args: readonly string[]): Promise<string> {
  return (await endCommand(directory, ...args)).stdout
}

/** The same with its exit code, which may say "no". */
export async function endCommand(
  directory: string,
  ...args: readonly string[]
): Promise<CommandEnd> {
  const stdout = new PassThrough()
  let exitCode = 0
  const context: CommandContext = {
    environment: readEnvironment(),
    clock: systemClock,
    ids: randomIds,
    model: { current: builtInModel },
    stdout: stdout as unknown as NodeJS.WriteStream,
    stderr: process.stderr,
    readStdin: () => Promise.resolve(''),
    stdin: process.stdin,
    stopSignal: () => new AbortController().signal,
    readerGone: () => new AbortController().signal,
    setExitCode: (code) => {
      exitCode = code
    },
  }
  const program = new Command().exitOverride().configureOutput({ writeErr: () => undefined })
  for (const addCommand of await loadCommands(args)) addCommand(program, context)
  await program.parseAsync([...args, '--lake', directory], { from: 'user' })
  stdout.end()
  return { stdout: await text(stdout), exitCode }
}

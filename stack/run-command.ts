import { execFile } from 'node:child_process'

export interface CommandOptions {
  readonly cwd?: string
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>
  readonly timeoutMs?: number
}

export interface CommandOutput {
  readonly stdout: string
  readonly stderr: string
}

const OUTPUT_BYTES_MAX = 64 * 1024 * 1024

/**
 * Runs a program to its end. Throws where it cannot be started, ends with a code other than 0, or
 * outlives `timeoutMs` (default 10 minutes); the message ends with the last lines it printed.
 */
export async function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandOutput> {
  return new Promise((resolve, reject) => {
    const settings = {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      timeout: options.timeoutMs ?? 600_000,
      killSignal: 'SIGKILL' as const,
      maxBuffer: OUTPUT_BYTES_MAX,
    }
    execFile(command, args, settings, (error, stdout, stderr) => {
      if (error === null) {
        resolve({ stdout, stderr })
        return
      }
      const tail = lastLines(`${stdout}\n${stderr}`, 25)
      const cause = error.killed === true ? `killed after ${settings.timeout} ms` : `${error.code}`
      const message = `${command} ${args.join(' ')} failed (${cause})\n${tail}`
      reject(new Error(message, { cause: error }))
    })
  })
}

/** The last `count` lines of a text that hold anything. */
export function lastLines(text: string, count: number): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  return lines.slice(-count).join('\n')
}

import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { Command } from 'commander'
import type { CommandContext } from '../../pipelines/cli/command-context.ts'
import { loadCommands } from '../../pipelines/cli/commands.ts'
import { readEnvironment } from '../../pipelines/cli/environment.ts'
import { randomIds, systemClock } from '../../tables/clock.ts'

/** Runs a command on a lake as the command line does, in this process. Gives its stdout. */
export async function runCommand(directory: string, ...args: readonly string[]): Promise<string> {
  const stdout = new PassThrough()
  const context: CommandContext = {
    environment: readEnvironment(),
    clock: systemClock,
    ids: randomIds,
    stdout: stdout as unknown as NodeJS.WriteStream,
    stderr: process.stderr,
    readStdin: () => Promise.resolve(''),
    stdin: process.stdin,
    stopSignal: () => new AbortController().signal,
    readerGone: () => new AbortController().signal,
    setExitCode: () => undefined,
  }
  const program = new Command().exitOverride().configureOutput({ writeErr: () => undefined })
  for (const addCommand of await loadCommands(args)) addCommand(program, context)
  await program.parseAsync([...args, '--lake', directory], { from: 'user' })
  stdout.end()
  return text(stdout)
}

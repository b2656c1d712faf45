import { text } from 'node:stream/consumers'
import { Command } from 'commander'
import { randomIds, systemClock } from '../../tables/clock.ts'
import type { CommandContext } from './command-context.ts'
import { loadCommands } from './commands.ts'
import { readEnvironment } from './environment.ts'
import { exitCodes, reportFailure } from './report-failure.ts'
import { createStopSignal } from './stop-signal.ts'

/** Of the command that runs, where it asked to be told that nobody reads its stdout. */
let readerGone: AbortController | undefined

/** Runs one command line and answers its exit code. Nothing it throws gets out. */
export async function main(argv: readonly string[]): Promise<number> {
  let exitCode: number = exitCodes.fine
  let signal: AbortSignal | undefined
  readerGone = undefined
  const context: CommandContext = {
    environment: readEnvironment(),
    clock: systemClock,
    ids: randomIds,
    stdout: process.stdout,
    stderr: process.stderr,
    readStdin: () => text(process.stdin),
    stdin: process.stdin,
    stopSignal: () => (signal ??= createStopSignal(systemClock)),
    readerGone: () => (readerGone ??= new AbortController()).signal,
    setExitCode: (code) => {
      exitCode = code
    },
  }
  endQuietlyWhenNobodyReads()
  try {
    const program = await createProgram(context, argv)
    await program.parseAsync(argv, { from: 'user' })
    return exitCode
  } catch (error) {
    return reportFailure(error, {
      isDebug: context.environment.isDebug,
      write: (line) => process.stderr.write(line),
    })
  }
}

async function createProgram(context: CommandContext, argv: readonly string[]): Promise<Command> {
  const program = new Command('sluice')
    .description('a streaming lakehouse for market data: Kafka and files into Iceberg tables')
    .exitOverride()
    .showHelpAfterError('(--help says how it is called)')
  for (const addCommand of await loadCommands(argv)) addCommand(program, context)
  return program
}

/** `sluice sql … | head` closes the pipe early: that is no error. */
function endQuietlyWhenNobodyReads(): void {
  process.stdout.off('error', onStdoutError).on('error', onStdoutError)
}

function onStdoutError(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
  if (readerGone === undefined) process.exit(exitCodes.fine)
  readerGone.abort()
}

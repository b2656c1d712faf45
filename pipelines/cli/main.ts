import { text } from 'node:stream/consumers'
import { Command } from 'commander'
import { builtInModel } from '../../shared-transforms/lake-model.ts'
import { randomIds, systemClock } from '../../tables/clock.ts'
import type { CommandContext } from './command-context.ts'
import { loadCommands } from './commands.ts'
import { readEnvironment, type Environment } from './environment.ts'
import { readVersion } from './read-version.ts'
import { watchReader } from './reader-gone.ts'
import { exitCodes, reportFailure } from './report-failure.ts'
import { createStopSignal } from './stop-signal.ts'

/** Runs one command line and answers its exit code. Nothing it throws gets out. */
export async function main(argv: readonly string[]): Promise<number> {
  let exitCode: number = exitCodes.fine
  let signal: AbortSignal | undefined
  const write = (line: string): void => void process.stderr.write(line)
  let environment: Environment
  try {
    environment = readEnvironment()
  } catch (error) {
    return reportFailure(error, { isDebug: false, write })
  }
  const context: CommandContext = {
    environment,
    clock: systemClock,
    ids: randomIds,
    model: { current: builtInModel },
    stdout: process.stdout,
    stderr: process.stderr,
    readStdin: () => text(process.stdin),
    stdin: process.stdin,
    stopSignal: () => (signal ??= createStopSignal(systemClock)),
    readerGone: watchReader(),
    setExitCode: (code) => {
      exitCode = code
    },
  }
  try {
    const program = await createProgram(context, argv)
    await program.parseAsync(argv, { from: 'user' })
    return exitCode
  } catch (error) {
    return reportFailure(error, { isDebug: environment.isDebug, write })
  }
}

async function createProgram(context: CommandContext, argv: readonly string[]): Promise<Command> {
  const program = new Command('sluice')
    .description('a streaming lakehouse for market data: Kafka and files into Iceberg tables')
    .version(readVersion(), '-V, --version', 'of the program, the engine and Node.js')
    .exitOverride()
    .showHelpAfterError('(--help says how it is called)')
  for (const addCommand of await loadCommands(argv)) addCommand(program, context)
  return program
}

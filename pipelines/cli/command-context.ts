import type { LakeModel } from '../../shared-transforms/lake-model.ts'
import type { Clock, IdSource } from '../../tables/clock.ts'
import type { Environment } from './environment.ts'

/** What a command works with. Tests give their own; `main` gives the process's. */
export interface CommandContext {
  readonly environment: Environment
  readonly clock: Clock
  readonly ids: IdSource
  /** What lakes are opened with: the built-in model, and the command's extensions once it runs. */
  readonly model: { current: LakeModel }
  /** Results, and nothing else: `| jq` must work. */
  readonly stdout: NodeJS.WriteStream
  /** What a person should know beside the result. */
  readonly stderr: NodeJS.WriteStream
  readStdin(): Promise<string>
  /** For a prompt, and for statements that are run as they come. */
  readonly stdin: NodeJS.ReadStream
  /** Aborts at Ctrl-C or SIGTERM. Until it is asked for, these end the process at once. */
  stopSignal(): AbortSignal
  /**
   * Aborts where nobody reads stdout any more (`| head`). Until it is asked for, that ends the
   * process at once.
   */
  readerGone(): AbortSignal
  /** The exit code of a command that ran well and whose answer is "no" (1). */
  setExitCode(code: number): void
}

/** One line on stdout. */
export function printLine(context: CommandContext, line: string): void {
  context.stdout.write(`${line}\n`)
}

/**
 * One line of JSON on stdout. 64-bit integers (snapshot ids) become text, because most readers of
 * JSON round bare ones.
 */
export function printJson(context: CommandContext, value: unknown): void {
  printLine(
    context,
    JSON.stringify(value, (_, field: unknown) =>
      typeof field === 'bigint' ? String(field) : field,
    ),
  )
}

/** A line for a person on stderr. */
export function printNote(context: CommandContext, line: string): void {
  context.stderr.write(`${line}\n`)
}

import { CommanderError } from 'commander'
import { isErrorKind, SluiceError } from '../../tables/errors.ts'

/**
 * 0 fine, 1 what was asked is not so or did not work, 2 the call is wrong; 128 + SIGINT, as shells
 * say it, where Ctrl-C ended it.
 */
export const exitCodes = { fine: 0, failed: 1, wrongCall: 2, interrupted: 130 } as const

/** Says on one line what went wrong, and answers the exit code. */
export function reportFailure(
  error: unknown,
  options: { readonly isDebug: boolean; readonly write: (text: string) => unknown },
): number {
  if (error instanceof CommanderError) {
    // Commander has printed its own message, or the help that was asked for.
    return error.exitCode === 0 ? exitCodes.fine : exitCodes.wrongCall
  }
  options.write(`${describeFailure(error)}\n`)
  if (options.isDebug) options.write(`${stackOf(error)}\n`)
  return isErrorKind(error, 'invalid-input') ? exitCodes.wrongCall : exitCodes.failed
}

/** The line that says what went wrong. */
export function describeFailure(error: unknown): string {
  if (error instanceof SluiceError) return `sluice: ${error.kind}: ${error.message}`
  const message = error instanceof Error ? error.message : String(error)
  return (
    `sluice: unexpected error: ${message}. What was committed before it is safe. ` +
    'Run the command again with SLUICE_DEBUG=1 for the place, and report it.'
  )
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause === undefined ? '' : `\ncaused by: ${stackOf(error.cause)}`
  return `${error.stack ?? error.message}${cause}`
}

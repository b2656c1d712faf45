import { exitCodes } from './report-failure.ts'

/** Of the command that runs, where it asked to be told that nobody reads its stdout. */
let asked: AbortController | undefined

/**
 * `sluice sql … | head` closes the pipe early: that is no error. It ends the process at once, or
 * aborts the signal of a command that asks for it. For the one command that runs in this process.
 */
export function watchReader(): () => AbortSignal {
  asked = undefined
  process.stdout.off('error', onStdoutError).on('error', onStdoutError)
  return () => (asked ??= new AbortController()).signal
}

function onStdoutError(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
  if (asked === undefined) process.exit(exitCodes.fine)
  asked.abort()
}

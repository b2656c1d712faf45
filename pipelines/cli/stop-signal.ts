import type { Clock } from '../../tables/clock.ts'

/**
 * One Ctrl-C reaches the process more than once (from the terminal, and again from npm), so only
 * a second one after this time means "now, whatever is lost".
 */
const REPEAT_US = 1_500_000n

/** 128 + SIGINT, as shells say it. */
const EXIT_CODE_INTERRUPTED = 130

/** A signal that aborts at SIGINT or SIGTERM; a second Ctrl-C later on ends the process at once. */
export function createStopSignal(clock: Clock): AbortSignal {
  const controller = new AbortController()
  let firstUs: bigint | undefined
  const onSignal = (): void => {
    const nowUs = clock.nowUs()
    if (firstUs === undefined) {
      firstUs = nowUs
      controller.abort()
    } else if (nowUs - firstUs > REPEAT_US) {
      process.exit(EXIT_CODE_INTERRUPTED)
    }
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  return controller.signal
}

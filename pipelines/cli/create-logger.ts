import { pino } from 'pino'
import type { Logger } from '../sources/logger.ts'

/** Log lines on stderr, one JSON object each: stdout is for results. Written at once. */
export function createLogger(options: { readonly isDebug: boolean }): Logger {
  return pino(
    {
      base: null,
      level: options.isDebug ? 'debug' : 'info',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    pino.destination({ fd: 2, sync: true }),
  )
}

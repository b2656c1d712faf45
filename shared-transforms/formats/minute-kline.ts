import type { Dialect } from '../dialect.ts'
import { inRangeSql } from '../time-text.ts'
import { windowSteps } from '../window-step.ts'

const [{ step: STEP, lengthUs }] = windowSteps

/** Length of the only step that klines of venues have, µs. */
export const KLINE_STEP_US = lengthUs

/**
 * Columns of a kline that follow from its start, `event_us_read` (µs, not yet bounded): id, step,
 * start and end.
 */
export function minuteKlineSql(dialect: Dialect): string {
  const us = inRangeSql('event_us_read')
  return (
    `'${STEP}:' || CAST(event_us_read AS VARCHAR) AS kline_id, '${STEP}' AS step, ` +
    `${dialect.timestampOfUs(us)} AS open_ts, ` +
    `${dialect.timestampOfUs(`${us} + ${KLINE_STEP_US}`)} AS close_ts`
  )
}

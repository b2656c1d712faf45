import { SluiceError } from '../../tables/errors.ts'
import { isoTimeUs } from '../producers/iso-time.ts'
import { DAY_US, dayText, type DayRange } from '../lake/utc-days.ts'

/**
 * A day can be replaced once its last window is sealed: until then live goes on writing it.
 * @param watermarkUs of the lake; undefined: none yet
 * @throws SluiceError `invalid-input` for a day that is open.
 */
export function requireClosedDays(
  { fromDay, toDay }: DayRange,
  watermarkUs: bigint | undefined,
): void {
  if (watermarkUs !== undefined && toDay * DAY_US <= watermarkUs) return
  const sealedUntil = watermarkUs === undefined ? fromDay : watermarkUs / DAY_US
  const open = sealedUntil > fromDay ? sealedUntil : fromDay
  const where =
    watermarkUs === undefined
      ? 'there is no watermark yet'
      : `the watermark is ${isoTimeUs(watermarkUs)}`
  const end = isoTimeUs((open + 1n) * DAY_US)
  throw new SluiceError(
    'invalid-input',
    `The day ${dayText(open)} is still open: it ends at ${end} and ${where}. Nothing was changed. ` +
      `Wait until the stream is past the day's end, leave the day out with --to, or, where the ` +
      `stream rests, close it with \`sluice seal --until ${end}\`.`,
  )
}

const dateForm = /^([+-]?\d+)-(\d{2})-(\d{2})( \(BC\))?$/

/**
 * Days since 1970 of `YYYY-MM-DD`, as the engines write it: any number of digits in the year, and
 * ` (BC)` or a minus for the years before the first.
 */
export function daysOfDateText(text: string): number {
  const match = dateForm.exec(text)
  if (match === null) throw new RangeError(`"${text}" is no date`)
  const written = Number(match[1])
  const year = match[4] === undefined ? written : 1 - written
  return daysFromCivil(year, Number(match[2]), Number(match[3]))
}

const DAYS_PER_ERA = 146_097
const DAYS_UNTIL_1970 = 719_468

/**
 * By Howard Hinnant's days_from_civil: years begin in March, so that the leap day is the last; JS
 * dates end at the year 275760, those of the engine do not.
 */
function daysFromCivil(year: number, month: number, day: number): number {
  const marchYear = month <= 2 ? year - 1 : year
  const era = Math.floor(marchYear / 400)
  const yearOfEra = marchYear - era * 400
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1
  const leapDays = Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100)
  return era * DAYS_PER_ERA + yearOfEra * 365 + leapDays + dayOfYear - DAYS_UNTIL_1970
}

const clockForm = /^(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,12}))?$/

/** µs since midnight of `HH:MM:SS.ffffff`; finer digits are cut. */
export function usOfClockText(text: string): bigint {
  const match = clockForm.exec(text)
  if (match === null) throw new RangeError(`"${text}" is no time of day`)
  const seconds = Number(match[1]) * 3600 + Number(match[2]) * 60 + Number(match[3])
  const fraction = (match[4] ?? '').slice(0, 6).padEnd(6, '0')
  return BigInt(seconds) * 1_000_000n + BigInt(fraction)
}

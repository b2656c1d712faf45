import { SluiceError } from '../../tables/errors.ts'

/** Whole UTC days, as days since 1970: the first one, and the one behind the last. */
export interface DayRange {
  readonly fromDay: bigint
  readonly toDay: bigint
}

/** Microseconds of a UTC day. */
export const DAY_US = 86_400_000_000n
const DAY_MS = 86_400_000

/**
 * A range of days from its texts, `YYYY-MM-DD`; `to` is the day behind the last one.
 * @throws SluiceError `invalid-input` where a text is no day or the range holds none.
 */
export function parseDayRange(from: string, to: string): DayRange {
  const range = { fromDay: parseDay(from), toDay: parseDay(to) }
  requireDays(range)
  return range
}

/** @throws SluiceError `invalid-input` where the range holds no day. */
export function requireDays({ fromDay, toDay }: DayRange): void {
  if (fromDay < toDay) return
  const [from, to] = [dayText(fromDay), dayText(toDay)]
  throw new SluiceError(
    'invalid-input',
    `From ${from} to ${to} is not one day. Nothing was done. --to is the day behind the last ` +
      `one: for ${from} alone give --to ${dayText(fromDay + 1n)}.`,
  )
}

/**
 * A UTC day since 1970 from `YYYY-MM-DD`.
 * @throws SluiceError `invalid-input` where the text is no day.
 */
export function parseDay(text: string): bigint {
  const ms = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN
  // What the calendar does not have, `Date.parse` takes for the next month.
  const isDay = ms >= 0 && new Date(ms).toISOString().startsWith(text)
  if (isDay) return BigInt(ms / DAY_MS)
  throw new SluiceError(
    'invalid-input',
    `"${text}" is no day. Nothing was done. Write a UTC day from 1970 on as YYYY-MM-DD.`,
  )
}

/** `YYYY-MM-DD`. */
export function dayText(day: bigint): string {
  return new Date(Number(day) * DAY_MS).toISOString().slice(0, 10)
}

/** The days of a range, ascending. */
export function daysOf({ fromDay, toDay }: DayRange): bigint[] {
  return Array.from({ length: Number(toDay - fromDay) }, (_, index) => fromDay + BigInt(index))
}

/** SQL: a time (timestamptz) lies in the range; a null does not. */
export function isInRange(column: string, { fromDay, toDay }: DayRange): string {
  const us = `epoch_us(${column})`
  return `coalesce(${us} >= ${fromDay * DAY_US} AND ${us} < ${toDay * DAY_US}, false)`
}

/** The range with a day more on both sides. */
export function withMargin({ fromDay, toDay }: DayRange): DayRange {
  return { fromDay: fromDay > 0n ? fromDay - 1n : 0n, toDay: toDay + 1n }
}

/** Ranges as one where they share a day, or (`touching`) where one begins when another ends. */
export function joinRanges(
  ranges: readonly DayRange[],
  when: 'overlapping' | 'touching',
): DayRange[] {
  const joined: DayRange[] = []
  for (const range of [...ranges].sort((a, b) => Number(a.fromDay - b.fromDay))) {
    const last = joined.at(-1)
    const isApart =
      last === undefined ||
      last.toDay < range.fromDay ||
      (last.toDay === range.fromDay && when === 'overlapping')
    if (isApart) joined.push(range)
    else if (last.toDay < range.toDay) joined[joined.length - 1] = { ...last, toDay: range.toDay }
  }
  return joined
}

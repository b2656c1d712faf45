import { SluiceError } from '../errors.ts'
import { civilOf } from './partition-transform.ts'

const US_PER_DAY = 86_400_000_000n

const timeForm =
  /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?)?\s*(Z|[+-]\d{2}(?::?\d{2})?)?$/i

/**
 * µs since 1970 of an ISO 8601 time: a date (its first instant), or date and time with up to six
 * digits of the second. Without a zone it is UTC. Throws `invalid-input`.
 */
export function parseTimeText(text: string): bigint {
  const match = timeForm.exec(text.trim())
  const [, date, clock = '00:00', seconds = '00', fraction = '', zone = 'Z'] = match ?? []
  const ms = Date.parse(`${date ?? ''}T${clock}:${seconds}Z`)
  if (date === undefined || Number.isNaN(ms)) {
    throw new SluiceError(
      'invalid-input',
      `"${text}" is no time. Nothing was run. Write it as 2026-11-20T14:30:00Z.`,
    )
  }
  return BigInt(ms) * 1000n + BigInt(fraction.padEnd(6, '0')) - zoneOffsetUs(zone)
}

function zoneOffsetUs(zone: string): bigint {
  const match = /^([+-])(\d{2}):?(\d{2})?$/.exec(zone)
  if (match === null) return 0n
  const minutes = BigInt(Number(match[2]) * 60 + Number(match[3] ?? '0'))
  return (match[1] === '-' ? -minutes : minutes) * 60_000_000n
}

/** `2026-11-20T14:30:00.000000`, always with microseconds; the caller adds the zone. */
export function timeText(us: bigint): string {
  const timeOfDay = ((us % US_PER_DAY) + US_PER_DAY) % US_PER_DAY
  const { year, month, day } = civilOf(Number((us - timeOfDay) / US_PER_DAY))
  const seconds = timeOfDay / 1_000_000n
  const clock = [seconds / 3600n, (seconds / 60n) % 60n, seconds % 60n].map((part) =>
    String(part).padStart(2, '0'),
  )
  const date = [
    year < 0 ? `-${String(-year).padStart(6, '0')}` : String(year).padStart(4, '0'),
    String(month).padStart(2, '0'),
    String(day).padStart(2, '0'),
  ].join('-')
  return `${date}T${clock.join(':')}.${String(timeOfDay % 1_000_000n).padStart(6, '0')}`
}

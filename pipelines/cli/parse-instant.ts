import { SluiceError } from '../../tables/errors.ts'

const pattern =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?)?(Z|[+-]\d{2}:?\d{2})?$/

/**
 * An instant in microseconds since 1970 from ISO 8601 text: `2025-01-15T10:30:00Z`,
 * `2025-01-15 10:30`, `2025-01-15`. No zone means UTC; digits past microseconds are cut off.
 * @throws SluiceError `invalid-input`
 */
export function parseInstant(text: string): bigint {
  const match = pattern.exec(text.trim())
  if (match === null) throw notAnInstant(text)
  const number = (group: number): number => Number(match[group] ?? '0')
  const dayMs = Date.UTC(number(1), number(2) - 1, number(3))
  const day = new Date(dayMs)
  const isRealDay = day.getUTCMonth() === number(2) - 1 && day.getUTCDate() === number(3)
  if (!isRealDay || number(4) > 23 || number(5) > 59 || number(6) > 59) throw notAnInstant(text)
  const seconds = number(4) * 3600 + number(5) * 60 + number(6) - zoneSeconds(match[8])
  const micros = BigInt((match[7] ?? '').slice(0, 6).padEnd(6, '0'))
  return BigInt(dayMs) * 1000n + BigInt(seconds) * 1_000_000n + micros
}

function zoneSeconds(zone: string | undefined): number {
  if (zone === undefined || zone === 'Z') return 0
  const digits = zone.replace(':', '')
  const seconds = Number(digits.slice(1, 3)) * 3600 + Number(digits.slice(3, 5)) * 60
  return digits.startsWith('-') ? -seconds : seconds
}

function notAnInstant(text: string): SluiceError {
  return new SluiceError(
    'invalid-input',
    `'${text}' is no time. Give a date or a time in UTC or with its zone, as in ` +
      '2025-01-15, 2025-01-15T10:30:00Z or 2025-01-15T10:30:00+02:00.',
  )
}

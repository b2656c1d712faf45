import { primitiveShape } from '../spec/primitive-type.ts'
import type { PrimitiveType } from '../spec/schema.ts'
import type { SingleValue } from '../spec/single-value.ts'

/**
 * One text of DuckDB's RETURN_STATS as a value of an Iceberg type: int, date and floats number,
 * long, times (µs, of `_ns` types ns) and unscaled decimals bigint. Undefined where the text has no exact form in the
 * type (infinity, years before 1 or past 9999, NaN): a missing bound is safe, a wrong one loses
 * rows in every reader.
 */
export function parseStatistic(type: PrimitiveType, text: string): SingleValue | undefined {
  const shape = primitiveShape(type)
  switch (shape.kind) {
    case 'boolean':
      return parseBoolean(text)
    case 'int':
      return /^-?\d+$/.test(text) ? Number(text) : undefined
    case 'long':
      return /^-?\d+$/.test(text) ? BigInt(text) : undefined
    case 'float':
    case 'double':
      return parseFloating(text)
    case 'date':
      return parseDays(text)
    case 'time':
      return parseTimeOfDay(text, 6)
    case 'timestamp':
    case 'timestamptz':
      return parseTimestamp(text, 6)
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return parseTimestamp(text, 9)
    case 'string':
      return text
    case 'binary':
      return parseBytes(text)
    case 'decimal':
      return parseDecimal(shape.scale, text)
    case 'uuid':
      return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text) ? text : undefined
    // No file of ours holds these.
    case 'fixed':
    case 'unknown':
      return undefined
  }
}

function parseBoolean(text: string): boolean | undefined {
  if (text === '1' || text === 'true') return true
  return text === '0' || text === 'false' ? false : undefined
}

function parseFloating(text: string): number | undefined {
  if (text === 'inf') return Infinity
  if (text === '-inf') return -Infinity
  const value = Number(text)
  return text === '' || Number.isNaN(value) ? undefined : value
}

/** Days since 1970 of `YYYY-MM-DD`. */
export function parseDays(text: string): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return undefined
  return Date.parse(`${text}T00:00:00Z`) / 86_400_000
}

function parseBytes(text: string): Uint8Array | undefined {
  return /^([0-9A-Fa-f]{2})*$/.test(text) ? Buffer.from(text, 'hex') : undefined
}

/** In units of so many digits after the second's point. */
function parseTimeOfDay(text: string, digits: 6 | 9): bigint | undefined {
  const match = /^(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?$/.exec(text)
  const fraction = match?.[4] ?? ''
  if (match === null || fraction.length > digits) return undefined
  const seconds = Number(match[1]) * 3600 + Number(match[2]) * 60 + Number(match[3])
  return BigInt(seconds) * 10n ** BigInt(digits) + BigInt(fraction.padEnd(digits, '0'))
}

function parseTimestamp(text: string, digits: 6 | 9): bigint | undefined {
  const match = /^(\d{4}-\d{2}-\d{2}) ([0-9:.]+?)(?:\+00)?$/.exec(text)
  if (match === null) return undefined
  const days = parseDays(match[1] ?? '')
  const time = parseTimeOfDay(match[2] ?? '', digits)
  if (days === undefined || time === undefined) return undefined
  return BigInt(days) * 86_400n * 10n ** BigInt(digits) + time
}

/**
 * The unscaled value of an exact decimal text at a scale, undefined where it has more digits after
 * the point than the scale holds.
 */
export function parseDecimal(scale: number, text: string): bigint | undefined {
  const match = /^(-?)(\d+)(?:\.(\d*))?$/.exec(text)
  if (match === null) return undefined
  const fraction = (match[3] ?? '').replace(/0+$/, '')
  if (fraction.length > scale) return undefined
  const unscaled = BigInt(`${match[2] ?? ''}${fraction.padEnd(scale, '0')}`)
  return match[1] === '-' ? -unscaled : unscaled
}

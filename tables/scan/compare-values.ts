import type { SingleValue } from '../spec/single-value.ts'

/**
 * Orders two values of one type as the engines do: texts by their UTF-8 bytes (JavaScript's own
 * order differs beyond U+FFFF), false before true. A text may stand on one side as its bytes, as
 * bounds do. Undefined where they cannot be compared.
 */
export function compareValues(a: SingleValue, b: SingleValue): number | undefined {
  const bytesOfA = utf8Bytes(a)
  const bytesOfB = utf8Bytes(b)
  if (bytesOfA !== undefined && bytesOfB !== undefined) return Buffer.compare(bytesOfA, bytesOfB)
  if (typeof a !== typeof b || bytesOfA !== undefined || bytesOfB !== undefined) return undefined
  if (a < b) return -1
  if (a > b) return 1
  return Number.isNaN(a) || Number.isNaN(b) ? undefined : 0
}

/** The bytes that order a text or bytes; undefined for every other value. */
export function utf8Bytes(value: SingleValue): Uint8Array | undefined {
  if (typeof value === 'string') return Buffer.from(value, 'utf8')
  return value instanceof Uint8Array ? value : undefined
}

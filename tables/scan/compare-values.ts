import type { SingleValue } from '../spec/single-value.ts'

/**
 * Orders two values of one type as the engines do: texts by their UTF-8 bytes (JavaScript's own
 * order differs beyond U+FFFF), false before true. Undefined where they cannot be compared.
 */
export function compareValues(a: SingleValue, b: SingleValue): number | undefined {
  if (typeof a === 'string' && typeof b === 'string') {
    return Buffer.compare(Buffer.from(a, 'utf8'), Buffer.from(b, 'utf8'))
  }
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b)
  if (typeof a !== typeof b || a instanceof Uint8Array || b instanceof Uint8Array) return undefined
  if (a < b) return -1
  if (a > b) return 1
  return Number.isNaN(a) || Number.isNaN(b) ? undefined : 0
}

import type { RowValue } from '../engine/row-value.ts'

/** A value as JSON: bigint as a bare number, bytes as hexadecimal text, NaN and infinity as text. */
export function jsonText(value: RowValue): string {
  if (typeof value === 'bigint') return value.toString()
  if (typeof value === 'object') return objectText(value)
  if (typeof value !== 'number') return JSON.stringify(value)
  return Number.isFinite(value) ? numberText(value) : JSON.stringify(numberText(value))
}

function objectText(value: Extract<RowValue, object> | null): string {
  if (value === null) return 'null'
  if (value instanceof Uint8Array) return JSON.stringify(hexText(value))
  if (Array.isArray(value)) return `[${value.map((item: RowValue) => jsonText(item)).join(',')}]`
  const members = Object.entries(value).map(
    ([name, member]) => `${JSON.stringify(name)}:${jsonText(member)}`,
  )
  return `{${members.join(',')}}`
}

/** A value for a cell: texts as they are, lists and structs as JSON. Null is the caller's. */
export function cellText(value: Exclude<RowValue, null>): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return numberText(value)
  if (value instanceof Uint8Array) return hexText(value)
  return jsonText(value)
}

function numberText(value: number): string {
  if (Object.is(value, -0)) return '-0.0'
  return String(value)
}

function hexText(bytes: Uint8Array): string {
  return `\\x${Buffer.from(bytes).toString('hex')}`
}

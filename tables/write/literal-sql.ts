import { columnType } from '../engine/column-type.ts'
import { sqlString } from '../engine/sql-text.ts'
import { primitiveShape } from '../spec/primitive-type.ts'
import type { PrimitiveType } from '../spec/schema.ts'
import type { SingleValue } from '../spec/single-value.ts'

/**
 * A value as SQL of the column's type. Times are µs (of `_ns` types ns), dates days since 1970 or
 * `YYYY-MM-DD`, decimals unscaled or exact text.
 */
export function literalSql(type: PrimitiveType, value: SingleValue): string {
  const target = columnType(type)
  if (value instanceof Uint8Array) return `from_hex('${Buffer.from(value).toString('hex')}')`
  const shape = primitiveShape(type)
  const isNumber = typeof value === 'number' || typeof value === 'bigint'
  switch (isNumber ? shape.kind : 'string') {
    case 'date':
      return `CAST(DATE '1970-01-01' + ${value} AS DATE)`
    case 'time':
      return `CAST(TIME '00:00:00' + to_microseconds(${value}) AS TIME)`
    case 'timestamp':
      return `make_timestamp(${value})`
    case 'timestamptz':
      return `make_timestamptz(${value})`
    case 'timestamp_ns':
      return `make_timestamp_ns(${value})`
    case 'decimal':
      return `CAST('${decimalText(BigInt(value), shape)}' AS ${target})`
    default:
      return `CAST(${sqlString(String(value))} AS ${target})`
  }
}

function decimalText(unscaled: bigint, shape: ReturnType<typeof primitiveShape>): string {
  const scale = shape.kind === 'decimal' ? shape.scale : 0
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0')
  const cut = digits.length - scale
  return `${unscaled < 0n ? '-' : ''}${digits.slice(0, cut)}.${digits.slice(cut)}`
}

import { columnType } from '../engine/column-type.ts'
import { civilOf } from '../spec/partition-transform.ts'
import { primitiveShape } from '../spec/primitive-type.ts'
import type { PartitionValue } from '../spec/partition-spec.ts'
import type { PrimitiveType } from '../spec/schema.ts'
import { fromSingleValue } from '../spec/single-value.ts'
import type { SingleValue } from '../spec/single-value.ts'
import { timeText } from '../spec/time-text.ts'
import type { MetadataCell } from './metadata-table.ts'

/** The engine's type for values of a column, VARCHAR where it has none. */
export function readableType(type: PrimitiveType): string {
  try {
    return columnType(type)
  } catch {
    return 'VARCHAR'
  }
}

/** A bound in the column's type. Null where there is none, or where it cannot be read. */
export function readableBound(type: PrimitiveType, bytes: Uint8Array | undefined): MetadataCell {
  if (bytes === undefined) return null
  try {
    return readableValue(type, fromSingleValue(type, bytes))
  } catch {
    return null
  }
}

/** A value as the text or number that the engine casts to `readableType`. */
export function readableValue(type: PrimitiveType, value: PartitionValue): MetadataCell {
  if (value === null) return null
  const shape = primitiveShape(type)
  switch (shape.kind) {
    case 'decimal':
      return typeof value === 'bigint' ? decimalText(value, shape.scale) : null
    case 'date':
      return typeof value === 'number' ? dateText(value) : null
    case 'time':
      return typeof value === 'bigint' ? timeText(value).slice(11) : null
    case 'timestamp':
      return instantText(value, '')
    case 'timestamptz':
      return instantText(value, 'Z')
    case 'float':
    case 'double':
      return typeof value === 'number' ? floatText(value) : null
    default:
      return value
  }
}

/** The engine's dates reach further, but are written in other ways outside of these years. */
const YEAR_MAX = 9999
const US_PER_DAY = 86_400_000_000n

function dateText(days: number): string | null {
  const { year } = civilOf(days)
  if (year < 1 || year > YEAR_MAX) return null
  return timeText(BigInt(days) * US_PER_DAY).slice(0, 10)
}

function instantText(value: SingleValue, zone: string): string | null {
  if (typeof value !== 'bigint') return null
  const text = timeText(value)
  return /^(?!0000)\d{4}-/.test(text) ? `${text}${zone}` : null
}

function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  if (Object.is(value, -0)) return '-0.0'
  return String(value).replace('Infinity', 'inf')
}

function decimalText(unscaled: bigint, scale: number): string {
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0')
  const point = digits.length - scale
  const text = scale === 0 ? digits : `${digits.slice(0, point)}.${digits.slice(point)}`
  return unscaled < 0n ? `-${text}` : text
}

import { columnType } from '../engine/column-type.ts'
import { sqlString } from '../engine/sql-text.ts'
import type { PartitionValue } from '../spec/partition-spec.ts'
import { primitiveShape } from '../spec/primitive-type.ts'
import type { IcebergType, SchemaField } from '../spec/schema.ts'
import { blobText } from '../write/default-sql.ts'

/** A partition value as the value of the column that an identity transform made it of. */
export function partitionValueSql({ type, name }: SchemaField, value: PartitionValue): string {
  const target = columnType(type, name)
  return `CAST(${value === null ? 'NULL' : valueSql(type, value)} AS ${target})`
}

function valueSql(type: IcebergType, value: NonNullable<PartitionValue>): string {
  if (value instanceof Uint8Array) return sqlString(blobText(value))
  const shape = primitiveShape(type)
  switch (shape.kind) {
    case 'date':
      return daysSql(value)
    case 'time':
      return `(TIME '00:00:00' + to_microseconds(${value}))`
    case 'timestamp':
    case 'timestamptz':
      // A number is the days of a date: the column was one when the file was written.
      return typeof value === 'number' ? daysSql(value) : `make_timestamp(${value})`
    case 'timestamp_ns':
      return typeof value === 'number' ? daysSql(value) : `make_timestamp_ns(${value})`
    case 'decimal':
      return sqlString(decimalText(BigInt(value), shape.scale))
    default:
      return sqlString(String(value))
  }
}

function daysSql(days: string | number | bigint | boolean): string {
  return `(DATE '1970-01-01' + ${days})`
}

/** `-150`, scale 2 -> `-1.50`. */
function decimalText(unscaled: bigint, scale: number): string {
  const sign = unscaled < 0n ? '-' : ''
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0')
  const whole = digits.slice(0, digits.length - scale)
  return scale === 0 ? `${sign}${whole}` : `${sign}${whole}.${digits.slice(-scale)}`
}

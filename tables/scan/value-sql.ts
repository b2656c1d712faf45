import { columnType } from '../engine/column-type.ts'
import { sqlName, sqlString } from '../engine/sql-text.ts'
import type { PartitionValue } from '../spec/partition-spec.ts'
import { primitiveShape } from '../spec/primitive-type.ts'
import type { IcebergType, SchemaField } from '../spec/schema.ts'

/**
 * What a row holds in a column that its file does not have: the field's `initial-default`, else
 * null. A default of a struct is `{}` and stands for the defaults of its members.
 * Source: https://iceberg.apache.org/spec/#default-values
 */
export function defaultSql(field: SchemaField): string {
  const { type } = field
  const value = field['initial-default']
  if (value === undefined || value === null) return `CAST(NULL AS ${columnType(type)})`
  if (typeof type === 'object' && type.type === 'struct') {
    const members = type.fields.map((member) => `${sqlName(member.name)} := ${defaultSql(member)}`)
    return `struct_pack(${members.join(', ')})`
  }
  return `CAST(${sqlString(defaultText(type, value))} AS ${columnType(type)})`
}

/** A default of a primitive as text that the engine casts to the column's type. */
export function defaultText(type: IcebergType, value: unknown): string {
  const isBytes = typeof type === 'string' && /^(binary|fixed)/.test(type)
  if (isBytes && typeof value === 'string') return blobText(Buffer.from(value, 'hex'))
  return typeof value === 'string' ? value : JSON.stringify(value, bigintText)
}

/** A partition value as the value of the column that an identity transform made it of. */
export function partitionValueSql(type: IcebergType, value: PartitionValue): string {
  const target = columnType(type)
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

/** As the engine writes bytes in text: `\x00\xFF`. */
function blobText(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex').replaceAll(/../g, '\\x$&')
}

function bigintText(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value
}

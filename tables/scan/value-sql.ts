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
  return jsonValueSql(field.type, field['initial-default'], field.name)
}

/** Source: https://iceberg.apache.org/spec/#json-single-value-serialization */
function jsonValueSql(type: IcebergType, value: unknown, name: string): string {
  const target = columnType(type, name)
  if (value === undefined || value === null) return `CAST(NULL AS ${target})`
  if (typeof type === 'string') return `CAST(${sqlString(defaultText(type, value))} AS ${target})`
  switch (type.type) {
    case 'struct': {
      const members = type.fields.map((field) => `${sqlName(field.name)} := ${defaultSql(field)}`)
      return `struct_pack(${members.join(', ')})`
    }
    case 'list':
      return `CAST(${listSql(type.element, value, name)} AS ${target})`
    case 'map': {
      const { keys, values } = value as { readonly keys: unknown; readonly values: unknown }
      const lists = [listSql(type.key, keys, name), listSql(type.value, values, name)]
      return `CAST(map(${lists.join(', ')}) AS ${target})`
    }
  }
}

function listSql(type: IcebergType, values: unknown, name: string): string {
  const items = Array.isArray(values) ? (values as readonly unknown[]) : []
  return `[${items.map((item) => jsonValueSql(type, item, name)).join(', ')}]`
}

/** A default of a primitive as text that the engine casts to the column's type. */
export function defaultText(type: IcebergType, value: unknown): string {
  const isBytes = typeof type === 'string' && /^(binary|fixed)/.test(type)
  if (isBytes && typeof value === 'string') return blobText(Buffer.from(value, 'hex'))
  return typeof value === 'string' ? value : JSON.stringify(value, bigintText)
}

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

/** As the engine writes bytes in text: `\x00\xFF`. */
function blobText(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex').replaceAll(/../g, '\\x$&')
}

function bigintText(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value
}

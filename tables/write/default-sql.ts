import { columnType } from '../engine/column-type.ts'
import { sqlName, sqlString } from '../engine/sql-text.ts'
import type { IcebergType, SchemaField } from '../spec/schema.ts'

/** The two defaults of a field: of rows from before it was, and of rows whose writer gives none. */
type DefaultName = 'initial-default' | 'write-default'

/**
 * What a row holds in a column that its file does not have: the field's `initial-default`, else
 * null. A default of a struct is `{}` and stands for the defaults of its members.
 * Source: https://iceberg.apache.org/spec/#default-values
 */
export function initialDefaultSql(field: SchemaField): string {
  return defaultSql(field, 'initial-default')
}

/** What a row gets in a column that its writer does not give: the `write-default`, else null. */
export function writeDefaultSql(field: SchemaField): string {
  return defaultSql(field, 'write-default')
}

function defaultSql(field: SchemaField, which: DefaultName): string {
  return jsonValueSql(field.type, field[which], field.name, which)
}

/** Source: https://iceberg.apache.org/spec/#json-single-value-serialization */
function jsonValueSql(type: IcebergType, value: unknown, name: string, which: DefaultName): string {
  const target = columnType(type, name)
  if (value === undefined || value === null) return `CAST(NULL AS ${target})`
  if (typeof type === 'string') return `CAST(${sqlString(defaultText(type, value))} AS ${target})`
  const listOf = (item: IcebergType, values: unknown): string => {
    const items = Array.isArray(values) ? (values as readonly unknown[]) : []
    return `[${items.map((one) => jsonValueSql(item, one, name, which)).join(', ')}]`
  }
  switch (type.type) {
    case 'struct': {
      const members = type.fields.map(
        (field) => `${sqlName(field.name)} := ${defaultSql(field, which)}`,
      )
      return `struct_pack(${members.join(', ')})`
    }
    case 'list':
      return `CAST(${listOf(type.element, value)} AS ${target})`
    case 'map': {
      const { keys, values } = value as { readonly keys: unknown; readonly values: unknown }
      return `CAST(map(${listOf(type.key, keys)}, ${listOf(type.value, values)}) AS ${target})`
    }
  }
}

/** A default of a primitive as text that the engine casts to the column's type. */
export function defaultText(type: IcebergType, value: unknown): string {
  const isBytes = typeof type === 'string' && /^(binary|fixed)/.test(type)
  if (isBytes && typeof value === 'string') return blobText(Buffer.from(value, 'hex'))
  return typeof value === 'string' || typeof value === 'bigint'
    ? String(value)
    : JSON.stringify(value)
}

/** As the engine writes bytes in text: `\x00\xFF`. */
export function blobText(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex').replaceAll(/../g, '\\x$&')
}

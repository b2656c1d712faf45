import { sqlName } from '../engine/sql-text.ts'
import type { IcebergType, SchemaField } from '../spec/schema.ts'

/**
 * DuckDB's FIELD_IDS option for these columns: every column carries its id, elements of lists and
 * keys and values of maps too. Readers take columns by id; one without is read as null.
 */
export function fieldIdsOption(fields: readonly SchemaField[]): string {
  return `{${fields.map((field) => fieldEntry(field.name, field.id, field.type)).join(', ')}}`
}

function fieldEntry(name: string, id: number, type: IcebergType): string {
  if (typeof type === 'string') return `${sqlName(name)}: ${id}`
  return `${sqlName(name)}: {__duckdb_field_id: ${id}, ${childEntries(type)}}`
}

function childEntries(type: Exclude<IcebergType, string>): string {
  switch (type.type) {
    case 'struct':
      return type.fields.map((field) => fieldEntry(field.name, field.id, field.type)).join(', ')
    case 'list':
      return fieldEntry('element', type['element-id'], type.element)
    case 'map':
      return [
        fieldEntry('key', type['key-id'], type.key),
        fieldEntry('value', type['value-id'], type.value),
      ].join(', ')
  }
}

import type { IcebergType, Schema } from '../../tables/spec/schema.ts'
import type { ColumnDefinition } from '../../tables/spec/table-definition.ts'

export interface DescribedColumn {
  readonly fieldId: number
  readonly name: string
  /** As Iceberg writes it; a nested type in brackets. */
  readonly type: string
  readonly isRequired: boolean
  /** Content or lineage; undefined for a table or view that is not one of the lake's own. */
  readonly role: 'content' | 'lineage' | undefined
  readonly doc: string
}

/** The columns of a schema, with what the lake's own definition says of them where it has one. */
export function describeColumns(
  schema: Schema,
  definition: { readonly columns: readonly ColumnDefinition[] } | undefined,
): readonly DescribedColumn[] {
  const roles = new Map(definition?.columns.map((column) => [column.fieldId, column.role]))
  return schema.fields.map((field) => ({
    fieldId: field.id,
    name: field.name,
    type: typeText(field.type),
    isRequired: field.required,
    role: roles.get(field.id),
    doc: field.doc ?? '',
  }))
}

function typeText(type: IcebergType): string {
  if (typeof type === 'string') return type
  switch (type.type) {
    case 'struct':
      return `struct<${type.fields.map((f) => `${f.name}: ${typeText(f.type)}`).join(', ')}>`
    case 'list':
      return `list<${typeText(type.element)}>`
    case 'map':
      return `map<${typeText(type.key)}, ${typeText(type.value)}>`
  }
}

import { sqlName } from '../engine/sql-text.ts'
import type { IcebergType, Schema, SchemaField } from '../spec/schema.ts'

/** A column, or a member of structs, as SQL over the rows of a table. */
export interface ColumnPath {
  readonly sql: string
  readonly type: IcebergType
  /** Dotted, for messages. */
  readonly name: string
}

/** Undefined where no field has the id, or where it lies in a list or map and has no one value. */
export function findColumnPath(schema: Schema, fieldId: number): ColumnPath | undefined {
  return search(schema.fields, fieldId, undefined)
}

function search(
  fields: readonly SchemaField[],
  fieldId: number,
  parent: ColumnPath | undefined,
): ColumnPath | undefined {
  for (const { id, name, type } of fields) {
    const own = sqlName(name)
    const path: ColumnPath =
      parent === undefined
        ? { sql: own, type, name }
        : { sql: `(${parent.sql}).${own}`, type, name: `${parent.name}.${name}` }
    if (id === fieldId) return path
    if (typeof type === 'string' || type.type !== 'struct') continue
    const found = search(type.fields, fieldId, path)
    if (found !== undefined) return found
  }
  return undefined
}

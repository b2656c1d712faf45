import type { PrimitiveType } from './schema.ts'
import type { ColumnDefinition } from './table-definition.ts'

type DefineColumn = (
  fieldId: number,
  name: string,
  type: PrimitiveType,
  doc: string,
) => ColumnDefinition

/** A content column that every row has: what the market did. */
export const content: DefineColumn = (fieldId, name, type, doc) => {
  return { fieldId, name, type, isRequired: true, role: 'content', doc }
}

/** A content column that may be null; its doc says what null means. */
export const contentOrNull: DefineColumn = (fieldId, name, type, doc) => {
  return { fieldId, name, type, isRequired: false, role: 'content', doc }
}

/** A lineage column that every row has: how the row came to us. */
export const lineage: DefineColumn = (fieldId, name, type, doc) => {
  return { fieldId, name, type, isRequired: true, role: 'lineage', doc }
}

/** A lineage column that may be null; its doc says what null means. */
export const lineageOrNull: DefineColumn = (fieldId, name, type, doc) => {
  return { fieldId, name, type, isRequired: false, role: 'lineage', doc }
}

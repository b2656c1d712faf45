import type { IcebergType, PrimitiveType } from '../spec/schema.ts'

/** Where a column stands among those of its struct; `last` is where a new one goes by itself. */
export type ColumnPosition =
  'first' | 'last' | { readonly after: string } | { readonly before: string }

/**
 * A change to a table's schema. Columns are named by their dotted path as it is after the changes
 * before: `order.price`, `levels.element.price`, `tags.value`.
 */
export type SchemaChange =
  | {
      readonly op: 'add-column'
      /** The struct that gets the column, or a list or map of structs; absent: the table. */
      readonly parent?: string
      readonly name: string
      /** Field ids inside of it are given anew. */
      readonly type: IcebergType
      /** A required column needs a default, which format version 3 has. */
      readonly isRequired?: boolean
      readonly doc?: string
      /** For rows that are there and for rows to come (spec: JSON single-value form). */
      readonly defaultValue?: unknown
      readonly position?: ColumnPosition
    }
  | { readonly op: 'drop-column'; readonly column: string }
  /** `name` is the new last part of the path. */
  | { readonly op: 'rename-column'; readonly column: string; readonly name: string }
  /** Columns in `position` are named by their last part: they are in the same struct. */
  | { readonly op: 'move-column'; readonly column: string; readonly position: ColumnPosition }
  | { readonly op: 'widen-column'; readonly column: string; readonly type: PrimitiveType }
  | { readonly op: 'make-optional'; readonly column: string }
  /** Undefined removes the text. */
  | { readonly op: 'set-doc'; readonly column: string; readonly doc: string | undefined }
  /** For rows to come; null removes it. */
  | { readonly op: 'set-default'; readonly column: string; readonly defaultValue: unknown }
  | { readonly op: 'set-identifier'; readonly columns: readonly string[] }

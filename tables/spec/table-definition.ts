import type { PartitionTransform } from './partition-spec.ts'
import type { PrimitiveType } from './schema.ts'

/**
 * How a table of the lake is declared: one file a table in `bronze/ silver/ gold/ sluice/`.
 * `role` says whether a column is content (what the market did) or lineage (how it came to us);
 * only content takes part in `verify --hash` and in the law.
 */
export interface ColumnDefinition {
  readonly fieldId: number
  readonly name: string
  readonly type: PrimitiveType
  readonly isRequired: boolean
  readonly role: 'content' | 'lineage'
  /** What it means, with its unit and what null says. Becomes the Iceberg `doc`. */
  readonly doc: string
  /** What null stands for in content: the text of another value. Absent: for itself. */
  readonly nullAs?: string
}

export interface TableDefinition {
  /** Dotted name: `gold.bars`. */
  readonly name: string
  readonly doc: string
  readonly columns: readonly ColumnDefinition[]
  readonly key: readonly string[]
  readonly partition: readonly { readonly column: string; readonly transform: PartitionTransform }[]
  readonly sort: readonly string[]
  /** A condition on columns, in SQL: of other rows nothing is content. Absent: of all rows. */
  readonly contentRows?: string
}

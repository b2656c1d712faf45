import type { ColumnDefinition } from './table-definition.ts'

/** How a view of the lake is declared. */
export interface ViewDefinition {
  /** Dotted name: `gold.bars_1m`. */
  readonly name: string
  readonly doc: string
  /** What its text answers, in order. */
  readonly columns: readonly ColumnDefinition[]
  /** One text for each dialect; tables by their dotted names, without a catalog. */
  readonly sql: Readonly<Record<'trino' | 'duckdb', string>>
}

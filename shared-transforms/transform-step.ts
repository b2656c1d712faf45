import type { Dialect } from './dialect.ts'

/**
 * One step of the way of the data: SQL text over named inputs, and nothing else. It reads no
 * clock, no chance and not the size of a batch, and it is total: no input can make it throw.
 * An input is whatever may follow FROM: a table's name, or a query in brackets.
 *
 * The text is DuckDB's, unless another dialect is given; the rows are the same in each.
 *
 * `version` goes up with every change that can change a row.
 */
export interface TransformStep<Inputs> {
  readonly name: string
  readonly version: number
  readonly sql: (inputs: Inputs, dialect?: Dialect) => string
}

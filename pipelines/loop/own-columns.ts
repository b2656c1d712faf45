import { tableOfModel, type HasModel } from '../../shared-transforms/lake-model.ts'
import { sqlName } from '../../tables/engine/sql-text.ts'
import { currentSchema } from '../../tables/write/current-layout.ts'
import type { TableMetadata } from '../../tables/spec/table-metadata.ts'
import { writeDefaultSql } from '../../tables/write/default-sql.ts'

/** The columns that a table of the lake is declared with, as a select list. */
export function ownColumns(of: HasModel, table: string): string {
  return [...ownNames(of, table)].map(sqlName).join(', ')
}

/**
 * A query of the declared columns with those that somebody added to the table since (`sluice
 * alter`, another engine): rows that the loop writes hold their defaults for writers, else null.
 */
export function withAddedColumns(
  of: HasModel,
  table: string,
  metadata: TableMetadata,
  query: string,
): string {
  const added = addedColumns(of, table, metadata)
  if (added.length === 0) return query
  const columns = added.map(({ name, defaultSql }) => `${defaultSql} AS ${name}`)
  return `SELECT *, ${columns.join(', ')} FROM (${query})`
}

/** Those columns as SQL: their names, and what rows hold whose writer does not know them. */
export function addedColumns(
  of: HasModel,
  table: string,
  metadata: TableMetadata,
): readonly { readonly name: string; readonly defaultSql: string }[] {
  const own = ownNames(of, table)
  const added = currentSchema(metadata).fields.filter(({ name }) => !own.has(name))
  return added.map((field) => ({ name: sqlName(field.name), defaultSql: writeDefaultSql(field) }))
}

function ownNames({ model }: HasModel, table: string): ReadonlySet<string> {
  return new Set(tableOfModel(model, table)?.columns.map(({ name }) => name))
}

import { allTables } from '../../shared-transforms/lake-tables.ts'
import { sqlName } from '../../tables/engine/sql-text.ts'
import { currentSchema } from '../../tables/write/current-layout.ts'
import type { TableMetadata } from '../../tables/spec/table-metadata.ts'
import { writeDefaultSql } from '../../tables/write/default-sql.ts'

/** The columns that a table of the lake is declared with, as a select list. */
export function ownColumns(table: string): string {
  return [...ownNames(table)].map(sqlName).join(', ')
}

/**
 * A query of the declared columns with those that somebody added to the table since (`sluice
 * alter`, another engine): rows that the loop writes hold their defaults for writers, else null.
 */
export function withAddedColumns(table: string, metadata: TableMetadata, query: string): string {
  const added = addedColumns(table, metadata)
  if (added.length === 0) return query
  const columns = added.map(({ name, defaultSql }) => `${defaultSql} AS ${name}`)
  return `SELECT *, ${columns.join(', ')} FROM (${query})`
}

/** Those columns as SQL: their names, and what rows hold whose writer does not know them. */
export function addedColumns(
  table: string,
  metadata: TableMetadata,
): readonly { readonly name: string; readonly defaultSql: string }[] {
  const own = ownNames(table)
  const added = currentSchema(metadata).fields.filter(({ name }) => !own.has(name))
  return added.map((field) => ({ name: sqlName(field.name), defaultSql: writeDefaultSql(field) }))
}

function ownNames(table: string): ReadonlySet<string> {
  const definition = allTables.find(({ name }) => name === table)
  return new Set(definition?.columns.map(({ name }) => name))
}

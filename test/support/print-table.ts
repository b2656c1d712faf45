import type { Lake } from '../../pipelines/lake/lake.ts'
import { planRelation } from '../../pipelines/loop/loop-context.ts'
import { contentHashSql } from '../../shared-transforms/content-hash.ts'
import { duckdbDialect, trinoDialect } from '../../shared-transforms/dialect.ts'
import type { LoadedTable } from '../../tables/catalog/catalog.ts'
import { planScan } from '../../tables/scan/plan-scan.ts'
import type { TableDefinition } from '../../tables/spec/table-definition.ts'
import { tableId } from '../../tables/spec/table-identifier.ts'

const optional = { isRequired: false, role: 'content', doc: '' } as const

/** A table that other engines make, write and change: the columns that they spell differently. */
export const printTable: TableDefinition = {
  name: 'prints',
  doc: '',
  columns: [
    { ...optional, fieldId: 1, name: 'id', type: 'long' },
    { ...optional, fieldId: 2, name: 'symbol', type: 'string' },
    { ...optional, fieldId: 3, name: 'price', type: 'decimal(18, 8)' },
    { ...optional, fieldId: 4, name: 'ts', type: 'timestamptz' },
  ],
  key: ['ts'],
  partition: [{ column: 'ts', transform: 'day' }],
  sort: [],
}

/** Digest of its rows by day, for DuckDB and for Trino. */
export function printsSql(relation: string, engine: 'duckdb' | 'trino'): string {
  return contentHashSql(printTable, relation, engine === 'trino' ? trinoDialect : duckdbDialect)
}

export async function loadPrints(lake: Lake, name: string): Promise<LoadedTable> {
  const table = await lake.catalog.loadTable(tableId(name))
  if (table === undefined) throw new Error(`there is no table ${name}`)
  return table
}

/** The digest as our own scan reads it, at the head or at a snapshot. */
export async function hashPrints(
  lake: Lake,
  name: string,
  snapshotId?: bigint,
): Promise<readonly PrintsHash[]> {
  const { metadata } = await loadPrints(lake, name)
  const of = snapshotId === undefined ? {} : { snapshotId }
  const plan = await planScan({ fileIO: lake.fileIO, metadata, ...of })
  const session = await lake.engine.connect()
  try {
    return await session.rows(printsSql(await planRelation(lake, plan), 'duckdb'))
  } finally {
    session.close()
  }
}

export interface PrintsHash {
  readonly day: unknown
  readonly row_count: bigint
  readonly hash: unknown
}

/** How many rows a digest is of. */
export function countOf(hashes: readonly PrintsHash[]): number {
  return Number(hashes.reduce((sum, { row_count }) => sum + row_count, 0n))
}

/** Locations of everything that lies below a table's own. */
export async function filesOf(lake: Lake, location: string): Promise<string[]> {
  const found: string[] = []
  for await (const file of lake.fileIO.list(`${location}/`)) found.push(file.location)
  return found
}

/** The table with every column taking part in its hash, but for bytes and doubles. */
export function wholeRows(table: TableDefinition): TableDefinition {
  const columns = table.columns.map((column) => ({ ...column, role: 'content' as const }))
  return { ...table, columns }
}

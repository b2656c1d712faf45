import type { ColumnPredicate } from '../../../tables/scan/plan-scan.ts'
import { planScan } from '../../../tables/scan/plan-scan.ts'
import { scanSql } from '../../../tables/scan/scan-sql.ts'
import type { ScanSqlOptions } from '../../../tables/scan/scan-sql.ts'
import type { DataFile } from '../../../tables/spec/manifest.ts'
import type { SchemaField } from '../../../tables/spec/schema.ts'
import type { TableMetadata } from '../../../tables/spec/table-metadata.ts'
import { currentSchema } from '../../../tables/write/current-layout.ts'
import { sampleTable } from '../write/sample-table.ts'
import type { SampleTable, Workshop } from '../write/sample-table.ts'
import { writeForeignFile } from './foreign-files.ts'
import type { ForeignFile } from './foreign-files.ts'
import { growTable } from './growing-table.ts'
import type { GrowingTable } from './growing-table.ts'

let tableCount = 0

/** A table of its own, without rows. */
export function growSample(
  shop: Workshop,
  sample: Omit<SampleTable, 'location'>,
  formatVersion: 2 | 3 = 2,
): GrowingTable {
  const metadata = sampleTable({ ...sample, location: `${shop.location}/t${(tableCount += 1)}` })
  const rowIds = formatVersion === 3 ? { 'next-row-id': 0 } : {}
  return growTable(shop, { ...metadata, 'format-version': formatVersion, ...rowIds })
}

/** A data file for a table; by default with its columns, and with field ids. */
export async function writeFileFor(
  shop: Workshop,
  { metadata }: GrowingTable,
  query: string,
  options: Partial<ForeignFile> = {},
): Promise<DataFile> {
  const { fields } = currentSchema(metadata)
  const location = `${metadata.location}/data/d`
  return writeForeignFile(shop, { location, fields, query, ...options })
}

/** All rows of a table in the order of their first column. */
export async function readTable<T>(
  shop: Workshop,
  { metadata }: { readonly metadata: TableMetadata },
  options: ScanSqlOptions & { readonly filter?: readonly ColumnPredicate[] } = {},
): Promise<T[]> {
  const { filter = [], ...rest } = options
  const plan = await planScan({ fileIO: shop.fileIO, metadata, filter })
  const sql = await scanSql(plan, shop.fileIO, rest)
  return shop.session.rows<T>(`SELECT * FROM (${sql}) ORDER BY 1`)
}

/** Gives a table other columns, as a change of its schema does. */
export function setFields(table: GrowingTable, fields: readonly SchemaField[]): void {
  const { metadata } = table
  const schema = { ...currentSchema(metadata), 'schema-id': metadata.schemas.length, fields }
  const schemas = [...metadata.schemas, schema]
  table.metadata = { ...metadata, schemas, 'current-schema-id': schema['schema-id'] }
}

import { rm } from 'node:fs/promises'
import { columnType } from '../engine/column-type.ts'
import { sqlName } from '../engine/sql-text.ts'
import { SluiceError } from '../errors.ts'
import type { DataFile } from '../spec/manifest.ts'
import { partitionPath } from '../spec/partition-path.ts'
import type { PartitionSpec } from '../spec/partition-spec.ts'
import { findFieldById } from '../spec/schema-fields.ts'
import type { Schema } from '../spec/schema.ts'
import type { SortOrder } from '../spec/sort-order.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'
import { columnMetrics } from './column-metrics.ts'
import { copyToParquet } from './copy-to-parquet.ts'
import type { LocalParquet, ParquetOptions } from './copy-to-parquet.ts'
import { currentSchema, defaultSortOrder, defaultSpec } from './current-layout.ts'
import { splitPartitions } from './split-partitions.ts'
import type { PartitionSlice } from './split-partitions.ts'
import { transformSql } from './transform-sql.ts'
import type { WriteContext } from './write-context.ts'

export interface WriteDataOptions extends ParquetOptions {
  /** Columns to sort by instead of the table's order; none = keep the query's order. */
  readonly sortBy?: readonly string[]
  /** A partition with more rows becomes several files, cut in the order of the sort. */
  readonly maxRows?: number
  /** Begins each file's name: what a reader of names alone shall tell apart. No colon. */
  readonly namePrefix?: string
}

interface Layout {
  readonly table: TableMetadata
  readonly schema: Schema
  readonly spec: PartitionSpec
  readonly orderBy: string
  readonly sortOrderId: number | undefined
}

/**
 * Writes the rows of `query` as Parquet data files, one a partition value, each durable under a
 * name of its own at `<table>/data/<partition>/<uuid>.parquet` when this returns. Columns are
 * matched by name and cast to the table's current schema. No rows, no file. Nothing becomes
 * visible: the files are for a commit to name. The query runs once to find the partitions and
 * once a file, so it should read a temp table, not derive it.
 *
 * Throws `invalid-input` for a column that is missing or cannot be cast, and for a null in a
 * required column (no reader checks that later).
 */
export async function writeDataFiles(
  ctx: WriteContext,
  table: TableMetadata,
  query: string,
  options: WriteDataOptions = {},
): Promise<DataFile[]> {
  const layout = layoutOf(table, options)
  const columns = layout.schema.fields.map((field) => {
    const name = sqlName(field.name)
    return `CAST(${name} AS ${columnType(field.type)}) AS ${name}`
  })
  const relation = `(SELECT ${columns.join(', ')} FROM (${query}))`
  const slices = await splitPartitions(ctx.session, layout.schema, layout.spec, relation)
  const adopted: Promise<DataFile>[] = []
  try {
    for (const slice of slices) {
      const where = slice.condition === undefined ? '' : ` WHERE ${slice.condition}`
      const rows = `SELECT * FROM ${relation}${where}${layout.orderBy}`
      for await (const local of writeSlice(ctx, layout, rows, options)) {
        // The store makes one file durable while the engine writes the next.
        const file = adoptDataFile(ctx, layout, slice, local, options.namePrefix ?? '')
        // Awaited below; until then a failure must not count as one that nobody handles.
        file.catch(() => undefined)
        adopted.push(file)
      }
    }
  } catch (error) {
    await Promise.allSettled(adopted)
    throw error
  }
  return Promise.all(adopted)
}

function layoutOf(table: TableMetadata, options: WriteDataOptions): Layout {
  const schema = currentSchema(table)
  const order = defaultSortOrder(table)
  const { sortBy } = options
  const terms = sortBy === undefined ? sortTerms(order, schema) : sortBy.map(sqlName)
  return {
    table,
    schema,
    spec: defaultSpec(table),
    orderBy: terms.length === 0 ? '' : ` ORDER BY ${terms.join(', ')}`,
    sortOrderId: sortBy === undefined ? order['order-id'] : undefined,
  }
}

function sortTerms(order: SortOrder, schema: Schema): readonly string[] {
  return order.fields.flatMap((sort) => {
    const field = findFieldById(schema, sort['source-id'])
    if (field === undefined) return []
    const direction = sort.direction === 'asc' ? 'ASC' : 'DESC'
    const nulls = sort['null-order'] === 'nulls-first' ? 'NULLS FIRST' : 'NULLS LAST'
    return [`${transformSql(sort.transform, field)} ${direction} ${nulls}`]
  })
}

/** The files of one partition: one, or pieces of at most `maxRows` rows. */
async function* writeSlice(
  ctx: WriteContext,
  layout: Layout,
  rows: string,
  options: WriteDataOptions,
): AsyncGenerator<LocalParquet> {
  const { maxRows } = options
  if (maxRows === undefined) {
    const local = await copyToParquet(ctx, layout.schema.fields, rows, options)
    if (local.rowCount > 0) yield local
    else await rm(local.path, { force: true })
    return
  }
  // A table keeps the order in which it was filled, so its row ids cut it into sorted pieces.
  const sorted = sqlName(`sorted_${ctx.ids.uuid()}`)
  await ctx.session.run(`CREATE TEMP TABLE ${sorted} AS ${rows}`)
  try {
    const [counted] = await ctx.session.rows<{ total: bigint }>(
      `SELECT count(*) AS total FROM ${sorted}`,
    )
    const total = Number(counted?.total ?? 0n)
    for (let start = 0; start < total; start += maxRows) {
      const piece = `SELECT * FROM ${sorted} WHERE rowid >= ${start} AND rowid < ${start + maxRows}`
      yield await copyToParquet(ctx, layout.schema.fields, piece, options)
    }
  } finally {
    await ctx.session.run(`DROP TABLE ${sorted}`)
  }
}

async function adoptDataFile(
  ctx: WriteContext,
  layout: Layout,
  slice: PartitionSlice,
  local: LocalParquet,
  namePrefix: string,
): Promise<DataFile> {
  const { table, schema, spec, sortOrderId } = layout
  try {
    const metrics = columnMetrics(schema, local.statistics)
    checkRequired(schema, metrics.nullValueCounts)
    const folder = dataFolder(table, spec, slice)
    const filePath = `${folder}/${namePrefix}${ctx.ids.uuid()}.parquet`
    const { sizeBytes } = await ctx.fileIO.adopt(local.path, filePath)
    return {
      content: 'data',
      filePath,
      fileFormat: 'PARQUET',
      specId: spec['spec-id'],
      partition: slice.partition,
      recordCount: local.rowCount,
      fileSizeBytes: sizeBytes,
      ...metrics,
      ...(sortOrderId === undefined ? {} : { sortOrderId }),
    }
  } catch (error) {
    await rm(local.path, { force: true })
    throw error
  }
}

function dataFolder(
  table: TableMetadata,
  spec: PartitionSpec,
  slice: Pick<PartitionSlice, 'partition'>,
): string {
  const root = table.properties['write.data.path'] ?? `${table.location}/data`
  const path = partitionPath(spec, slice.partition)
  return path === '' ? root : `${root}/${path}`
}

function checkRequired(schema: Schema, nullCounts: ReadonlyMap<number, number>): void {
  for (const field of schema.fields) {
    const nullCount = field.required ? (nullCounts.get(field.id) ?? 0) : 0
    if (nullCount === 0) continue
    throw new SluiceError(
      'invalid-input',
      `The required column ${field.name} is null in ${nullCount} rows. No file was kept and ` +
        'nothing became visible. Correct the query, or make the column optional.',
      { context: { column: field.name, nullCount } },
    )
  }
}

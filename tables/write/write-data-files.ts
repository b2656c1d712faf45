import { rm } from 'node:fs/promises'
import { SluiceError } from '../errors.ts'
import type { DataFile } from '../spec/manifest.ts'
import { partitionPath } from '../spec/partition-path.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'
import type { Session } from '../engine/engine.ts'
import { sqlName } from '../engine/sql-text.ts'
import { checkRequired } from './check-required.ts'
import { columnMetrics, leavesWithNan } from './column-metrics.ts'
import { copyToParquet } from './copy-to-parquet.ts'
import type { LocalParquet, ParquetOptions } from './copy-to-parquet.ts'
import { countNan } from './count-nan.ts'
import { fitFile, splitOffsets } from './fit-file.ts'
import { isInOrder } from './is-in-order.ts'
import { partitionKeys, splitPartitions } from './split-partitions.ts'
import type { PartitionSlice } from './split-partitions.ts'
import type { WriteContext } from './write-context.ts'
import { hasWriteDefaults, orderBySql, writeLayout } from './write-layout.ts'
import type { LayoutOptions, WriteLayout } from './write-layout.ts'
import { dataRoot } from './write-position-deletes.ts'

export interface WriteDataOptions extends ParquetOptions, LayoutOptions {
  /** A partition with more rows becomes several files, cut in the order of the sort. */
  readonly maxRows?: number
  /** Begins each file's name: what a reader of names alone shall tell apart. No colon. */
  readonly namePrefix?: string
  /**
   * The query reads many rows of one table of the engine and derives little: it may run once a
   * partition, and whether the rows are in order already is looked at before they are sorted.
   */
  readonly readsTable?: boolean
}

/** Up to so many partitions the query runs once for each; rows of more are sorted into a table. */
const DIRECT_PARTITIONS_MAX = 8
/** The same of one that reads a table: a range of it costs less than a sorted copy of all. */
const TABLE_PARTITIONS_MAX = 32

/** Files that the store is taking over while the engine writes on: each takes scratch space. */
const ADOPTED_AT_ONCE = 8

/**
 * Writes the rows of `query` as Parquet data files, one a partition value and target size, each
 * durable under a name of its own at `<table>/data/<partition>/<uuid>.parquet` when this returns.
 * Columns are matched by name and cast to the table's current schema; one that the query does not
 * have gets its default for writers. Codec, sizes, metrics and order are those of the table. No
 * rows, no file. Nothing becomes visible: the files are for a commit to name. The query runs once
 * to find the partitions and again to write them, so it should read a temp table, not derive it.
 * One file is open at a time, however many partitions there are.
 *
 * Throws `invalid-input` for a column that is missing without a default or cannot be cast, for a
 * null in a required column (no reader checks that later), and for a query that gives other rows
 * when run again.
 */
export async function writeDataFiles(
  ctx: WriteContext,
  table: TableMetadata,
  query: string,
  options: WriteDataOptions = {},
): Promise<DataFile[]> {
  const given = hasWriteDefaults(table) ? await columnsOf(ctx.session, query) : undefined
  const layout = writeLayout(table, given === undefined ? options : { ...options, given })
  const relation = `(SELECT ${layout.selected.join(', ')} FROM (${query}))`
  const slices = await splitPartitions(ctx.session, layout.sources, relation)
  const readsTable = options.readsTable === true
  if (slices.length <= (readsTable ? TABLE_PARTITIONS_MAX : DIRECT_PARTITIONS_MAX)) {
    const keys = readsTable ? layout.ascendingKeys : undefined
    const isSorted = keys !== undefined && (await isInOrder(ctx.session, relation, keys))
    const order = isSorted ? '' : orderBySql(layout.sortTerms)
    return writeSlices(ctx, layout, options, slices, ({ condition }) => {
      const where = condition === undefined ? '' : ` WHERE ${condition}`
      return `SELECT * FROM ${relation}${where}${order}`
    })
  }
  // A table keeps the order in which it was filled, so its row ids cut it into partitions.
  const sorted = sqlName(`partitioned_${ctx.ids.uuid()}`)
  const terms = [...partitionKeys(layout.sources), ...layout.sortTerms]
  await ctx.session.run(
    `CREATE TEMP TABLE ${sorted} AS SELECT * FROM ${relation}${orderBySql(terms)}`,
  )
  try {
    let end = 0
    const listed = await splitPartitions(ctx.session, layout.sources, sorted)
    return await writeSlices(ctx, layout, options, listed, ({ rowCount }) => {
      const start = end
      end += rowCount ?? 0
      return `SELECT * FROM ${sorted} WHERE rowid >= ${start} AND rowid < ${end}`
    })
  } finally {
    await ctx.session.run(`DROP TABLE ${sorted}`)
  }
}

/** The names of a query's columns, in lower case: to the engine they are the same in any. */
async function columnsOf(session: Session, query: string): Promise<ReadonlySet<string>> {
  const rows = await session.rows<{ column_name: string }>(
    `SELECT column_name FROM (DESCRIBE ${query})`,
  )
  return new Set(rows.map((row) => row.column_name.toLowerCase()))
}

async function writeSlices(
  ctx: WriteContext,
  layout: WriteLayout,
  options: WriteDataOptions,
  slices: readonly PartitionSlice[],
  rowsOf: (slice: PartitionSlice) => string,
): Promise<DataFile[]> {
  const adopted: Promise<DataFile>[] = []
  try {
    for (const slice of slices) {
      let rowCount = 0
      for await (const local of writeSlice(ctx, layout, rowsOf(slice), options)) {
        rowCount += local.rowCount
        const described = await describeFile(ctx, layout, slice, local)
        // The store makes one file durable while the engine writes the next.
        const file = adoptDataFile(ctx, layout, described, local, options.namePrefix ?? '')
        // Awaited below; until then a failure must not count as one that nobody handles.
        file.catch(() => undefined)
        adopted.push(file)
        await adopted.at(-1 - ADOPTED_AT_ONCE)
      }
      checkRowCount(slice, rowCount)
    }
  } catch (error) {
    await Promise.allSettled(adopted)
    throw error
  }
  return Promise.all(adopted)
}

/** The files of one partition: one, or pieces of the rows and bytes that are wanted at most. */
async function* writeSlice(
  ctx: WriteContext,
  layout: WriteLayout,
  rows: string,
  options: WriteDataOptions,
): AsyncGenerator<LocalParquet> {
  const { properties, fields } = layout
  const { maxRows } = options
  const parquet: ParquetOptions = {
    codec: properties.codec,
    compressionLevel: options.compressionLevel ?? properties.compressionLevel,
    rowGroupRows: options.rowGroupRows ?? properties.rowGroupRows,
  }
  if (maxRows === undefined) {
    const { isRepeated } = options
    const local = await copyToParquet(ctx, fields, rows, { ...parquet, isRepeated })
    if (local.rowCount > 0) yield* fitFile(ctx, fields, local, properties, parquet)
    else await rm(local.path, { force: true })
    return
  }
  const sorted = sqlName(`sorted_${ctx.ids.uuid()}`)
  await ctx.session.run(`CREATE TEMP TABLE ${sorted} AS ${rows}`)
  try {
    const [counted] = await ctx.session.rows<{ total: bigint }>(
      `SELECT count(*) AS total FROM ${sorted}`,
    )
    const total = Number(counted?.total ?? 0n)
    for (let start = 0; start < total; start += maxRows) {
      const piece = `SELECT * FROM ${sorted} WHERE rowid >= ${start} AND rowid < ${start + maxRows}`
      const local = await copyToParquet(ctx, fields, piece, parquet)
      yield* fitFile(ctx, fields, local, properties, parquet)
    }
  } finally {
    await ctx.session.run(`DROP TABLE ${sorted}`)
  }
}

type DescribedFile = Omit<DataFile, 'filePath' | 'fileSizeBytes'>

/** What the manifest says of a file; asks the engine, so not while it does something else. */
async function describeFile(
  ctx: WriteContext,
  layout: WriteLayout,
  slice: PartitionSlice,
  local: LocalParquet,
): Promise<DescribedFile> {
  const { schema, spec, sortOrderId, modeOf } = layout
  const { statistics } = local
  try {
    const openLeaves = leavesWithNan(schema, statistics)
    const nanFacts = await countNan(ctx.session, local.path, openLeaves)
    await checkRequired(ctx.session, schema, local)
    const offsets = await splitOffsets(ctx.session, local)
    return {
      content: 'data',
      fileFormat: 'PARQUET',
      specId: spec['spec-id'],
      partition: slice.partition,
      recordCount: local.rowCount,
      ...columnMetrics({ schema, statistics, modeOf, nanFacts }),
      ...(offsets === undefined ? {} : { splitOffsets: offsets }),
      ...(sortOrderId === undefined ? {} : { sortOrderId }),
    }
  } catch (error) {
    await rm(local.path, { force: true })
    throw error
  }
}

async function adoptDataFile(
  ctx: WriteContext,
  { table, spec }: WriteLayout,
  described: DescribedFile,
  local: LocalParquet,
  namePrefix: string,
): Promise<DataFile> {
  try {
    const path = partitionPath(spec, described.partition)
    const folder = path === '' ? dataRoot(table) : `${dataRoot(table)}/${path}`
    const filePath = `${folder}/${namePrefix}${ctx.ids.uuid()}.parquet`
    const { sizeBytes } = await ctx.fileIO.adopt(local.path, filePath)
    return { ...described, filePath, fileSizeBytes: sizeBytes }
  } catch (error) {
    await rm(local.path, { force: true })
    throw error
  }
}

function checkRowCount({ rowCount }: PartitionSlice, written: number): void {
  if (rowCount === undefined || rowCount === written) return
  throw new SluiceError(
    'invalid-input',
    `The query gave ${rowCount} rows of a partition at first and ${written} when it was run ` +
      'again. Nothing became visible. Fill a temp table with its rows, and write from that.',
  )
}

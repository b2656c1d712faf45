import { rm } from 'node:fs/promises'
import { sqlString } from '../engine/sql-text.ts'
import { SluiceError } from '../errors.ts'
import type { DataFile, PositionDelete } from '../spec/manifest.ts'
import { partitionPath } from '../spec/partition-path.ts'
import type { SchemaField } from '../spec/schema.ts'
import { int64Bytes } from '../spec/single-value.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'
import { copyToParquet } from './copy-to-parquet.ts'
import type { LocalParquet, ParquetOptions } from './copy-to-parquet.ts'
import { specById } from './current-layout.ts'
import type { WriteContext } from './write-context.ts'

/** Reserved field ids. Source: https://iceberg.apache.org/spec/#reserved-field-ids */
export const FILE_PATH_FIELD_ID = 2_147_483_546
export const POSITION_FIELD_ID = 2_147_483_545

const deleteFields: readonly SchemaField[] = [
  { id: FILE_PATH_FIELD_ID, name: 'file_path', required: true, type: 'string' },
  { id: POSITION_FIELD_ID, name: 'pos', required: true, type: 'long' },
]

/** Rows of one data file, by their place in the file (from 0). */
export interface DeletedPositions {
  readonly file: DataFile
  readonly positions: readonly bigint[]
}

/**
 * Writes one delete file for each data file: it names that file only and carries its spec and
 * partition, without which readers pass it over in silence. Positions are sorted and made
 * distinct. A data file without positions gets none: an empty delete file crashes PyIceberg.
 */
export async function writePositionDeletes(
  ctx: WriteContext,
  table: TableMetadata,
  deletes: readonly DeletedPositions[],
  options: ParquetOptions = {},
): Promise<PositionDelete[]> {
  const written: PositionDelete[] = []
  for (const { file, positions } of deletes) {
    const sorted = sortedPositions(positions)
    checkPositions(file, sorted)
    if (sorted.length === 0) continue
    const query =
      `SELECT ${sqlString(file.filePath)} AS file_path, ` +
      `unnest(CAST([${sorted.join(',')}] AS BIGINT[])) AS pos`
    const local = await copyToParquet(ctx, deleteFields, query, options)
    written.push(await adoptDeleteFile(ctx, table, file, sorted, local))
  }
  return written
}

/** Rising, each once. */
export function sortedPositions(positions: readonly bigint[]): readonly bigint[] {
  return [...new Set(positions)].sort((a, b) => (a < b ? -1 : 1))
}

/** Where the table's data and delete files lie. */
export function dataRoot(table: TableMetadata): string {
  return table.properties['write.data.path'] ?? `${table.location}/data`
}

/** Throws `invalid-input` for positions outside of the file. */
export function checkPositions(file: DataFile, sorted: readonly bigint[]): void {
  const last = sorted.at(-1)
  const first = sorted[0]
  if (first === undefined || last === undefined) return
  if (first >= 0n && last < BigInt(file.recordCount)) return
  throw new SluiceError(
    'invalid-input',
    `Positions ${first} to ${last} were to be deleted in a file of ${file.recordCount} rows. ` +
      'No delete file was written. Find the rows again in the current snapshot.',
    { context: { file: file.filePath } },
  )
}

async function adoptDeleteFile(
  ctx: WriteContext,
  table: TableMetadata,
  file: DataFile,
  sorted: readonly bigint[],
  local: LocalParquet,
): Promise<PositionDelete> {
  const root = dataRoot(table)
  const folder = partitionPath(specById(table, file.specId), file.partition)
  const filePath = [root, folder, `${ctx.ids.uuid()}-deletes.parquet`].filter(Boolean).join('/')
  const path = Buffer.from(file.filePath, 'utf8')
  const bounds = (position: bigint | undefined): ReadonlyMap<number, Uint8Array> =>
    new Map<number, Uint8Array>([
      // Never truncated: equal bounds say to older readers that one file is meant.
      [FILE_PATH_FIELD_ID, path],
      [POSITION_FIELD_ID, int64Bytes(position ?? 0n)],
    ])
  const counts = (count: number): ReadonlyMap<number, number> =>
    new Map(deleteFields.map((field) => [field.id, count]))
  try {
    const { sizeBytes } = await ctx.fileIO.adopt(local.path, filePath)
    return {
      content: 'position-deletes',
      filePath,
      fileFormat: 'PARQUET',
      specId: file.specId,
      partition: file.partition,
      recordCount: local.rowCount,
      fileSizeBytes: sizeBytes,
      columnSizes: new Map(),
      valueCounts: counts(local.rowCount),
      nullValueCounts: counts(0),
      nanValueCounts: new Map(),
      lowerBounds: bounds(sorted[0]),
      upperBounds: bounds(sorted.at(-1)),
      referencedDataFile: file.filePath,
    }
  } catch (error) {
    await rm(local.path, { force: true })
    throw error
  }
}

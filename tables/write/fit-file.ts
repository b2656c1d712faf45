import { rm } from 'node:fs/promises'
import type { Session } from '../engine/engine.ts'
import { sqlPath } from '../engine/sql-text.ts'
import type { SchemaField } from '../spec/schema.ts'
import { copyToParquet } from './copy-to-parquet.ts'
import type { LocalParquet, ParquetOptions } from './copy-to-parquet.ts'
import type { WriteContext } from './write-context.ts'

/** The engine cuts row groups at multiples of its vectors. */
const VECTOR_ROWS = 2048

export interface FitTargets {
  readonly targetFileSizeBytes: number
  readonly rowGroupSizeBytes: number | undefined
}

/**
 * The file itself where its size and row groups are what the table wants, which is the usual
 * case; else several that are, with the same rows in the same order. How large rows become is
 * known only once they are written: the engine's own option for file sizes gives up their order.
 */
export async function* fitFile(
  ctx: WriteContext,
  fields: readonly SchemaField[],
  local: LocalParquet,
  targets: FitTargets,
  options: ParquetOptions,
): AsyncGenerator<LocalParquet> {
  const bytesPerRow = local.sizeBytes / local.rowCount
  const isTooLarge = local.sizeBytes > targets.targetFileSizeBytes && local.rowCount > 1
  const rowsPerFile = isTooLarge
    ? Math.max(1, Math.floor(targets.targetFileSizeBytes / bytesPerRow))
    : local.rowCount
  const rowGroupRows = groupRows(local, bytesPerRow, targets.rowGroupSizeBytes)
  if (rowsPerFile >= local.rowCount && rowGroupRows === local.rowGroupRows) {
    yield local
    return
  }
  try {
    const file = `read_parquet(${sqlPath(local.path)}, hive_partitioning = false)`
    for (let start = 0; start < local.rowCount; start += rowsPerFile) {
      const end = start + rowsPerFile
      const rows =
        `SELECT * FROM ${file} ` + `WHERE file_row_number >= ${start} AND file_row_number < ${end}`
      yield await copyToParquet(ctx, fields, rows, { ...options, rowGroupRows })
    }
  } finally {
    await rm(local.path, { force: true })
  }
}

/** Rows of a group that come near the wanted bytes; as they are where that changes nothing. */
function groupRows(
  local: LocalParquet,
  bytesPerRow: number,
  wantedBytes: number | undefined,
): number {
  const held = local.rowGroupRows
  if (wantedBytes === undefined) return held
  const wanted = Math.max(1, Math.floor(wantedBytes / bytesPerRow / VECTOR_ROWS)) * VECTOR_ROWS
  const isOneGroup = local.rowCount <= Math.min(held, wanted)
  return isOneGroup ? held : wanted
}

/**
 * Where each row group starts in the file, for readers that share a file among workers. Undefined
 * for a file of one group, which nobody can share.
 */
export async function splitOffsets(
  session: Session,
  local: LocalParquet,
): Promise<readonly number[] | undefined> {
  if (local.rowCount <= local.rowGroupRows) return undefined
  const rows = await session.rows<{ start: bigint }>(
    'SELECT min(least(data_page_offset, coalesce(dictionary_page_offset, data_page_offset))) ' +
      `AS start FROM parquet_metadata(${sqlPath(local.path)}) ` +
      'GROUP BY row_group_id ORDER BY row_group_id',
  )
  return rows.map(({ start }) => Number(start))
}

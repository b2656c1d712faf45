import { join } from 'node:path'
import type { RowValue } from '../engine/row-value.ts'
import { sqlString } from '../engine/sql-text.ts'
import { SluiceError } from '../errors.ts'
import type { SchemaField } from '../spec/schema.ts'
import type { FileStatistics } from './column-metrics.ts'
import { fieldIdsOption } from './field-ids.ts'
import type { WriteContext } from './write-context.ts'

/** zstd's own default: a good size for files that stay. */
export const DEFAULT_COMPRESSION_LEVEL = 3

/** DuckDB's own default; the unit of pruning inside a file. */
export const DEFAULT_ROW_GROUP_ROWS = 122_880

export interface ParquetOptions {
  readonly compressionLevel?: number
  readonly rowGroupRows?: number
}

export interface LocalParquet {
  readonly path: string
  readonly rowCount: number
  readonly sizeBytes: number
  readonly statistics: FileStatistics
}

interface CopyRow {
  readonly count: bigint
  readonly file_size_bytes: bigint
  readonly column_statistics: readonly { readonly key: string; readonly value: RowValue }[]
}

/** Runs `query` into one new Parquet file of the scratch folder: zstd, field ids, statistics. */
export async function copyToParquet(
  ctx: WriteContext,
  fields: readonly SchemaField[],
  query: string,
  options: ParquetOptions,
): Promise<LocalParquet> {
  const path = join(ctx.scratchDir, `${ctx.ids.uuid()}.parquet`)
  const [row] = await ctx.session.rows<CopyRow>(
    `COPY (${query}) TO ${sqlString(path)} (FORMAT parquet, COMPRESSION zstd, ` +
      `COMPRESSION_LEVEL ${options.compressionLevel ?? DEFAULT_COMPRESSION_LEVEL}, ` +
      `ROW_GROUP_SIZE ${options.rowGroupRows ?? DEFAULT_ROW_GROUP_ROWS}, ` +
      `FIELD_IDS ${fieldIdsOption(fields)}, RETURN_STATS)`,
  )
  if (row === undefined) {
    throw new SluiceError('corrupt-data', `The engine said nothing about the file ${path}.`)
  }
  return {
    path,
    rowCount: Number(row.count),
    sizeBytes: Number(row.file_size_bytes),
    statistics: new Map(row.column_statistics.map(({ key, value }) => [key, textsOf(value)])),
  }
}

function textsOf(entries: RowValue): ReadonlyMap<string, string> {
  const texts = new Map<string, string>()
  if (!Array.isArray(entries)) return texts
  for (const entry of entries as readonly { readonly key: string; readonly value: RowValue }[]) {
    if (typeof entry.value === 'string') texts.set(entry.key, entry.value)
  }
  return texts
}

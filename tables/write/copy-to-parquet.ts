import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { Session } from '../engine/engine.ts'
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
  /** Of zstd; the other codecs have none. */
  readonly compressionLevel?: number | undefined
  readonly rowGroupRows?: number | undefined
  /** In the engine's words; default zstd. */
  readonly codec?: string
  /** The same query comes again and again, over few rows: its plan is kept. */
  readonly isRepeated?: boolean | undefined
}

export interface LocalParquet {
  readonly path: string
  readonly rowCount: number
  readonly sizeBytes: number
  /** Rows of each of its row groups but the last. */
  readonly rowGroupRows: number
  readonly statistics: FileStatistics
}

interface CopyRow {
  readonly count: bigint
  readonly file_size_bytes: bigint
  readonly column_statistics: readonly { readonly key: string; readonly value: RowValue }[]
}

/**
 * Where a session's repeated statements write: the path is part of a plan. The file is renamed
 * before the session runs another one.
 */
const repeatedPaths = new WeakMap<Session, string>()

function repeatedPath({ session, scratchDir, ids }: WriteContext): string {
  const known = repeatedPaths.get(session)
  if (known !== undefined) return known
  const path = join(scratchDir, `repeated-${ids.uuid()}.parquet`)
  repeatedPaths.set(session, path)
  return path
}

/** Runs `query` into one new Parquet file of the scratch folder, with field ids; asks for its statistics. */
export async function copyToParquet(
  ctx: WriteContext,
  fields: readonly SchemaField[],
  query: string,
  options: ParquetOptions,
): Promise<LocalParquet> {
  const codec = options.codec ?? 'zstd'
  const rowGroupRows = options.rowGroupRows ?? DEFAULT_ROW_GROUP_ROWS
  const level = `COMPRESSION_LEVEL ${options.compressionLevel ?? DEFAULT_COMPRESSION_LEVEL}, `
  const path = join(ctx.scratchDir, `${ctx.ids.uuid()}.parquet`)
  const copySql = (to: string): string =>
    `COPY (${query}) TO ${sqlString(to)} (FORMAT parquet, COMPRESSION ${codec}, ` +
    `${codec === 'zstd' ? level : ''}ROW_GROUP_SIZE ${rowGroupRows}, ` +
    `FIELD_IDS ${fieldIdsOption(fields)}, RETURN_STATS)`
  const copy = async (): Promise<CopyRow[]> => {
    if (options.isRepeated !== true) return ctx.session.rows<CopyRow>(copySql(path))
    const made = repeatedPath(ctx)
    const rows = await ctx.session.rowsKept<CopyRow>(copySql(made))
    await rename(made, path)
    return rows
  }
  const [row] = await copy()
  if (row === undefined) {
    throw new SluiceError('corrupt-data', `The engine said nothing about the file ${path}.`)
  }
  return {
    path,
    rowCount: Number(row.count),
    sizeBytes: Number(row.file_size_bytes),
    rowGroupRows,
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

import { open, type FileHandle } from 'node:fs/promises'
import type { Session } from '../tables/engine/engine.ts'
import { sqlString } from '../tables/engine/sql-text.ts'
import type { FileIO } from '../tables/file-io/file-io.ts'

/** A part of a file: from, until (exclusive). */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** What of a Parquet file a statement reads. */
export interface WantedChunks {
  readonly columns: readonly string[]
  /** Only row groups that may hold this value of `venue_symbol`. */
  readonly symbol?: string
}

/** Requests at a time, as an engine would make them. */
const REQUESTS_MAX = 8
/** A gap that is read along costs less than a request of its own. */
const GAP_BYTES_MAX = 128 * 1024
/** Holds the footer of most files. */
const TAIL_BYTES = 64 * 1024
const FOOTER_END_BYTES = 8

/**
 * Where the wanted column chunks lie, near ones joined. Bloom filters are among them: the engine
 * asks them, and a hole in their place would say that a value is nowhere in the file.
 */
export async function rangesOf(
  session: Session,
  path: string,
  { columns, symbol }: WantedChunks,
): Promise<readonly ByteRange[]> {
  const names = columns.map(sqlString).join(', ')
  const holding =
    symbol === undefined
      ? ''
      : ` AND row_group_id IN (SELECT row_group_id FROM parquet_metadata(${sqlString(path)})
          WHERE path_in_schema = 'venue_symbol'
          AND ${sqlString(symbol)} BETWEEN stats_min_value AND stats_max_value)`
  const rows = await session.rows<{ first: bigint; length: bigint }>(
    `SELECT least(coalesce(dictionary_page_offset, data_page_offset), data_page_offset)::BIGINT
      AS "first", total_compressed_size::BIGINT AS length
    FROM parquet_metadata(${sqlString(path)}) WHERE path_in_schema IN (${names})${holding}
    UNION ALL SELECT bloom_filter_offset::BIGINT, bloom_filter_length::BIGINT
    FROM parquet_metadata(${sqlString(path)})
    WHERE bloom_filter_offset IS NOT NULL AND path_in_schema IN (${names})${holding}
    ORDER BY ALL`,
  )
  const joined: { start: number; end: number }[] = []
  for (const { first, length } of rows) {
    const start = Number(first)
    const last = joined.at(-1)
    if (last === undefined || start - last.end > GAP_BYTES_MAX) {
      joined.push({ start, end: start + Number(length) })
    } else last.end = Math.max(last.end, start + Number(length))
  }
  return joined
}

/** A local file as long as the remote one, with its footer and these ranges; the rest is holes. */
export async function copyRanges(
  fileIO: FileIO,
  location: string,
  sizeBytes: number,
  ranges: readonly ByteRange[],
  target: string,
): Promise<{ readonly bytesRead: number; readonly requestCount: number }> {
  const file = await open(target, 'wx')
  let bytesRead = 0
  let requestCount = 0
  const copy = async ({ start, end }: ByteRange): Promise<Uint8Array> => {
    const bytes = await fileIO.read(location, { offset: start, length: end - start })
    await writeAt(file, bytes, start)
    bytesRead += bytes.length
    requestCount += 1
    return bytes
  }
  try {
    await file.truncate(sizeBytes)
    await copyFooter(sizeBytes, copy)
    const waiting = [...ranges]
    const work = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await copy(next)
    }
    await Promise.all(Array.from({ length: REQUESTS_MAX }, work))
    return { bytesRead, requestCount }
  } finally {
    await file.close()
  }
}

async function copyFooter(
  sizeBytes: number,
  copy: (range: ByteRange) => Promise<Uint8Array>,
): Promise<void> {
  const start = Math.max(0, sizeBytes - TAIL_BYTES)
  const tail = Buffer.from(await copy({ start, end: sizeBytes }))
  const footerStart =
    sizeBytes - FOOTER_END_BYTES - tail.readUInt32LE(tail.length - FOOTER_END_BYTES)
  if (footerStart < start) await copy({ start: footerStart, end: start })
}

async function writeAt(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done)
    done += bytesWritten
  }
}

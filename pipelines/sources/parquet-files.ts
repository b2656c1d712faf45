import { createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { IdSource } from '../../tables/clock.ts'
import type { Engine, Session } from '../../tables/engine/engine.ts'
import { sqlName, sqlString } from '../../tables/engine/sql-text.ts'
import { SluiceError } from '../../tables/errors.ts'
import { corruptFile, type ArchivePart } from './archive-parts.ts'
import { readArchiveBytes } from './archive-stream.ts'
import type { PartReading, PartRecord } from './part-reader.ts'

/** Rows of Parquet as messages: a JSON object whose values are texts, null or nested. */
export interface ParquetFiles {
  columnNames(part: ArchivePart): Promise<readonly string[]>
  read(part: ArchivePart, startNumber: number, onRead: (bytes: number) => void): PartReading
}

export interface ParquetOptions {
  readonly engine: Engine
  /** A packed file is unpacked into it: Parquet is read from its end. */
  readonly scratchDir: string
  readonly ids: IdSource
}

interface Column {
  readonly column_name: string
  readonly column_type: string
}

/** @throws SluiceError `corrupt-data`, from each of its functions, for what is no Parquet. */
export function createParquetFiles(options: ParquetOptions): ParquetFiles {
  return {
    columnNames: (part) =>
      withOpened(part, options, async (session, path) => {
        const columns = await describe(session, path)
        return columns.map(({ column_name: name }) => name)
      }),
    read: (part, startNumber, onRead) => {
      let recordCount = 0
      const count = (rows: number) => {
        recordCount = rows
      }
      return {
        blocks: readRows(part, startNumber, options, onRead, count),
        recordCount: () => recordCount,
      }
    },
  }
}

async function* readRows(
  part: ArchivePart,
  startNumber: number,
  options: ParquetOptions,
  onRead: (bytes: number) => void,
  onCount: (rows: number) => void,
): AsyncGenerator<readonly PartRecord[]> {
  const opened = await open(part, options)
  try {
    const { session, path } = opened
    const columns = await describe(session, path)
    const [total] = await session.rows<{ n: bigint }>(
      `SELECT coalesce(sum(num_rows), 0)::BIGINT AS n FROM parquet_file_metadata(${sqlString(path)})`,
    )
    const rowCount = Number(total?.n ?? 0n)
    onCount(rowCount)
    let told = 0
    const tell = (rows: number) => {
      const passed = rowCount === 0 ? part.sizeBytes : (rows / rowCount) * part.sizeBytes
      onRead(Math.floor(passed) - told)
      told = Math.floor(passed)
    }
    const { blocks } = await session.stream(
      `SELECT file_row_number, ${rowJsonSql(columns)} FROM read_parquet(${sqlString(path)}, ` +
        `file_row_number = true) WHERE file_row_number >= ${startNumber}`,
    )
    let next = startNumber
    for await (const block of blocks) {
      const records = block.map(([number, text]): PartRecord => {
        // Sorting would need all rows at once; the engine keeps their order, and this proves it.
        if (number !== BigInt(next) || typeof text !== 'string') {
          throw new Error(`its rows do not come in order at row ${next}`)
        }
        next += 1
        const payload = Buffer.from(text, 'utf8')
        return { number: next - 1, receivedUs: '', headers: undefined, payload }
      })
      yield records
      tell(next)
    }
    tell(rowCount)
  } catch (error) {
    throw asCorrupt(part, error)
  } finally {
    await opened.close()
  }
}

async function describe(session: Session, path: string): Promise<readonly Column[]> {
  return session.rows<Column>(
    `SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM read_parquet(${sqlString(path)}))`,
  )
}

/** All values as text: a JSON number would have passed through a double. */
function rowJsonSql(columns: readonly Column[]): string {
  const pairs = columns.map(({ column_name: name, column_type: type }) => {
    return `${sqlString(name)}, ${textSql(sqlName(name), type)}`
  })
  return `CAST(json_object(${pairs.join(', ')}) AS VARCHAR)`
}

const ISO = '%Y-%m-%dT%H:%M:%S'

function textSql(value: string, type: string): string {
  if (type === 'TIMESTAMP WITH TIME ZONE')
    return `strftime(timezone('UTC', ${value}), '${ISO}.%fZ')`
  if (type === 'TIMESTAMP_NS') return `strftime(${value}, '${ISO}.%n')`
  if (type.startsWith('TIMESTAMP')) return `strftime(CAST(${value} AS TIMESTAMP), '${ISO}.%f')`
  if (type === 'BLOB') return `base64(${value})`
  const isNested = /[[(]|^MAP|^STRUCT/.test(type) && !/^(DECIMAL|ENUM)\([^[]*\)$/.test(type)
  return isNested ? `to_json(${value})` : `CAST(${value} AS VARCHAR)`
}

interface Opened {
  readonly session: Session
  readonly path: string
  close(): Promise<void>
}

async function open(part: ArchivePart, options: ParquetOptions): Promise<Opened> {
  const { engine, scratchDir, ids } = options
  const unpacked = part.kind === 'plain' ? undefined : join(scratchDir, `${ids.uuid()}.unpacked`)
  const remove = async (): Promise<void> => {
    if (unpacked !== undefined) await rm(unpacked, { force: true })
  }
  try {
    if (unpacked !== undefined) {
      const bytes = Readable.from(readArchiveBytes(part, () => undefined))
      await pipeline(bytes, createWriteStream(unpacked, { mode: 0o600 }))
    }
    const session = await engine.connect()
    const close = async () => {
      session.close()
      await remove()
    }
    return { session, path: unpacked ?? part.path, close }
  } catch (error) {
    await remove()
    throw error
  }
}

async function withOpened<T>(
  part: ArchivePart,
  options: ParquetOptions,
  work: (session: Session, path: string) => Promise<T>,
): Promise<T> {
  const opened = await open(part, options)
  try {
    return await work(opened.session, opened.path)
  } catch (error) {
    throw asCorrupt(part, error)
  } finally {
    await opened.close()
  }
}

/** What the engine cannot read is the file's fault, except for what has a kind of its own. */
function asCorrupt(part: ArchivePart, error: unknown): unknown {
  const isFile = error instanceof SluiceError && error.kind !== 'invalid-input'
  return isFile && error.kind !== 'storage-unavailable' ? error : corruptFile(part.shownPath, error)
}

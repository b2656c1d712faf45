import type { Catalog } from '../catalog/catalog.ts'
import type { Engine, Session, TypedColumn } from '../engine/engine.ts'
import type { RowValue } from '../engine/row-value.ts'
import type { FileIO } from '../file-io/file-io.ts'
import type { ManifestCache } from '../scan/manifest-cache.ts'
import type { TableIdentifier } from '../spec/table-identifier.ts'
import { cutOfResult, readAtOneCut } from './choose-cut.ts'
import type { LakeQueryOptions } from './choose-cut.ts'
import { findReferences } from './find-references.ts'
import { parseStatement } from './parse-statement.ts'
import { resolveTables } from './resolve-tables.ts'
import { openScope } from './query-scope.ts'
import { rewriteStatement } from './rewrite-statement.ts'
import { createTableLookup } from './table-lookup.ts'
import { toExactValue, toResultValue } from '../engine/result-value.ts'
import { copyToParquet } from './copy-to-parquet.ts'

export interface LakeQueryParts {
  readonly catalog: Catalog
  readonly fileIO: FileIO
  /** Made with `allowedDirectories` where the SQL comes from users. */
  readonly engine: Engine
  /** The table that takes part in every cut; without it there are no cuts to choose. */
  readonly cutsTable?: TableIdentifier
  readonly manifestCache?: ManifestCache
}

/** What a statement read. */
export interface ReadState {
  /** The cut that the tables were read at, where the lake has cuts. */
  readonly cut?: number
  /** When that cut was committed, µs since 1970. */
  readonly cutCommittedUs?: bigint
  /** The snapshot that each table was read at, by dotted name; undefined = it had none. */
  readonly snapshots: ReadonlyMap<string, bigint | undefined>
}

/** Rows as lists in the order of the columns, their values as the options said. */
export interface LakeQueryResult extends ReadState {
  readonly columns: readonly TypedColumn[]
  /** Read once; at the end, or where the reader breaks off, the session is given back. */
  readonly rows: AsyncIterable<readonly RowValue[]>
  /** For a caller that does not read the rows. Harmless after them. */
  close(): Promise<void>
}

export interface WrittenParquet extends ReadState {
  readonly rowCount: number
}

export interface LakeQuery {
  /**
   * Runs one statement that reads. Tables without an AT clause are read at one cut, the newest
   * unless the options say another. Throws `invalid-input` for what is refused, unknown or expired.
   */
  query(sql: string, options?: LakeQueryOptions): Promise<LakeQueryResult>
  /**
   * Runs one statement and writes its rows into a new Parquet file (ZSTD), by the engine alone.
   * The path lies in a folder that the engine may open. Throws as `query`, and `unsupported` for
   * a type that Parquet does not hold exactly.
   */
  writeParquet(sql: string, path: string, options?: LakeQueryOptions): Promise<WrittenParquet>
}

/** SQL over the tables of a catalog, read only, with time travel. */
export function createLakeQuery(parts: LakeQueryParts): LakeQuery {
  return {
    query: async (sql, options = {}) => {
      const { session, text, state, close } = await openStatement(parts, sql, options)
      try {
        const convert = options.values === 'exact' ? toExactValue : toResultValue
        const stream = await session.stream(text, convert)
        const closeAll = closeOnce(async () => {
          await stream.close()
          await close()
        })
        return {
          columns: stream.columns,
          rows: readRows(stream.blocks, closeAll),
          ...state,
          close: closeAll,
        }
      } catch (error) {
        await close()
        throw error
      }
    },
    writeParquet: async (sql, path, options = {}) => {
      const { session, text, state, close } = await openStatement(parts, sql, options)
      try {
        return { rowCount: await copyToParquet(session, text, path), ...state }
      } finally {
        await close()
      }
    },
  }
}

/** A statement that is ready to be run, its tables named by views of the chosen snapshots. */
interface OpenStatement {
  readonly session: Session
  readonly text: string
  readonly state: ReadState
  readonly close: () => Promise<void>
}

async function openStatement(
  parts: LakeQueryParts,
  sql: string,
  options: LakeQueryOptions,
): Promise<OpenStatement> {
  const { signal } = options
  const session = await parts.engine.connect()
  const interrupt = (): void => {
    session.interrupt()
  }
  const closeSession = (): void => {
    signal?.removeEventListener('abort', interrupt)
    session.close()
  }
  signal?.addEventListener('abort', interrupt)
  try {
    const statement = await prepareStatement(parts, session, sql, options)
    signal?.throwIfAborted()
    const close = closeOnce(async () => {
      await statement.close()
      closeSession()
    })
    return { session, ...statement, close }
  } catch (error) {
    closeSession()
    throw error
  }
}

async function prepareStatement(
  parts: LakeQueryParts,
  session: Session,
  sql: string,
  options: LakeQueryOptions,
): Promise<Omit<OpenStatement, 'session'>> {
  const statement = await parseStatement(session, sql)
  const references = findReferences(statement.tree)
  const { read: resolved, cut } = await readAtOneCut(parts, options, (cut) =>
    resolveTables({
      session,
      lookup: createTableLookup(parts.catalog),
      references,
      cut,
      cutsTable: parts.cutsTable,
      fileIO: parts.fileIO,
      manifestCache: parts.manifestCache,
    }),
  )
  const scope = await openScope(parts.engine, session, resolved.views)
  try {
    const text =
      resolved.renamed.length === 0
        ? statement.text
        : await rewriteStatement(session, statement, resolved.renamed)
    return {
      text: `${statement.prefix}${text}`,
      state: { snapshots: resolved.snapshots, ...cutOfResult(cut) },
      close: () => scope.close(),
    }
  } catch (error) {
    await scope.close()
    throw error
  }
}

function closeOnce(close: () => Promise<void>): () => Promise<void> {
  let closing: Promise<void> | undefined
  return () => (closing ??= close())
}

async function* readRows(
  blocks: AsyncIterable<readonly (readonly RowValue[])[]>,
  close: () => Promise<void>,
): AsyncGenerator<readonly RowValue[]> {
  try {
    for await (const block of blocks) yield* block
  } finally {
    await close()
  }
}

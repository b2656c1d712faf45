import type { Catalog } from '../catalog/catalog.ts'
import type { Engine, ResultColumn, Session } from '../engine/engine.ts'
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
import { toResultValue } from '../engine/result-value.ts'

export interface LakeQueryParts {
  readonly catalog: Catalog
  readonly fileIO: FileIO
  /** Made with `allowedDirectories` where the SQL comes from users. */
  readonly engine: Engine
  /** The table that takes part in every cut; without it there are no cuts to choose. */
  readonly cutsTable?: TableIdentifier
  readonly manifestCache?: ManifestCache
}

/** Rows as lists in the order of the columns. The values are those of `toResultValue`. */
export interface LakeQueryResult {
  readonly columns: readonly ResultColumn[]
  /** Read once; at the end, or where the reader breaks off, the session is given back. */
  readonly rows: AsyncIterable<readonly RowValue[]>
  /** The cut that the tables were read at, where the lake has cuts. */
  readonly cut?: number
  /** When that cut was committed, µs since 1970. */
  readonly cutCommittedUs?: bigint
  /** The snapshot that each table was read at, by dotted name; undefined = it had none. */
  readonly snapshots: ReadonlyMap<string, bigint | undefined>
  /** For a caller that does not read the rows. Harmless after them. */
  close(): Promise<void>
}

export interface LakeQuery {
  /**
   * Runs one statement that reads. Tables without an AT clause are read at one cut, the newest
   * unless the options say another. Throws `invalid-input` for what is refused, unknown or expired.
   */
  query(sql: string, options?: LakeQueryOptions): Promise<LakeQueryResult>
}

/** SQL over the tables of a catalog, read only, with time travel. */
export function createLakeQuery(parts: LakeQueryParts): LakeQuery {
  return {
    query: async (sql, options = {}) => {
      const session = await parts.engine.connect()
      try {
        return await runQuery(parts, session, sql, options)
      } catch (error) {
        session.close()
        throw error
      }
    },
  }
}

async function runQuery(
  parts: LakeQueryParts,
  session: Session,
  sql: string,
  options: LakeQueryOptions,
): Promise<LakeQueryResult> {
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
    const stream = await session.stream(`${statement.prefix}${text}`, toResultValue)
    const close = closeOnce(async () => {
      await scope.close()
      session.close()
    })
    return {
      columns: stream.columns,
      rows: readRows(stream.blocks, close),
      snapshots: resolved.snapshots,
      close,
      ...cutOfResult(cut),
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

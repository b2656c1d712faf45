import type { Catalog, LoadedTable } from '../catalog/catalog.ts'
import { committedCut, cutHistory } from '../spec/cut-history.ts'
import type { Engine, ResultColumn, Session } from '../engine/engine.ts'
import type { RowValue } from '../engine/row-value.ts'
import { SluiceError } from '../errors.ts'
import type { FileIO } from '../file-io/file-io.ts'
import type { ManifestCache } from '../scan/manifest-cache.ts'
import type { TableIdentifier } from '../spec/table-identifier.ts'
import { findCut, findCutAsOf } from './choose-snapshot.ts'
import { findReferences } from './find-references.ts'
import type { StatementReferences } from './find-references.ts'
import { parseStatement } from './parse-statement.ts'
import { resolveTables } from './resolve-tables.ts'
import type { ReadCut, ResolvedTables } from './resolve-tables.ts'
import { openScope } from './query-scope.ts'
import { rewriteStatement } from './rewrite-statement.ts'
import { createTableLookup } from './table-lookup.ts'
import { toResultValue } from '../engine/result-value.ts'
import { parseTimeText } from '../spec/time-text.ts'

/** Each read is a handful of files; a lake makes a cut a second. */
const READ_ATTEMPTS = 5

export interface LakeQueryParts {
  readonly catalog: Catalog
  readonly fileIO: FileIO
  /** Made with `allowedDirectories` where the SQL comes from users. */
  readonly engine: Engine
  /** The table that takes part in every cut; without it there are no cuts to choose. */
  readonly cutsTable?: TableIdentifier
  readonly manifestCache?: ManifestCache
}

export interface LakeQueryOptions {
  /** Every table as of this cut. */
  readonly cut?: number
  /** Every table as of the last kept cut at or before: ISO text, or µs since 1970. */
  readonly asOf?: string | bigint
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
  const { resolved, cut } = await resolveAtOneCut(parts, session, references, options)
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
      ...(cut === undefined
        ? {}
        : {
            cut: cut.record.cutNumber,
            cutCommittedUs: BigInt(cut.record.committedMs) * 1000n,
          }),
    }
  } catch (error) {
    await scope.close()
    throw error
  }
}

/**
 * The cut is read before any table, so each table then holds all that the cut made of it, and
 * what came after can be told apart. Only where a table expired past the cut in between is it
 * read again.
 */
async function resolveAtOneCut(
  parts: LakeQueryParts,
  session: Session,
  references: StatementReferences,
  options: LakeQueryOptions,
): Promise<{ readonly resolved: ResolvedTables; readonly cut: ReadCut | undefined }> {
  for (let attempt = 0; attempt < READ_ATTEMPTS; attempt += 1) {
    const cut = await chooseCut(parts, options)
    const resolved = await resolveTables({
      session,
      lookup: createTableLookup(parts.catalog),
      references,
      cut,
      cutsTable: parts.cutsTable,
      fileIO: parts.fileIO,
      manifestCache: parts.manifestCache,
    })
    if (resolved !== undefined) return { resolved, cut }
  }
  throw new SluiceError(
    'storage-unavailable',
    `The tables moved on ${READ_ATTEMPTS} times while they were read, faster than they could be ` +
      'brought to one cut. Nothing was returned. Run the query again.',
    { isRetryable: true },
  )
}

async function chooseCut(
  parts: LakeQueryParts,
  options: LakeQueryOptions,
): Promise<ReadCut | undefined> {
  const isAsked = options.cut !== undefined || options.asOf !== undefined
  const cuts = await loadCuts(parts)
  if (cuts === undefined) {
    if (!isAsked) return undefined
    throw new SluiceError(
      'invalid-input',
      'A cut was asked for, but this catalog keeps no cuts. Nothing was read. ' +
        'Use AT (VERSION => …) or AT (TIMESTAMP => …) after a table instead.',
    )
  }
  if (options.cut !== undefined && options.asOf !== undefined) {
    throw new SluiceError(
      'invalid-input',
      'Both a cut and a time were asked for. Nothing was read. Ask for one of them.',
    )
  }
  const history = cutHistory(cuts.metadata)
  if (options.cut !== undefined) {
    return { record: findCut(cuts.metadata, options.cut), history, isHead: false }
  }
  if (options.asOf !== undefined) {
    const { asOf } = options
    const timeUs = typeof asOf === 'bigint' ? asOf : parseTimeText(asOf)
    return { record: findCutAsOf(cuts.metadata, timeUs), history, isHead: false }
  }
  const record = committedCut(cuts.metadata)
  return record === undefined ? undefined : { record, history, isHead: true }
}

async function loadCuts(parts: LakeQueryParts): Promise<LoadedTable | undefined> {
  return parts.cutsTable === undefined ? undefined : parts.catalog.loadTable(parts.cutsTable)
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

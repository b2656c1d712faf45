import { bronzeSql } from '../../shared-transforms/bronze.ts'
import type { Kind } from '../../shared-transforms/kind.ts'
import type { LoadedTable } from '../../tables/catalog/catalog.ts'
import type { TableChange } from '../../tables/commit/table-change.ts'
import { writeRowDeletes } from '../../tables/commit/write-row-deletes.ts'
import { sqlString } from '../../tables/engine/sql-text.ts'
import { tableId, tableKey } from '../../tables/spec/table-identifier.ts'
import type { ContentFile, DataFile } from '../../tables/spec/manifest.ts'
import { writeDataFiles, type WriteDataOptions } from '../../tables/write/write-data-files.ts'
import { isFilePart, type SourcePart } from '../sources/source.ts'
import type { LakeWriteContext } from './commit-plan.ts'
import type { CutCounts } from './cut-receipt.ts'
import type { BatchKinds } from './derive-batch.ts'
import { TAIL_FILE_PREFIX, type GoldTail, type TailChange } from './gold-tail.ts'
import { headOf, LIVE_COMPRESSION_LEVEL } from './loop-context.ts'
import { withAddedColumns } from './own-columns.ts'
import { isTailFile } from './restore-loop.ts'
import type { StepSession } from './step-session.ts'

const level = { compressionLevel: LIVE_COMPRESSION_LEVEL }

/** How the files of a batch are written. */
function optionsOf(isLarge: boolean): WriteDataOptions {
  return { ...level, readsTable: isLarge, isRepeated: !isLarge }
}

/** The new files of bronze, silver and the rejected messages: plain appends. */
export async function writeAppends(
  context: LakeWriteContext,
  heads: ReadonlyMap<string, LoadedTable>,
  batch: {
    readonly present: BatchKinds
    readonly acceptedOf: (kind: Kind) => string
    readonly counts: CutCounts
    /** The parts that messages came from. */
    readonly parts: readonly SourcePart[]
    readonly isLarge: boolean
  },
): Promise<TableChange[]> {
  const { present, counts } = batch
  const changes: TableChange[] = []
  const options = optionsOf(batch.isLarge)
  const bronzeOptions = { ...options, ...bronzeOrder(batch.parts) }
  for (const kind of present.routed) {
    const routed = `(SELECT * FROM routed WHERE kind = ${sqlString(kind)})`
    const bronze = bronzeSql(kind, { routed, decoded: `decoded_${kind}` })
    changes.push(await append(context, heads, `bronze.${kind}_messages`, bronze, bronzeOptions))
    if (!present.decoded.has(kind)) continue
    const accepted = `SELECT * FROM ${batch.acceptedOf(kind)}`
    const silver = await append(context, heads, `silver.${kind}s`, accepted, options)
    changes.push(againstHead(heads, silver))
  }
  if (counts.rejectedCount + counts.refusedCount > 0) {
    changes.push(
      await append(context, heads, 'silver.rejected_messages', rejectedSql(context.model.kinds)),
    )
  }
  return changes.filter((change) => change.addDataFiles.length > 0)
}

/**
 * The table's order, with nothing compared that is known. Files are read one after the other and
 * their lines in order, so that their messages lie side by side as they came.
 */
function bronzeOrder(parts: readonly SourcePart[]): Pick<WriteDataOptions, 'sortBy'> {
  if (parts.every(isFilePart)) return { sortBy: [] }
  // The names of one and the same source are long.
  const sources = new Set(parts.map(({ source }) => source))
  return sources.size > 1 ? {} : { sortBy: POSITION.slice(1) }
}

async function append(
  context: LakeWriteContext,
  heads: ReadonlyMap<string, LoadedTable>,
  name: string,
  query: string,
  options: WriteDataOptions = level,
): Promise<TableChange> {
  const { metadata } = headOf(heads, name)
  const rows = withAddedColumns(context, name, metadata, query)
  const files = await writeDataFiles(context, metadata, rows, options)
  return plainChange(name, 'append', files)
}

/** A change that adds files and takes nothing away. */
export function plainChange(
  name: string,
  operation: TableChange['operation'],
  addDataFiles: readonly DataFile[],
): TableChange {
  return {
    identifier: tableId(name),
    operation,
    addDataFiles,
    addDeletes: [],
    removePaths: [],
    removeDeletePaths: [],
    mustBeLive: [],
  }
}

const POSITION = ['source', 'source_partition', 'source_offset'] as const

/** Reason and detail of a row that the duplicate rule refuses. */
export const CONFLICT_SQL =
  `'conflicting-duplicate' AS reason, ` +
  `'silver holds a row of this identity with other content' AS detail`

/** Messages that decoding refused, and rows that the duplicate rule refused, with the payload. */
function rejectedSql(kinds: readonly Kind[]): string {
  const relations = kinds.flatMap((kind) => [
    `SELECT * FROM decoded_${kind} WHERE reason IS NOT NULL`,
    `SELECT v.*, r.message_key, r.headers, r.payload, r.payload_encoding, r.format, r.kind, ` +
      `${CONFLICT_SQL} ` +
      `FROM verdict_${kind} v JOIN routed r USING (${POSITION.join(', ')}) ` +
      `WHERE v.verdict = 'conflict'`,
  ])
  return relations.join(' UNION ALL BY NAME ')
}

/** The change of one gold table: tail out, tail in, sealed windows and deletes beside it. */
export async function writeGoldChange(
  session: StepSession,
  context: LakeWriteContext,
  heads: ReadonlyMap<string, LoadedTable>,
  tail: GoldTail,
  change: TailChange,
): Promise<TableChange | undefined> {
  if (!change.isChanged) return undefined
  const { name, state, finalizeSql } = tail.gold
  const { metadata } = headOf(heads, name)
  const write = async (states: string, namePrefix: string): Promise<DataFile[]> => {
    let finalized = finalizeSql(states)
    // Of few rows the plan costs more than the copy; of many it is the other way round.
    if (!session.isLarge()) {
      await session.fill(`${state}_rows`, finalized)
      finalized = `SELECT * FROM ${state}_rows`
    }
    const rows = withAddedColumns(context, name, metadata, finalized)
    return writeDataFiles(context, metadata, rows, { ...optionsOf(session.isLarge()), namePrefix })
  }
  const tailFiles = await write(change.tailRows, TAIL_FILE_PREFIX)
  const sealedFiles = change.sealedRows === undefined ? [] : await write(change.sealedRows, '')
  const deletes = await writeRowDeletes(context, metadata, change.deletes)
  const baseSnapshotId = metadata['current-snapshot-id'] ?? null
  return {
    ...plainChange(name, 'overwrite', [...tailFiles, ...sealedFiles]),
    tailPaths: new Set(tailFiles.map((file) => file.filePath)),
    ...deletes,
    removePaths: tail.files,
    removeDeletePaths: [...deletes.removeDeletePaths, ...tail.deleteKeys],
    baseSnapshotId,
    // Every foreign row of gold may be a window that this merge did not see.
    isTouchedByForeign: hasRows,
  }
}

/** For changes that any foreign row makes wrong. */
export function hasRows(files: readonly ContentFile[]): boolean {
  return files.some((file) => file.recordCount > 0)
}

/**
 * Rows of silver were compared with what silver held: a foreign row may be the same print, and its
 * windows in gold have to be derived again.
 */
export function againstHead(
  heads: ReadonlyMap<string, LoadedTable>,
  change: TableChange,
): TableChange {
  const { metadata } = headOf(heads, tableKey(change.identifier))
  const baseSnapshotId = metadata['current-snapshot-id'] ?? null
  return { ...change, baseSnapshotId, isTouchedByForeign: hasRows }
}

/** Locations of the tail files among those a change adds. */
export function tailFilesOf(change: TableChange): string[] {
  return change.addDataFiles.map((file) => file.filePath).filter(isTailFile)
}

/** The kinds whose silver rows a foreign commit must not have touched while they were deduped. */
export function silverTable(kind: Kind): string {
  return `silver.${kind}s`
}

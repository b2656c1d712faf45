import type { Catalog, LoadedTable } from '../catalog/catalog.ts'
import { SluiceError } from '../errors.ts'
import { committedCut, cutHistory } from '../spec/cut-history.ts'
import type { CutRecord } from '../spec/cut-history.ts'
import { tableKey } from '../spec/table-identifier.ts'
import type { TableIdentifier } from '../spec/table-identifier.ts'
import { parseTimeText } from '../spec/time-text.ts'
import { findCut, findCutAsOf, snapshotAtCut, snapshotUpToCut } from './choose-snapshot.ts'
import type { SnapshotChoice } from './choose-snapshot.ts'

/** Each read is a handful of files; a lake makes a cut a second. */
const READ_ATTEMPTS = 5

export interface LakeQueryOptions {
  /** Every table as of this cut. */
  readonly cut?: number
  /** Every table as of the last kept cut at or before: ISO text, or µs since 1970. */
  readonly asOf?: string | bigint
  /** How values come out: `readable` (the default) as `toResultValue`, or as `toExactValue`. */
  readonly values?: 'readable' | 'exact'
  /** When it aborts, the statement is stopped: the call, or the reading of its rows, throws. */
  readonly signal?: AbortSignal
}

export interface CutParts {
  readonly catalog: Catalog
  /** The table that takes part in every cut; without it there are no cuts to choose. */
  readonly cutsTable?: TableIdentifier
}

/** The cut that tables without an AT clause are read at. */
export interface ReadCut {
  readonly record: CutRecord
  readonly history: readonly CutRecord[]
  /** The newest cut: maintenance and foreign commits after it are read too. */
  readonly isHead: boolean
}

/**
 * The cut is read before any table, so each table then holds all that the cut made of it, and
 * what came after can be told apart. Only where a table expired past the cut in between (`read`
 * gives undefined) is everything read again.
 */
export async function readAtOneCut<R>(
  parts: CutParts,
  options: LakeQueryOptions,
  read: (cut: ReadCut | undefined) => Promise<R | undefined>,
): Promise<{ readonly read: R; readonly cut: ReadCut | undefined }> {
  for (let attempt = 0; attempt < READ_ATTEMPTS; attempt += 1) {
    const cut = await chooseCut(parts, options)
    const result = await read(cut)
    if (result !== undefined) return { read: result, cut }
  }
  throw new SluiceError(
    'storage-unavailable',
    `The tables moved on ${READ_ATTEMPTS} times while they were read, faster than they could be ` +
      'brought to one cut. Nothing was returned. Run the query again.',
    { isRetryable: true },
  )
}

/** The snapshot of a table in a cut; undefined where the table expired past it just now. */
export function snapshotInCut(
  { identifier, metadata }: LoadedTable,
  cut: ReadCut | undefined,
  cutsTable: TableIdentifier | undefined,
): SnapshotChoice | undefined {
  const key = tableKey(identifier)
  if (cut === undefined) return { snapshotId: metadata['current-snapshot-id'] }
  if (cut.isHead) return snapshotUpToCut(metadata, cut.record.cutNumber)
  const isCuts = cutsTable !== undefined && tableKey(cutsTable) === key
  if (isCuts) return { snapshotId: cut.record.snapshotId }
  return snapshotAtCut(key, metadata, cut.record, cut.history)
}

/** A cut as a result of a query names it. */
export function cutOfResult(cut: ReadCut | undefined): {
  readonly cut?: number
  readonly cutCommittedUs?: bigint
} {
  if (cut === undefined) return {}
  const { cutNumber, committedMs } = cut.record
  return { cut: cutNumber, cutCommittedUs: BigInt(committedMs) * 1000n }
}

async function chooseCut(parts: CutParts, options: LakeQueryOptions): Promise<ReadCut | undefined> {
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

async function loadCuts(parts: CutParts): Promise<LoadedTable | undefined> {
  return parts.cutsTable === undefined ? undefined : parts.catalog.loadTable(parts.cutsTable)
}

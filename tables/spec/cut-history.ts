import { SluiceError } from '../errors.ts'
import { MAIN_BRANCH, type Snapshot } from './snapshot.ts'
import type { TableMetadata } from './table-metadata.ts'

/** Summary key: the number of the cut that made the snapshot. */
export const CUT_KEY = 'sluice.cut'
/** Summary key: a random text that only one attempt at a cut has. */
export const TOKEN_KEY = 'sluice.commit-token'
/** Summary key of maintenance: the cut after which it came. */
export const AFTER_CUT_KEY = 'sluice.after-cut'
/** Summary key in the cuts table: the head of every lake table at that cut. */
export const HEADS_KEY = 'sluice.heads'
/** Summary key: the manifest that holds the tail's data files. */
export const TAIL_MANIFEST_KEY = 'sluice.tail-manifest'
/** Tag that holds a table's snapshot of the last cut that touched it. */
export const HEAD_TAG = 'sluice-head'
/** Tags of kept cuts that left the dense window: `cut-17`. */
export const CUT_TAG_PREFIX = 'cut-'
/** Tags of those that are the last of a UTC day: `eod-2026-11-20`. */
export const DAY_END_TAG_PREFIX = 'eod-'

/** A cut as the cuts table's own snapshots tell it. */
export interface CutRecord {
  readonly cutNumber: number
  readonly token: string
  readonly committedMs: number
  /** The cuts table's snapshot. */
  readonly snapshotId: bigint
  /** Heads by dotted table name; a table without a snapshot is not in it. */
  readonly heads: ReadonlyMap<string, bigint>
}

/** The snapshot that `main` names. */
export function currentSnapshot(metadata: TableMetadata): Snapshot | undefined {
  const snapshotId = metadata['current-snapshot-id']
  return snapshotId === undefined ? undefined : findSnapshot(metadata, snapshotId)
}

/** Undefined where the snapshot expired or never was. */
export function findSnapshot(metadata: TableMetadata, snapshotId: bigint): Snapshot | undefined {
  return metadata.snapshots.findLast((snapshot) => snapshot['snapshot-id'] === snapshotId)
}

/** The snapshot of a ref; undefined where there is no such ref. */
export function snapshotOfRef(metadata: TableMetadata, ref: string): Snapshot | undefined {
  const held = metadata.refs[ref]
  return held === undefined ? undefined : findSnapshot(metadata, held['snapshot-id'])
}

/** From `main`'s snapshot through its parents, newest first, as far as they are kept. */
export function* ancestors({
  snapshots,
  refs,
  'current-snapshot-id': currentId,
}: TableMetadata): Generator<Snapshot> {
  let next = refs[MAIN_BRANCH]?.['snapshot-id'] ?? currentId
  let from = snapshots.length
  for (let steps = 0; next !== undefined && steps <= snapshots.length; steps++) {
    const wanted = next
    // A parent nearly always stands right before its child: most ask for the first alone.
    let at = from - 1
    while (at >= 0 && snapshots[at]?.['snapshot-id'] !== wanted) at -= 1
    if (at < 0) at = snapshots.findLastIndex((other) => other['snapshot-id'] === wanted)
    const snapshot = snapshots[at]
    if (snapshot === undefined) return
    yield snapshot
    next = snapshot['parent-snapshot-id']
    from = at
  }
}

/** The number of the cut that made this snapshot; undefined for maintenance and foreign ones. */
export function cutNumberOf(snapshot: Snapshot): number | undefined {
  return readCount(snapshot, CUT_KEY)
}

/** True where Sluice made the snapshot, in a cut or in maintenance. */
export function isOwnSnapshot(snapshot: Snapshot): boolean {
  return snapshot.summary[TOKEN_KEY] !== undefined
}

/** The last committed cut by `sluice.cuts`' metadata; undefined before the first. */
export function committedCut(cuts: TableMetadata): CutRecord | undefined {
  for (const snapshot of ancestors(cuts)) {
    const record = cutRecordOf(snapshot)
    if (record !== undefined) return record
  }
  // Foreign commits and their expiry may have cut the chain: the tag still holds the last cut.
  const tagged = snapshotOfRef(cuts, HEAD_TAG)
  return tagged === undefined ? undefined : cutRecordOf(tagged)
}

/** The number of the last committed cut by `sluice.cuts`' metadata; undefined before the first. */
export function lastCutOf(cuts: TableMetadata): number | undefined {
  return committedCut(cuts)?.cutNumber
}

/** The kept cuts by `sluice.cuts`' own snapshots, ascending by cut number. */
export function cutHistory(cuts: TableMetadata): CutRecord[] {
  const byNumber = new Map<number, CutRecord>()
  for (const snapshot of cuts.snapshots) {
    const record = cutRecordOf(snapshot)
    if (record !== undefined) byNumber.set(record.cutNumber, record)
  }
  return [...byNumber.values()].sort((a, b) => a.cutNumber - b.cutNumber)
}

/** The cut that carries the token; undefined where no kept snapshot does. */
export function findCutByToken(cuts: TableMetadata, token: string): CutRecord | undefined {
  const snapshot = findByToken(cuts, token)
  return snapshot === undefined ? undefined : cutRecordOf(snapshot)
}

/** The snapshot that carries the token. */
export function findByToken(metadata: TableMetadata, token: string): Snapshot | undefined {
  return metadata.snapshots.findLast((snapshot) => snapshot.summary[TOKEN_KEY] === token)
}

/** Heads as summary text: `gold.bars=123 silver.trades=456`, names percent-encoded. */
export function encodeHeads(heads: ReadonlyMap<string, bigint>): string {
  return [...heads].map(([table, id]) => `${encodeURIComponent(table)}=${id}`).join(' ')
}

/** Heads of snapshots, which never change: each commit asks all kept cuts for every table's. */
const decodedHeads = new WeakMap<Snapshot, ReadonlyMap<string, bigint>>()

function headsOf(snapshot: Snapshot): ReadonlyMap<string, bigint> {
  const known = decodedHeads.get(snapshot)
  if (known !== undefined) return known
  const heads = decodeHeads(snapshot.summary[HEADS_KEY] ?? '')
  decodedHeads.set(snapshot, heads)
  return heads
}

function decodeHeads(text: string): Map<string, bigint> {
  const heads = new Map<string, bigint>()
  for (const pair of text.split(' ')) {
    const [table, id] = pair.split('=')
    if (table === undefined || id === undefined) continue
    heads.set(decodeURIComponent(table), BigInt(id))
  }
  return heads
}

function cutRecordOf(snapshot: Snapshot): CutRecord | undefined {
  const cutNumber = cutNumberOf(snapshot)
  if (cutNumber === undefined) return undefined
  return {
    cutNumber,
    token: snapshot.summary[TOKEN_KEY] ?? '',
    committedMs: snapshot['timestamp-ms'],
    snapshotId: snapshot['snapshot-id'],
    get heads() {
      return headsOf(snapshot)
    },
  }
}

function readCount(snapshot: Snapshot, key: string): number | undefined {
  const text = snapshot.summary[key]
  if (text === undefined) return undefined
  const count = Number(text)
  if (Number.isSafeInteger(count) && count >= 0) return count
  throw new SluiceError(
    'corrupt-data',
    `Snapshot ${snapshot['snapshot-id']} says ${key} = ${JSON.stringify(text)}, which is no ` +
      'count. Nothing was committed. Somebody else wrote it: roll the table back to the tag ' +
      `${HEAD_TAG}.`,
    { context: { snapshotId: snapshot['snapshot-id'] } },
  )
}

import { ancestors, committedCut, cutHistory, CUT_KEY, AFTER_CUT_KEY } from '../spec/cut-history.ts'
import type { CutRecord } from '../spec/cut-history.ts'
import { SluiceError } from '../errors.ts'
import type { Snapshot } from '../spec/snapshot.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'
import { timeText } from '../spec/time-text.ts'

/** Which state of the tables is read. Undefined id = the table had no snapshot yet. */
export interface SnapshotChoice {
  readonly snapshotId: bigint | undefined
}

/** How many ids and cuts a message names. */
const NAMED_COUNT = 5

/** The record of a cut by number. Throws `invalid-input` naming the nearest kept cuts. */
export function findCut(cuts: TableMetadata, cutNumber: number): CutRecord {
  const history = cutHistory(cuts)
  const found = history.find((record) => record.cutNumber === cutNumber)
  if (found !== undefined) return found
  const newest = committedCut(cuts)?.cutNumber ?? 0
  const reason =
    cutNumber < 1 || !Number.isSafeInteger(cutNumber)
      ? 'cuts are numbered from 1'
      : cutNumber > newest
        ? `the newest cut is ${newest}`
        : 'its snapshots have expired'
  throw new SluiceError(
    'invalid-input',
    `Cut ${cutNumber} cannot be read: ${reason}. Nothing was read. ${nearestCuts(history, cutNumber)}`,
    { context: { cut: cutNumber } },
  )
}

/** The last kept cut at or before a time. Throws `invalid-input` where the oldest is later. */
export function findCutAsOf(cuts: TableMetadata, timeUs: bigint): CutRecord {
  const history = cutHistory(cuts)
  const found = history.findLast((record) => BigInt(record.committedMs) * 1000n <= timeUs)
  if (found !== undefined) return found
  const [oldest] = history
  const hint =
    oldest === undefined
      ? 'The lake has no cut yet.'
      : `The oldest kept cut is ${oldest.cutNumber} of ${cutTime(oldest)}.`
  throw new SluiceError(
    'invalid-input',
    `No kept cut was committed at or before ${timeText(timeUs)}Z. Nothing was read. ${hint}`,
  )
}

/** The committed time of a cut as text. */
export function cutTime(record: CutRecord): string {
  return `${timeText(BigInt(record.committedMs) * 1000n)}Z`
}

function nearestCuts(history: readonly CutRecord[], cutNumber: number): string {
  const before = history.findLast((record) => record.cutNumber < cutNumber)
  const after = history.find((record) => record.cutNumber > cutNumber)
  const named = [before, after].filter((record) => record !== undefined)
  if (named.length === 0) return 'The lake has no cut yet.'
  const texts = named.map((record) => `${record.cutNumber} (${cutTime(record)})`)
  return `The nearest kept ${texts.length === 1 ? 'cut is' : 'cuts are'} ${texts.join(' and ')}.`
}

/**
 * A table's snapshot as of a cut: the head that the cut recorded for it, else (a table that the
 * cut does not name) the newest snapshot that came no later.
 */
export function snapshotAtCut(
  table: string,
  metadata: TableMetadata,
  record: CutRecord,
  history: readonly CutRecord[],
): SnapshotChoice {
  const recorded = record.heads.get(table)
  if (recorded === undefined) {
    const found = snapshotUpToCut(metadata, record.cutNumber)
    if (found !== undefined) return found
  } else if (metadata.snapshots.some((snapshot) => snapshot['snapshot-id'] === recorded)) {
    return { snapshotId: recorded }
  }
  throw new SluiceError(
    'invalid-input',
    `Cut ${record.cutNumber} cannot be read: the snapshot of ${table} in it has expired. ` +
      `Nothing was read. ${nearestCuts(history, record.cutNumber)}`,
    { context: { cut: record.cutNumber, table } },
  )
}

/**
 * The newest snapshot of `main` that belongs to no cut after `cutNumber`. Maintenance and foreign
 * snapshots belong to the cut that they came after; a table that no cut ever touched is read at
 * its head. Undefined where the snapshots that would tell have expired.
 */
export function snapshotUpToCut(
  metadata: TableMetadata,
  cutNumber: number,
): SnapshotChoice | undefined {
  const newestFirst = [...ancestors(metadata)]
  let unplaced: Snapshot | undefined
  let isEverPlaced = false
  for (const snapshot of newestFirst) {
    // A foreign snapshot is as old as the next own one below it.
    unplaced ??= snapshot
    const cut = placeOf(snapshot)
    if (cut === undefined) continue
    if (cut <= cutNumber) return { snapshotId: unplaced['snapshot-id'] }
    isEverPlaced = true
    unplaced = undefined
  }
  if (!isEverPlaced) return { snapshotId: unplaced?.['snapshot-id'] }
  const isWholeHistory = newestFirst.at(-1)?.['parent-snapshot-id'] === undefined
  return isWholeHistory ? { snapshotId: unplaced?.['snapshot-id'] } : undefined
}

function placeOf(snapshot: Snapshot): number | undefined {
  const text = snapshot.summary[CUT_KEY] ?? snapshot.summary[AFTER_CUT_KEY]
  return text === undefined ? undefined : Number(text)
}

/** `AT (VERSION => …)`: a snapshot id, or the name of a tag or branch. */
export function snapshotAtVersion(
  table: string,
  metadata: TableMetadata,
  version: string,
): SnapshotChoice {
  const wanted = /^-?\d+$/.test(version) ? BigInt(version) : metadata.refs[version]?.['snapshot-id']
  const found = metadata.snapshots.find((snapshot) => snapshot['snapshot-id'] === wanted)
  if (found !== undefined) return { snapshotId: found['snapshot-id'] }
  const newest = metadata.snapshots
    .slice(-NAMED_COUNT)
    .reverse()
    .map((snapshot) => snapshot['snapshot-id'])
  const refs = Object.keys(metadata.refs).slice(-NAMED_COUNT)
  throw new SluiceError(
    'invalid-input',
    `${table} has no snapshot, tag or branch ${version}: it expired or never was. Nothing was ` +
      `read. Its newest snapshots are ${newest.join(', ') || 'none'}; its newest refs ` +
      `${refs.join(', ') || 'none'}. The rows of the cuts table name the snapshots of every cut.`,
    { context: { table } },
  )
}

/** `AT (TIMESTAMP => …)`: what `main` named at that time, by the snapshot log. */
export function snapshotAtTime(
  table: string,
  metadata: TableMetadata,
  timeUs: bigint,
): SnapshotChoice {
  const log = metadata['snapshot-log']
  const entry = log.findLast((line) => BigInt(line['timestamp-ms']) * 1000n <= timeUs)
  const id = entry?.['snapshot-id']
  if (metadata.snapshots.some((snapshot) => snapshot['snapshot-id'] === id)) {
    return { snapshotId: id }
  }
  const [oldest] = log
  const hint =
    oldest === undefined
      ? 'The table has no snapshot yet.'
      : `Its log begins at ${timeText(BigInt(oldest['timestamp-ms']) * 1000n)}Z.`
  throw new SluiceError(
    'invalid-input',
    `${table} has no snapshot of ${timeText(timeUs)}Z any more, or had none yet. Nothing was ` +
      `read. ${hint}`,
    { context: { table } },
  )
}

import {
  CUT_TAG_PREFIX,
  cutNumberOf,
  type CutRecord,
  DAY_END_TAG_PREFIX,
  HEAD_TAG,
  snapshotOfRef,
} from '../spec/cut-history.ts'
import { MAIN_BRANCH } from '../spec/snapshot.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'
import type { TableUpdate } from '../spec/table-update.ts'
import type { KeptCuts } from './ladder.ts'

/** The cuts that are kept, as every table asks for them. */
export interface KeptHistory {
  /** Those before the new one, ascending. */
  readonly records: readonly CutRecord[]
  /** By cut number, the names of the tags that hold it: of cuts that left the dense window. */
  readonly tagsOf: ReadonlyMap<number, readonly string[]>
  /** The names of all of these tags. */
  readonly tagNames: ReadonlySet<string>
}

/** What a cut says of one table's snapshots and tags. */
export interface RetentionRequest {
  readonly metadata: TableMetadata
  /** The kept cuts before this one, with the table's head at each; gone ones are left out. */
  readonly heads: readonly { readonly cutNumber: number; readonly snapshotId: bigint }[]
  readonly kept: KeptHistory
  /** Commit time of the dense window's first cut. */
  readonly denseFromMs: number
  /** The table's head after the cut, where the cut moves it; undefined where it moves only tags. */
  readonly newSnapshotId: bigint | undefined
  readonly snapshotCountMax: number
}

export interface RetentionPlan {
  readonly updates: readonly TableUpdate[]
  readonly isTagMissing: boolean
}

/** @param history the cuts that are there, ascending by number */
export function keptHistory(history: readonly CutRecord[], kept: KeptCuts): KeptHistory {
  const wanted = new Set([...kept.dense, ...kept.tagged])
  const tagsOf = new Map(
    kept.tagged.map((cutNumber) => [cutNumber, namesOfTags(cutNumber, kept)] as const),
  )
  return {
    records: history.filter(({ cutNumber }) => wanted.has(cutNumber)),
    tagsOf,
    tagNames: new Set([...tagsOf.values()].flat()),
  }
}

/** The heads of one table at the cuts that are kept, as the cuts table's snapshots name them. */
export function headsOfTable(
  kept: KeptHistory,
  table: { readonly key: string; readonly isCutsTable: boolean; readonly metadata: TableMetadata },
): RetentionRequest['heads'] {
  const there = new Set(table.metadata.snapshots.map((snapshot) => snapshot['snapshot-id']))
  return kept.records.flatMap((record) => {
    const snapshotId = table.isCutsTable ? record.snapshotId : record.heads.get(table.key)
    if (snapshotId === undefined || !there.has(snapshotId)) return []
    return [{ cutNumber: record.cutNumber, snapshotId }]
  })
}

/**
 * Tags and expiry of one table. Expired is what no kept cut and no ref names, and foreign commits
 * and maintenance that are older than the dense window. Everything since the table's last cut stays, so that the chain from the
 * head to the tag `sluice-head` is never broken by ourselves.
 */
export function planRetention(request: RetentionRequest): RetentionPlan {
  const { metadata } = request
  const tags = planTags(request)
  const keptIds = new Set(request.heads.map((head) => head.snapshotId))
  if (request.newSnapshotId !== undefined) keptIds.add(request.newSnapshotId)
  const droppedTags = new Set(tags.dropped)
  for (const [name, ref] of Object.entries(metadata.refs)) {
    const isMoved = request.newSnapshotId !== undefined && isHeadRef(name)
    if (!droppedTags.has(name) && !isMoved) keptIds.add(ref['snapshot-id'])
  }
  const lastCut = snapshotOfRef(metadata, HEAD_TAG)
  if (request.newSnapshotId === undefined) {
    for (const snapshot of metadata.snapshots) {
      const isSinceCut = snapshot['sequence-number'] > (lastCut?.['sequence-number'] ?? -1)
      if (isSinceCut) keptIds.add(snapshot['snapshot-id'])
    }
  }
  // Without them the snapshot log would lose what is before, and time travel by time with it.
  const between = metadata.snapshots
    .filter((snapshot) => !keptIds.has(snapshot['snapshot-id']))
    .filter((snapshot) => cutNumberOf(snapshot) === undefined)
    .filter((snapshot) => snapshot['timestamp-ms'] >= request.denseFromMs)
  const room = Math.max(0, request.snapshotCountMax - keptIds.size - 1)
  for (const snapshot of between.slice(Math.max(0, between.length - room))) {
    keptIds.add(snapshot['snapshot-id'])
  }
  const expired = metadata.snapshots
    .map((snapshot) => snapshot['snapshot-id'])
    .filter((snapshotId) => !keptIds.has(snapshotId))
  return {
    isTagMissing: tags.added.length > 0,
    updates: [
      ...tags.added,
      ...tags.dropped.map((name) => ({ action: 'remove-snapshot-ref', 'ref-name': name }) as const),
      ...(expired.length === 0
        ? []
        : [{ action: 'remove-snapshots', 'snapshot-ids': expired } as const]),
    ],
  }
}

function planTags({ metadata, heads, kept }: RetentionRequest): {
  added: TableUpdate[]
  dropped: string[]
} {
  const added = heads.flatMap(({ cutNumber, snapshotId }) =>
    (kept.tagsOf.get(cutNumber) ?? [])
      .filter((name) => metadata.refs[name] === undefined)
      .map((name): TableUpdate => {
        return {
          action: 'set-snapshot-ref',
          'ref-name': name,
          type: 'tag',
          'snapshot-id': snapshotId,
        }
      }),
  )
  const dropped = Object.keys(metadata.refs).filter(
    (name) => !kept.tagNames.has(name) && isCutTag(name),
  )
  return { added, dropped }
}

function namesOfTags(cutNumber: number, kept: KeptCuts): readonly string[] {
  const day = kept.dayEnds.get(cutNumber)
  const own = `${CUT_TAG_PREFIX}${cutNumber}`
  return day === undefined ? [own] : [own, `${DAY_END_TAG_PREFIX}${day}`]
}

function isCutTag(name: string): boolean {
  return /^(cut-\d+|eod-\d{4}-\d{2}-\d{2})$/.test(name)
}

function isHeadRef(name: string): boolean {
  return name === MAIN_BRANCH || name === HEAD_TAG
}

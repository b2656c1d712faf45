import { ancestors, cutNumberOf, AFTER_CUT_KEY } from '../../tables/spec/cut-history.ts'
import type { Snapshot } from '../../tables/spec/snapshot.ts'
import type { TableMetadata } from '../../tables/spec/table-metadata.ts'

/** One snapshot of a table; what is not known of an expired one is undefined. */
export interface HistoryLine {
  readonly snapshotId: bigint
  readonly parentId: bigint | undefined
  /** Ms since 1970; of an expired one, since when `main` named it. */
  readonly committedMs: number
  readonly operation: string | undefined
  /** The cut that made it. */
  readonly cut: number | undefined
  /** For maintenance: the cut after which it came. */
  readonly afterCut: number | undefined
  readonly addedRows: number
  /** Rows of removed data files; deleted single rows are `addedPositionDeletes`. */
  readonly deletedRows: number
  readonly addedPositionDeletes: number
  /** Data files and delete files. */
  readonly addedFiles: number
  readonly deletedFiles: number
  /** Names of the branches and tags that hold it, `main` first. */
  readonly refs: readonly string[]
  /** Among those that the current snapshot came from. */
  readonly isAncestor: boolean
  /** Only the log knows it: its rows can no longer be read. */
  readonly isExpired: boolean
}

/** The snapshots of a table, newest first, with those of the log that expired. */
export function readTableHistory(metadata: TableMetadata): readonly HistoryLine[] {
  const current = new Set([...ancestors(metadata)].map((snapshot) => snapshot['snapshot-id']))
  const kept = new Set(metadata.snapshots.map((snapshot) => snapshot['snapshot-id']))
  const refs = refsBySnapshot(metadata)
  const lines = metadata.snapshots.map((snapshot, index) => ({
    line: keptLine(snapshot, refs, current),
    order: index,
  }))
  const expired = metadata['snapshot-log']
    .filter((entry) => !kept.has(entry['snapshot-id']))
    .map((entry, index) => ({
      line: expiredLine(entry['snapshot-id'], entry['timestamp-ms']),
      order: index - metadata['snapshot-log'].length,
    }))
  return [...lines, ...expired]
    .sort((a, b) => b.line.committedMs - a.line.committedMs || b.order - a.order)
    .map(({ line }) => line)
}

function refsBySnapshot(metadata: TableMetadata): ReadonlyMap<bigint, readonly string[]> {
  const refs = new Map<bigint, readonly string[]>()
  const names = Object.keys(metadata.refs).sort()
  for (const name of [...names.filter(isMain), ...names.filter((other) => !isMain(other))]) {
    const id = metadata.refs[name]?.['snapshot-id']
    if (id !== undefined) refs.set(id, [...(refs.get(id) ?? []), name])
  }
  return refs
}

function isMain(name: string): boolean {
  return name === 'main'
}

function keptLine(
  snapshot: Snapshot,
  refs: ReadonlyMap<bigint, readonly string[]>,
  current: ReadonlySet<bigint>,
): HistoryLine {
  const { summary } = snapshot
  const count = (key: string): number => Number(summary[key] ?? '0')
  const afterCut = summary[AFTER_CUT_KEY]
  return {
    snapshotId: snapshot['snapshot-id'],
    parentId: snapshot['parent-snapshot-id'],
    committedMs: snapshot['timestamp-ms'],
    operation: summary.operation,
    cut: cutNumberOf(snapshot),
    afterCut: afterCut === undefined ? undefined : Number(afterCut),
    addedRows: count('added-records'),
    deletedRows: count('deleted-records'),
    addedPositionDeletes: count('added-position-deletes'),
    addedFiles: count('added-data-files') + count('added-delete-files'),
    deletedFiles: count('deleted-data-files') + count('removed-delete-files'),
    refs: refs.get(snapshot['snapshot-id']) ?? [],
    isAncestor: current.has(snapshot['snapshot-id']),
    isExpired: false,
  }
}

function expiredLine(snapshotId: bigint, committedMs: number): HistoryLine {
  return {
    snapshotId,
    parentId: undefined,
    committedMs,
    operation: undefined,
    cut: undefined,
    afterCut: undefined,
    addedRows: 0,
    deletedRows: 0,
    addedPositionDeletes: 0,
    addedFiles: 0,
    deletedFiles: 0,
    refs: [],
    isAncestor: false,
    isExpired: true,
  }
}

import { SluiceError } from '../errors.ts'
import { findSnapshot, HEAD_TAG } from '../spec/cut-history.ts'
import { MAIN_BRANCH, type Snapshot, type SnapshotRef } from '../spec/snapshot.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'
import type { TableUpdate } from '../spec/table-update.ts'
import type { UpdatePlan } from './commit-fenced.ts'

export interface ExpiryRules {
  /** Snapshots made before it may go; milliseconds since 1970. */
  readonly olderThanMs: number
  /** So many of the newest snapshots of each branch stay, however old. */
  readonly retainLast: number
  /** For refs that have an age of their own; milliseconds since 1970. */
  readonly nowMs: number
}

export interface ExpiryRequest extends ExpiryRules {
  readonly metadata: TableMetadata
  /** Snapshots that somebody else needs: they stay. */
  readonly neededIds: ReadonlySet<bigint>
  /** Refs that go whatever their age. */
  readonly droppedRefs: ReadonlySet<string>
}

export interface ExpiryPlan extends UpdatePlan {
  readonly expiredIds: readonly bigint[]
  readonly droppedRefs: readonly string[]
  /** Snapshots that would have gone, but for `neededIds`. */
  readonly neededCount: number
}

/**
 * Which snapshots of one table go. What a branch or a tag holds stays, as long as the ref itself
 * does; of a branch that is its newest `retainLast` (or its own `min-snapshots-to-keep`) and all
 * that are young enough. What no ref reaches goes by its age. The rules are the reference's.
 * Source: https://iceberg.apache.org/spec/#snapshot-retention-policy
 * @throws SluiceError `invalid-input` where the table forbids it (`gc.enabled` = false).
 */
export function planExpiry(request: ExpiryRequest): ExpiryPlan {
  const { metadata, olderThanMs } = request
  checkIsAllowed(request)
  const droppedRefs = Object.entries(metadata.refs)
    .filter(([name, ref]) => isRefGone(request, name, ref))
    .map(([name]) => name)
  const kept = new Set<bigint>()
  const reached = new Set<bigint>()
  for (const [name, ref] of Object.entries(metadata.refs)) {
    if (droppedRefs.includes(name)) continue
    if (ref.type === 'tag') kept.add(ref['snapshot-id'])
    else keepBranch(request, ref, kept, reached)
  }
  for (const snapshot of metadata.snapshots) {
    const isOfBranch = reached.has(snapshot['snapshot-id'])
    if (!isOfBranch && snapshot['timestamp-ms'] >= olderThanMs) kept.add(snapshot['snapshot-id'])
  }
  const due = metadata.snapshots
    .map((snapshot) => snapshot['snapshot-id'])
    .filter((snapshotId) => !kept.has(snapshotId))
  const expiredIds = due.filter((snapshotId) => !request.neededIds.has(snapshotId))
  return {
    requirements: [
      { type: 'assert-table-uuid', uuid: metadata['table-uuid'] },
      // A ref that moved meanwhile may hold what was judged to be free.
      ...Object.entries(metadata.refs).map(
        ([ref, { 'snapshot-id': id }]) =>
          ({ type: 'assert-ref-snapshot-id', ref, 'snapshot-id': id }) as const,
      ),
    ],
    updates: expiryUpdates(droppedRefs, expiredIds),
    expiredIds,
    droppedRefs,
    neededCount: due.length - expiredIds.length,
  }
}

function expiryUpdates(
  droppedRefs: readonly string[],
  expiredIds: readonly bigint[],
): TableUpdate[] {
  return [
    ...droppedRefs.map((name) => ({ action: 'remove-snapshot-ref', 'ref-name': name }) as const),
    ...(expiredIds.length === 0
      ? []
      : [{ action: 'remove-snapshots', 'snapshot-ids': expiredIds } as const]),
  ]
}

/** A ref may say how old its snapshot may become; `main` and the last cut's tag never go. */
function isRefGone(request: ExpiryRequest, name: string, ref: SnapshotRef): boolean {
  if (name === MAIN_BRANCH || name === HEAD_TAG) return false
  if (request.droppedRefs.has(name)) return true
  const maxAgeMs = ref['max-ref-age-ms']
  const snapshot = findSnapshot(request.metadata, ref['snapshot-id'])
  if (maxAgeMs === undefined || snapshot === undefined) return false
  return request.nowMs - snapshot['timestamp-ms'] > maxAgeMs
}

/** Walks a branch: what is young or among its newest is kept, all of it is reached. */
function keepBranch(
  request: ExpiryRequest,
  ref: SnapshotRef,
  kept: Set<bigint>,
  reached: Set<bigint>,
): void {
  const leastCount = Math.max(1, ref['min-snapshots-to-keep'] ?? request.retainLast)
  const maxAgeMs = ref['max-snapshot-age-ms']
  const sinceMs = maxAgeMs === undefined ? request.olderThanMs : request.nowMs - maxAgeMs
  let keptCount = 0
  let isKeeping = true
  for (const snapshot of lineOf(request.metadata, ref['snapshot-id'])) {
    reached.add(snapshot['snapshot-id'])
    isKeeping &&= keptCount < leastCount || snapshot['timestamp-ms'] >= sinceMs
    if (!isKeeping) continue
    kept.add(snapshot['snapshot-id'])
    keptCount += 1
  }
}

/** A snapshot and its parents, as far as they are there. */
function* lineOf(metadata: TableMetadata, headId: bigint): Generator<Snapshot> {
  const byId = new Map(metadata.snapshots.map((snapshot) => [snapshot['snapshot-id'], snapshot]))
  let next: bigint | undefined = headId
  while (next !== undefined) {
    const snapshot: Snapshot | undefined = byId.get(next)
    if (snapshot === undefined) return
    byId.delete(next)
    yield snapshot
    next = snapshot['parent-snapshot-id']
  }
}

function checkIsAllowed({ metadata, retainLast, olderThanMs }: ExpiryRequest): void {
  if (metadata.properties['gc.enabled'] === 'false') {
    throw new SluiceError(
      'invalid-input',
      `The table at ${metadata.location} says gc.enabled = false: its files may belong to other ` +
        'tables too. Nothing was expired. Set it to true where that is not so.',
    )
  }
  if (Number.isInteger(retainLast) && retainLast >= 1 && Number.isFinite(olderThanMs)) return
  throw new SluiceError(
    'invalid-input',
    `Snapshots before ${olderThanMs} ms but the last ${retainLast} were to be expired. Nothing ` +
      'was expired. Give a time, and keep at least one snapshot.',
  )
}

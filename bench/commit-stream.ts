import type { Catalog, LoadedTable, TableCommit } from '../tables/catalog/catalog.ts'
import { randomIds, systemClock } from '../tables/clock.ts'
import { isErrorKind } from '../tables/errors.ts'
import { MAIN_BRANCH } from '../tables/spec/snapshot.ts'
import type { TableIdentifier } from '../tables/spec/table-identifier.ts'
import type { TableUpdate } from '../tables/spec/table-update.ts'

/** One client's commits, one after the other. */
export interface CommitStream {
  readonly landedCount: number
  /** Commits that met another client's, and were made again on top of it. */
  readonly conflictCount: number
}

/** A table keeps so many snapshots, so that a commit costs the same all along. */
const SNAPSHOTS_KEPT = 20
const TRIES_MAX = 10_000

export async function createBenchTable(
  catalog: Catalog,
  identifier: TableIdentifier,
): Promise<LoadedTable> {
  return catalog.createTable(identifier, {
    schema: {
      type: 'struct',
      'schema-id': 0,
      fields: [
        { id: 1, name: 'id', type: 'long', required: true },
        { id: 2, name: 'price', type: 'double', required: false },
      ],
    },
    properties: { 'write.metadata.previous-versions-max': '20' },
  })
}

/**
 * Appends `count` snapshots to a table that was loaded as `start`, as a writer does: each asserts the head that it was made
 * from, and goes on from the catalog's answer. The snapshots' manifest lists are only names, which
 * no catalog opens.
 */
export async function commitMany(
  catalog: Catalog,
  start: LoadedTable,
  count: number,
): Promise<CommitStream> {
  let table = start
  let conflictCount = 0
  for (let landed = 0; landed < count; landed += 1) {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const [committed] = await catalog.commitTransaction([appendTo(table)])
        table = committed ?? table
        break
      } catch (error) {
        if (!isErrorKind(error, 'commit-conflict') || attempt === TRIES_MAX) throw error
        conflictCount += 1
        table = await loadOrThrow(catalog, start.identifier)
      }
    }
  }
  return { landedCount: count, conflictCount }
}

async function loadOrThrow(catalog: Catalog, identifier: TableIdentifier): Promise<LoadedTable> {
  const table = await catalog.loadTable(identifier)
  if (table === undefined) throw new Error(`${identifier.name} is missing`)
  return table
}

function appendTo({ identifier, metadata }: LoadedTable): TableCommit {
  const snapshotId = randomIds.snapshotId()
  const headId = metadata['current-snapshot-id']
  const nowMs = Number(systemClock.nowUs() / 1000n)
  const added: TableUpdate[] = [
    {
      action: 'add-snapshot',
      snapshot: {
        'snapshot-id': snapshotId,
        ...(headId === undefined ? {} : { 'parent-snapshot-id': headId }),
        'sequence-number': metadata['last-sequence-number'] + 1,
        'timestamp-ms': Math.max(nowMs, metadata['last-updated-ms']),
        'manifest-list': `${metadata.location}/metadata/snap-${snapshotId}-1.avro`,
        summary: { operation: 'append', 'added-data-files': '1', 'added-records': '1000' },
        'schema-id': 0,
      },
    },
    {
      action: 'set-snapshot-ref',
      'ref-name': MAIN_BRANCH,
      type: 'branch',
      'snapshot-id': snapshotId,
    },
  ]
  const [oldest] = metadata.snapshots
  const isFull = metadata.snapshots.length >= SNAPSHOTS_KEPT
  return {
    identifier,
    requirements: [
      { type: 'assert-table-uuid', uuid: metadata['table-uuid'] },
      { type: 'assert-ref-snapshot-id', ref: MAIN_BRANCH, 'snapshot-id': headId ?? null },
    ],
    updates:
      oldest === undefined || !isFull
        ? added
        : [...added, { action: 'remove-snapshots', 'snapshot-ids': [oldest['snapshot-id']] }],
  }
}

import type { LoadedTable, TableCommit } from '../catalog/catalog.ts'
import { chooseKeptCuts, type CutTime, type LadderRules } from '../maintain/ladder.ts'
import { headsOfTable, keptHistory, planRetention } from '../maintain/plan-retention.ts'
import { type TableIdentifier, tableKey } from '../spec/table-identifier.ts'
import type { TableUpdate } from '../spec/table-update.ts'
import { cutHistory, HEAD_TAG } from '../spec/cut-history.ts'
import { tableOf } from './fence.ts'
import { headRequirements } from './stage-table.ts'

export interface CutCommitsRequest {
  /** All tables of the lake and the cuts table, by dotted name. */
  readonly tables: ReadonlyMap<string, LoadedTable>
  readonly cutsTable: TableIdentifier
  readonly cut: CutTime
  /** Heads after the cut. */
  readonly snapshotIds: ReadonlyMap<string, bigint>
  /** The updates that add the new snapshots, of the touched tables. */
  readonly staged: ReadonlyMap<string, readonly TableUpdate[]>
  readonly cutsProperties: Readonly<Record<string, string>>
  readonly settings: LadderRules
}

/**
 * One commit a table: its new snapshot, tags and expiry riding along. A table that the cut does
 * not touch takes part only where a kept cut leaves the dense window and must be tagged on it.
 * Pure.
 */
export function buildCutCommits(request: CutCommitsRequest): TableCommit[] {
  const { tables, settings } = request
  const cutsKey = tableKey(request.cutsTable)
  const history = cutHistory(tableOf(tables, request.cutsTable).metadata)
  const chosen = chooseKeptCuts([...history, request.cut], settings)
  const kept = keptHistory(history, chosen)
  const denseFrom = history.find((record) => record.cutNumber === chosen.dense[0])
  const commits: TableCommit[] = []
  for (const [key, table] of tables) {
    const { metadata } = table
    const updates = request.staged.get(key)
    const newSnapshotId = updates === undefined ? undefined : request.snapshotIds.get(key)
    const isCutsTable = key === cutsKey
    const retention = planRetention({
      metadata,
      heads: headsOfTable(kept, { key, isCutsTable, metadata }),
      kept,
      denseFromMs: denseFrom?.committedMs ?? request.cut.committedMs,
      newSnapshotId,
      snapshotCountMax: settings.snapshotCountMax,
    })
    if (updates === undefined && !retention.isTagMissing) continue
    commits.push({
      identifier: table.identifier,
      requirements: headRequirements(table),
      updates: [
        ...(updates ?? []),
        ...(newSnapshotId === undefined ? [] : [headTag(newSnapshotId)]),
        ...retention.updates,
        ...(isCutsTable ? propertyUpdates(request.cutsProperties) : []),
      ],
    })
  }
  return commits
}

function headTag(snapshotId: bigint): TableUpdate {
  return {
    action: 'set-snapshot-ref',
    'ref-name': HEAD_TAG,
    type: 'tag',
    'snapshot-id': snapshotId,
  }
}

function propertyUpdates(properties: Readonly<Record<string, string>>): TableUpdate[] {
  if (Object.keys(properties).length === 0) return []
  return [{ action: 'set-properties', updates: properties }]
}

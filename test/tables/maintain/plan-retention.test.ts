import { describe, expect, it } from 'vitest'
import { chooseKeptCuts, type LadderRules } from '../../../tables/maintain/ladder.ts'
import {
  headsOfTable,
  keptHistory,
  planRetention,
} from '../../../tables/maintain/plan-retention.ts'
import { createTableMetadata } from '../../../tables/spec/create-table-metadata.ts'
import type { CutRecord } from '../../../tables/spec/cut-history.ts'
import type { Snapshot } from '../../../tables/spec/snapshot.ts'
import type { TableMetadata } from '../../../tables/spec/table-metadata.ts'

const TABLE = 'gold.bars'
const MINUTE_MS = 60_000
/** 23:50 UTC: the cuts, a minute apart, cross midnight between the tenth and the eleventh. */
const FIRST_MS = Date.UTC(2025, 0, 15, 23, 50)
const COUNT = 14
const rules: LadderRules = {
  ...{ cutCount: 2, minuteCount: 0, hourCount: 0, dayCount: 3, snapshotCountMax: 10 },
}

/** Cut n is the cuts table's snapshot 1000 + n; the table has a snapshot in even cuts alone. */
const history = Array.from({ length: COUNT }, (_, index): CutRecord => {
  const cutNumber = index + 1
  const head = BigInt(cutNumber - (cutNumber % 2))
  return {
    cutNumber,
    token: `token-${cutNumber}`,
    committedMs: FIRST_MS + index * MINUTE_MS,
    snapshotId: BigInt(1000 + cutNumber),
    heads: head === 0n ? new Map<string, bigint>() : new Map([[TABLE, head]]),
  }
})

const kept = keptHistory(history, chooseKeptCuts(history, rules))

/** The table with a snapshot for each of these cuts (0: one that no cut made), and refs to them. */
function tableOf(cuts: readonly number[], refs: TableMetadata['refs'] = {}): TableMetadata {
  const snapshots = cuts.map((cutNumber, index): Snapshot => {
    const isOfCut = cutNumber > 0
    return {
      'snapshot-id': isOfCut ? BigInt(cutNumber) : 500n,
      'sequence-number': index + 1,
      'timestamp-ms': FIRST_MS + (isOfCut ? cutNumber - 1 : 0) * MINUTE_MS,
      'manifest-list': `memory://list-${cutNumber}`,
      summary: { operation: 'append', ...(isOfCut ? { 'sluice.cut': String(cutNumber) } : {}) },
    }
  })
  const fields = [{ id: 1, name: 'id', required: true, type: 'long' }] as const
  const empty = createTableMetadata({
    uuid: '00000000-0000-4000-8000-000000000000',
    location: 'memory://bars',
    schema: { type: 'struct', 'schema-id': 0, fields },
    partitionSpec: { 'spec-id': 0, fields: [] },
    sortOrder: { 'order-id': 0, fields: [] },
    properties: {},
    formatVersion: 2,
    nowMs: FIRST_MS,
  })
  return { ...empty, snapshots, refs }
}

/** A cut that gives the table a new snapshot. */
function planCut(metadata: TableMetadata) {
  const heads = headsOfTable(kept, { key: TABLE, isCutsTable: false, metadata })
  const denseFromMs = history.at(-rules.cutCount)?.committedMs ?? 0
  const { snapshotCountMax } = rules
  return planRetention({ metadata, heads, kept, denseFromMs, newSnapshotId: 16n, snapshotCountMax })
}

describe('the cuts that are kept', () => {
  it('are the dense ones and the last of a day, and of these the tags have names', () => {
    expect(kept.records.map(({ cutNumber }) => cutNumber)).toEqual([10, 13, 14])
    expect(kept.tagsOf).toEqual(new Map([[10, ['cut-10', 'eod-2025-01-15']]]))
    expect(kept.tagNames).toEqual(new Set(['cut-10', 'eod-2025-01-15']))
  })

  it('name the head of a table, where it is still there, and the cuts table by its own snapshot', () => {
    const metadata = tableOf([10, 14])
    const heads = headsOfTable(kept, { key: TABLE, isCutsTable: false, metadata })
    // Cut 13 left the table at cut 12's snapshot, which is gone.
    expect(heads).toEqual([
      { cutNumber: 10, snapshotId: 10n },
      { cutNumber: 14, snapshotId: 14n },
    ])
    const cuts = { ...metadata, snapshots: [] }
    expect(headsOfTable(kept, { key: TABLE, isCutsTable: true, metadata: cuts })).toEqual([])
  })
})

describe('a table', () => {
  it('is tagged at what leaves the dense window, and loses what no kept cut names', () => {
    const { updates, isTagMissing } = planCut(tableOf([8, 10, 12, 14]))
    expect(isTagMissing).toBe(true)
    expect(updates).toEqual([
      ...['cut-10', 'eod-2025-01-15'].map((name) => {
        return { action: 'set-snapshot-ref', 'ref-name': name, type: 'tag', 'snapshot-id': 10n }
      }),
      // 12 is the head at cut 13, which is dense.
      { action: 'remove-snapshots', 'snapshot-ids': [8n] },
    ])
  })

  it('keeps tags of others, and loses those of cuts that are no longer kept', () => {
    const tag = (snapshotId: bigint) => ({ 'snapshot-id': snapshotId, type: 'tag' }) as const
    const refs = {
      'before-fix': tag(2n),
      'cut-4': tag(4n),
      'cut-next': tag(6n),
      'cut-10': tag(10n),
    }
    const { updates } = planCut(tableOf([2, 4, 6, 8, 10, 12, 14], refs))
    expect(updates).toContainEqual({ action: 'remove-snapshot-ref', 'ref-name': 'cut-4' })
    expect(updates).toContainEqual({ action: 'remove-snapshots', 'snapshot-ids': [4n, 8n] })
    expect(updates.filter(({ action }) => action === 'remove-snapshot-ref')).toHaveLength(1)
  })

  it('loses what others committed before the dense window', () => {
    const { updates } = planCut(tableOf([0, 10, 12, 14]))
    expect(updates).toContainEqual({ action: 'remove-snapshots', 'snapshot-ids': [500n] })
  })
})

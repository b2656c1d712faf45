import { describe, expect, it } from 'vitest'
import { expireSnapshots } from '../../../tables/maintain/expire-snapshots.ts'
import { planExpiry } from '../../../tables/maintain/plan-expiry.ts'
import { cutHistory } from '../../../tables/spec/cut-history.ts'
import { applyUpdates } from '../../../tables/commit/apply-updates.ts'
import type { TableMetadata } from '../../../tables/spec/table-metadata.ts'
import type { TableUpdate } from '../../../tables/spec/table-update.ts'
import {
  append,
  change,
  type CommitLake,
  commitForeign,
  cut,
  CUTS,
  DATA_TABLES,
  dataFile,
  openCommitLake,
  TRADES,
} from '../commit/commit-lake.ts'
import { append as appendTo, sampleTable } from '../commit/sample-table.ts'

const HOUR_US = 3_600_000_000n

/** A table of snapshots 1, 2, 3, …, one second apart from 2,000 ms on. */
function tableOf(count: number, more: readonly TableUpdate[] = []): TableMetadata {
  const updates = Array.from({ length: count }, (_, index) => {
    const id = BigInt(index + 1)
    return appendTo(id, {
      sequenceNumber: index + 1,
      ...(index === 0 ? {} : { parent: id - 1n }),
    })
  })
  return applyUpdates(sampleTable(), [...updates.flat(), ...more], { nowMs: 100_000 })
}

const tagOf = (name: string, id: bigint, more: object = {}): TableUpdate => ({
  action: 'set-snapshot-ref',
  'ref-name': name,
  type: 'tag',
  'snapshot-id': id,
  ...more,
})

function plan(metadata: TableMetadata, what: Partial<Parameters<typeof planExpiry>[0]> = {}) {
  return planExpiry({
    metadata,
    olderThanMs: 1_000_000,
    retainLast: 1,
    nowMs: 1_000_000,
    neededIds: new Set(),
    droppedRefs: new Set(),
    ...what,
  })
}

describe('planExpiry', () => {
  it('keeps what is young enough, and the last so many whatever their age', () => {
    expect(plan(tableOf(5)).expiredIds).toEqual([1n, 2n, 3n, 4n])
    expect(plan(tableOf(5), { retainLast: 3 }).expiredIds).toEqual([1n, 2n])
    expect(plan(tableOf(5), { olderThanMs: 4_000 }).expiredIds).toEqual([1n, 2n])
  })

  it('keeps what a tag holds, and lets a tag go whose own age has passed', () => {
    const tagged = tableOf(5, [tagOf('v1', 2n)])
    expect(plan(tagged).expiredIds).toEqual([1n, 3n, 4n])
    const aged = tableOf(5, [tagOf('v1', 2n, { 'max-ref-age-ms': 10 })])
    expect(plan(aged)).toMatchObject({ expiredIds: [1n, 2n, 3n, 4n], droppedRefs: ['v1'] })
  })

  it('keeps of another branch what that branch says', () => {
    const branch: TableUpdate = {
      action: 'set-snapshot-ref',
      'ref-name': 'audit',
      type: 'branch',
      'snapshot-id': 3n,
      'min-snapshots-to-keep': 2,
    }
    expect(plan(tableOf(5, [branch])).expiredIds).toEqual([1n, 4n])
  })

  it('lets go by age what no ref reaches', () => {
    const back: TableUpdate = {
      action: 'set-snapshot-ref',
      'ref-name': 'main',
      type: 'branch',
      'snapshot-id': 2n,
    }
    const rolledBack = tableOf(4, [back])
    expect(plan(rolledBack, { olderThanMs: 4_500 }).expiredIds).toEqual([1n, 3n])
    expect(plan(rolledBack).expiredIds).toEqual([1n, 3n, 4n])
  })

  it('keeps what somebody needs, and says how much that is', () => {
    expect(plan(tableOf(4), { neededIds: new Set([1n, 3n, 4n]) })).toMatchObject({
      expiredIds: [2n],
      neededCount: 2,
    })
  })

  it('leaves a table that the commit can still be applied to', () => {
    const metadata = tableOf(5, [tagOf('v1', 2n)])
    const { updates } = plan(metadata)
    const after = applyUpdates(metadata, updates, { nowMs: 200_000 })
    expect(after.snapshots.map((snapshot) => snapshot['snapshot-id'])).toEqual([2n, 5n])
    expect(plan(after).updates).toEqual([])
  })

  it.each([
    [{ 'gc.enabled': 'false' }, {}],
    [{}, { retainLast: 0 }],
    [{}, { olderThanMs: Number.NaN }],
  ])('is refused for properties %j and rules %j', (properties, rules) => {
    expect(() => plan(sampleTable(properties as Record<string, string>), rules)).toThrow(
      expect.objectContaining({ kind: 'invalid-input' }) as Error,
    )
  })
})

/** Cuts 1 to `count`, an hour apart, with a foreign commit after the first. */
async function lakeOfCuts(count: number): Promise<CommitLake> {
  const lake = await openCommitLake()
  for (let cutNumber = 1; cutNumber <= count; cutNumber++) {
    await cut(lake, { cutNumber, changes: [append(TRADES, `trades/${cutNumber}`)] })
    if (cutNumber === 1) {
      await commitForeign(lake, change(TRADES, { addDataFiles: [dataFile('trades/foreign')] }))
    }
    lake.clock.advanceUs(HOUR_US)
  }
  return lake
}

function expire(lake: CommitLake, afterCut: number, more: { readonly withCuts?: boolean } = {}) {
  return expireSnapshots(lake.context, {
    cutsTable: CUTS,
    identifiers: [...DATA_TABLES, CUTS],
    afterCut: () => afterCut,
    olderThanMs: Number(lake.clock.nowUs() / 1000n),
    retainLast: 1,
    ...more,
  })
}

describe('expireSnapshots', () => {
  it('expires what no cut needs, and no cut', async () => {
    const lake = await lakeOfCuts(3)
    const { result } = await expire(lake, 3)
    const ofTrades = result.find(({ table }) => table === 'lake.trades')
    expect(ofTrades).toMatchObject({ neededCount: 2 })
    expect(ofTrades?.expiredIds).toHaveLength(1)
    const { metadata } = await lake.load(TRADES)
    expect(metadata.snapshots).toHaveLength(3)
    const cuts = cutHistory((await lake.load(CUTS)).metadata)
    expect(cuts.map((record) => record.cutNumber)).toEqual([1, 2, 3])
    await cut(lake, { cutNumber: 4, changes: [append(TRADES, 'trades/4')] })
  })

  it('gives old cuts up over all tables where it is told to, but none that a tag holds', async () => {
    const lake = await lakeOfCuts(4)
    for (const table of [TRADES, CUTS]) {
      const [record] = cutHistory((await lake.load(CUTS)).metadata)
      const id = table === CUTS ? record?.snapshotId : record?.heads.get('lake.trades')
      await lake.context.catalog.commitTransaction([
        { identifier: table, requirements: [], updates: [tagOf('keep-me', id ?? 0n)] },
      ])
    }
    await expire(lake, 4, { withCuts: true })
    const cuts = cutHistory((await lake.load(CUTS)).metadata)
    expect(cuts.map((record) => record.cutNumber)).toEqual([1, 4])
    expect((await lake.load(TRADES)).metadata.snapshots).toHaveLength(2)
    await cut(lake, { cutNumber: 5, changes: [append(TRADES, 'trades/5')] })
  })

  it('keeps what came on top of the last cut, by which a start knows the table again', async () => {
    const lake = await lakeOfCuts(1)
    let gone = dataFile('trades/1')
    for (const name of ['trades/compacted', 'trades/compacted-again']) {
      const added = dataFile(name)
      await commitForeign(
        lake,
        change(TRADES, {
          operation: 'replace',
          addDataFiles: [added],
          removePaths: [gone.filePath],
        }),
      )
      gone = added
    }
    await expire(lake, 1, { withCuts: true })
    await cut(lake, { cutNumber: 2, changes: [append(TRADES, 'trades/2')] })
  })

  it('is refused behind the back of another writer', async () => {
    const lake = await lakeOfCuts(2)
    await expect(expire(lake, 1)).rejects.toMatchObject({ kind: 'commit-conflict' })
  })
})

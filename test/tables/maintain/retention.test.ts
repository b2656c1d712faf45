import { describe, expect, it } from 'vitest'
import { commitMaintenance } from '../../../tables/commit/commit-maintenance.ts'
import { cutHistory, findSnapshot } from '../../../tables/spec/cut-history.ts'
import type { LadderRules } from '../../../tables/maintain/ladder.ts'
import type { TableIdentifier } from '../../../tables/spec/table-identifier.ts'
import {
  BARS,
  change,
  commitForeign,
  type CommitLake,
  cut,
  CUTS,
  dataFile,
  IDLE,
  openCommitLake,
  TRADES,
} from '../commit/commit-lake.ts'

/** Two cuts dense, and the newest of each of the last three minutes. */
const rules: LadderRules = {
  cutCount: 2,
  minuteCount: 3,
  hourCount: 0,
  dayCount: 0,
  snapshotCountMax: 10,
}

const append = (table: TableIdentifier, name: string) =>
  change(table, { addDataFiles: [dataFile(name)] })

/** Cut 1 touches every table; the later ones, 20 s apart, only trades. */
async function runCuts(lake: CommitLake, count: number): Promise<Map<number, bigint>> {
  const heads = new Map<number, bigint>()
  for (let cutNumber = 1; cutNumber <= count; cutNumber++) {
    const trades = append(TRADES, `t${cutNumber}`)
    const changes = cutNumber === 1 ? [trades, append(BARS, 'b'), append(IDLE, 'i')] : [trades]
    const { snapshotIds } = await cut(lake, { cutNumber, changes })
    heads.set(cutNumber, snapshotIds.get('lake.trades') ?? 0n)
    lake.clock.advanceUs(20_000_000n)
  }
  return heads
}

const cutTags = async (lake: CommitLake, table: TableIdentifier) =>
  Object.entries((await lake.load(table)).metadata.refs)
    .filter(([name]) => name.startsWith('cut-'))
    .map(([name, ref]) => [name, ref['snapshot-id']] as const)

const keptCuts = async (lake: CommitLake) =>
  cutHistory((await lake.load(CUTS)).metadata).map((record) => record.cutNumber)

describe('retention of a cut', () => {
  it('tags a kept cut on every table, untouched ones too, once it leaves the dense window', async () => {
    const lake = await openCommitLake({ retention: rules })
    const heads = await runCuts(lake, 5)
    // Cuts at :20 :40 | :00 :20 :40 of the minutes: 2 is the newest of its minute, 4 and 5 dense.
    expect(await keptCuts(lake)).toEqual([2, 4, 5])
    expect(await cutTags(lake, TRADES)).toEqual([['cut-2', heads.get(2)]])
    for (const table of [BARS, IDLE]) {
      const { metadata } = await lake.load(table)
      expect(await cutTags(lake, table)).toEqual([['cut-2', metadata['current-snapshot-id']]])
    }
    const cuts = await lake.load(CUTS)
    const second = cutHistory(cuts.metadata)[0]
    expect(await cutTags(lake, CUTS)).toEqual([['cut-2', second?.snapshotId]])
  })

  it('drops tags and snapshots that the ladder lets go', async () => {
    const lake = await openCommitLake({ retention: rules })
    const heads = await runCuts(lake, 14)
    // Minutes of cut 14: 12, 13, 14 are the newest three; of the two before 8 and 11.
    expect(await keptCuts(lake)).toEqual([8, 11, 13, 14])
    const { metadata } = await lake.load(TRADES)
    const kept = [8, 11, 13, 14].map((cutNumber) => heads.get(cutNumber))
    expect(metadata.snapshots.map((snapshot) => snapshot['snapshot-id'])).toEqual(kept)
    expect((await cutTags(lake, TRADES)).map(([name]) => name)).toEqual(['cut-8', 'cut-11'])
    expect((await cutTags(lake, IDLE)).map(([name]) => name)).toEqual(['cut-8', 'cut-11'])
  })

  it('tags the last cut of a UTC day on every table, for as many days as the ladder has', async () => {
    const lake = await openCommitLake({ retention: { ...rules, minuteCount: 0, dayCount: 3 } })
    const dayUs = 86_400_000_000n
    const firstUs = lake.clock.nowUs()
    const dayAfter = (days: bigint) =>
      `eod-${new Date(Number((firstUs + days * dayUs) / 1000n)).toISOString().slice(0, 10)}`
    const heads: (bigint | undefined)[] = []
    const dayEndTags = async (table: TableIdentifier) =>
      Object.entries((await lake.load(table)).metadata.refs)
        .filter(([name]) => name.startsWith('eod-'))
        .map(([name, ref]) => [name, ref['snapshot-id']])
    // Two cuts a day: the odd ones first, the even ones last.
    const runDay = async (days: number) => {
      for (const cutNumber of [2 * days + 1, 2 * days + 2]) {
        const changes = [append(TRADES, `t${cutNumber}`)]
        if (cutNumber === 1) changes.push(append(BARS, 'b'))
        const { snapshotIds } = await cut(lake, { cutNumber, changes })
        heads[cutNumber] = snapshotIds.get('lake.trades')
        lake.clock.advanceUs(1_000_000n)
      }
      lake.clock.advanceUs(dayUs - 2_000_000n)
    }
    await runDay(0)
    expect(await dayEndTags(TRADES)).toEqual([])
    await runDay(1)
    expect(await dayEndTags(TRADES)).toEqual([[dayAfter(0n), heads[2]]])
    await runDay(2)
    await runDay(3)
    expect(await dayEndTags(TRADES)).toEqual([
      [dayAfter(1n), heads[4]],
      [dayAfter(2n), heads[6]],
    ])
    const bars = (await lake.load(BARS)).metadata['current-snapshot-id']
    expect(await dayEndTags(BARS)).toEqual([
      [dayAfter(1n), bars],
      [dayAfter(2n), bars],
    ])
    const cuts = cutHistory((await lake.load(CUTS)).metadata)
    expect((await dayEndTags(CUTS)).map(([, snapshotId]) => snapshotId)).toEqual(
      [4, 6].map((n) => cuts.find(({ cutNumber }) => cutNumber === n)?.snapshotId),
    )
  })

  it('holds the last cut of each touched table by the tag sluice-head', async () => {
    const lake = await openCommitLake({ retention: rules })
    const heads = await runCuts(lake, 4)
    const trades = await lake.load(TRADES)
    expect(trades.metadata.refs['sluice-head']).toEqual({
      type: 'tag',
      'snapshot-id': heads.get(4),
    })
    await commitForeign(lake, append(TRADES, 'f'))
    const moved = await lake.load(TRADES)
    expect(moved.metadata.refs['sluice-head']?.['snapshot-id']).toBe(heads.get(4))
    expect(moved.metadata.refs['main']?.['snapshot-id']).not.toBe(heads.get(4))
  })

  it('keeps foreign snapshots of the dense window and what foreign refs name', async () => {
    const lake = await openCommitLake({ retention: rules })
    await runCuts(lake, 1)
    await commitForeign(lake, append(TRADES, 'tagged'))
    const tagged = (await lake.load(TRADES)).metadata['current-snapshot-id'] ?? 0n
    await lake.context.catalog.commitTransaction([
      {
        identifier: TRADES,
        requirements: [],
        updates: [
          { action: 'set-snapshot-ref', 'ref-name': 'audit', type: 'tag', 'snapshot-id': tagged },
        ],
      },
    ])
    await commitForeign(lake, append(TRADES, 'loose'))
    const loose = (await lake.load(TRADES)).metadata['current-snapshot-id'] ?? 0n
    const next = async (cutNumber: number) => {
      await cut(lake, { cutNumber, changes: [append(TRADES, `t${cutNumber}`)] })
      lake.clock.advanceUs(20_000_000n)
      const { metadata } = await lake.load(TRADES)
      return [tagged, loose].map((id) => findSnapshot(metadata, id) !== undefined)
    }
    expect(await next(2)).toEqual([true, true])
    // Made in the millisecond of cut 2, which is still dense.
    expect(await next(3)).toEqual([true, true])
    expect(await next(4)).toEqual([true, false])
    for (let cutNumber = 5; cutNumber <= 12; cutNumber++) await next(cutNumber)
    expect(await next(13)).toEqual([true, false])
  })

  it('keeps the snapshot that a cut names on a table that it did not touch', async () => {
    const lake = await openCommitLake({ retention: rules })
    await runCuts(lake, 1)
    await commitForeign(lake, append(BARS, 'f'))
    const foreign = (await lake.load(BARS)).metadata['current-snapshot-id'] ?? 0n
    await cut(lake, { cutNumber: 2, changes: [append(TRADES, 't2')] })
    lake.clock.advanceUs(60_000_000n)
    for (const cutNumber of [3, 4]) {
      await cut(lake, { cutNumber, changes: [append(BARS, `b${cutNumber}`)] })
    }
    const { metadata } = await lake.load(BARS)
    expect(metadata.refs['cut-2']?.['snapshot-id']).toBe(foreign)
  })

  it('keeps the log of the dense window whole over maintenance, for time travel by time', async () => {
    const lake = await openCommitLake({ retention: { ...rules, cutCount: 5, minuteCount: 0 } })
    const heads = await runCuts(lake, 3)
    const replaced = dataFile('all', { recordCount: 30 })
    await commitMaintenance(lake.context, {
      cutsTable: CUTS,
      afterCut: () => 3,
      token: 'maintenance',
      changes: [
        change(TRADES, {
          operation: 'replace',
          addDataFiles: [replaced],
          removePaths: [1, 2, 3].map((n) => dataFile(`t${n}`).filePath),
        }),
      ],
    })
    const maintained = (await lake.load(TRADES)).metadata['current-snapshot-id']
    const { snapshotIds } = await cut(lake, { cutNumber: 4, changes: [append(TRADES, 't4')] })
    const { metadata } = await lake.load(TRADES)
    expect(metadata['snapshot-log'].map((entry) => entry['snapshot-id'])).toEqual([
      ...heads.values(),
      maintained,
      snapshotIds.get('lake.trades'),
    ])
  })
})

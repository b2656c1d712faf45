import { describe, expect, it } from 'vitest'
import { verifyHeads } from '../../../tables/commit/verify-heads.ts'
import type { TableIdentifier } from '../../../tables/spec/table-identifier.ts'
import {
  append,
  BARS,
  commitForeign,
  type CommitLake,
  cut,
  CUTS,
  DATA_TABLES,
  headLocations,
  IDLE,
  TRADES,
} from './commit-lake.ts'
import { dying, journals, openJournalLake, placeOf, restart } from './journal-lake.ts'

/** Cuts 1 to 3 append to bars and the idle table each; trades has its first row in cut 3. */
async function openLake(): Promise<CommitLake> {
  const lake = await openJournalLake()
  for (const cutNumber of [1, 2, 3]) {
    const changes = [append(BARS, `b${cutNumber}`), append(IDLE, `i${cutNumber}`)]
    if (cutNumber === 3) changes.push(append(TRADES, 't3'))
    await cut(lake, { cutNumber, changes })
  }
  return lake
}

async function snapshotsOf(lake: CommitLake, table: TableIdentifier): Promise<bigint[]> {
  const { metadata } = await lake.load(table)
  return metadata.snapshots.map((snapshot) => snapshot['snapshot-id'])
}

/** Sets tables to the n-th of their snapshots, trades to none; a cut as a rollback is one. */
async function rollBack(lake: CommitLake, cutNumber: number, nth: number): Promise<void> {
  const heads: [string, bigint | null][] = [
    ['lake.trades', nth < 2 ? null : ((await snapshotsOf(lake, TRADES))[0] ?? null)],
    ['lake.bars', (await snapshotsOf(lake, BARS))[nth] ?? null],
    ['lake.idle', (await snapshotsOf(lake, IDLE))[nth] ?? null],
  ]
  await cut(lake, { cutNumber, changes: [], restoredHeads: new Map(heads) })
}

/** A rollback whose process dies once two of the tables were set; which one was not. */
async function dieHalfway(lake: CommitLake, cutNumber: number, nth: number) {
  const before = await headsOf(lake)
  await expect(rollBack(dying(lake, 'tableCommitted', 2), cutNumber, nth)).rejects.toThrow('killed')
  const after = await headsOf(lake)
  const isSame = (index: number) => before[index] === after[index]
  const unmoved = DATA_TABLES.filter((_, index) => isSame(index))
  const moved = DATA_TABLES.filter((_, index) => !isSame(index))
  expect(moved).toEqual([TRADES, BARS])
  return { moved, unmoved: unmoved[0] ?? IDLE }
}

async function headsOf(lake: CommitLake): Promise<(bigint | undefined)[]> {
  const tables = await Promise.all(DATA_TABLES.map((table) => lake.load(table)))
  return tables.map(({ metadata }) => metadata['current-snapshot-id'])
}

async function expectWhole(lake: CommitLake): Promise<void> {
  const tables = await Promise.all([...DATA_TABLES, CUTS].map((table) => lake.load(table)))
  await verifyHeads(lake.context, tables, CUTS)
}

describe('a rollback that is half made, over a catalog that commits one table at a time', () => {
  it.each(['back', 'forward again'])(
    'on the way %s is undone where a foreign commit came before the rest',
    async (way) => {
      const lake = await openLake()
      if (way === 'forward again') await rollBack(lake, 4, 0)
      const number = way === 'back' ? 4 : 5
      const before = (await placeOf(lake)) as { cut: number; heads: Record<string, unknown> }
      const { moved, unmoved } = await dieHalfway(lake, number, way === 'back' ? 0 : 2)
      await commitForeign(lake, append(unmoved, 'foreign'))
      expect(await restart(lake)).toMatchObject([{ cutNumber: number, outcome: 'withdrawn' }])
      expect(await journals(lake.context.fileIO)).toEqual([])
      const after = (await placeOf(lake)) as typeof before
      expect(after.cut).toBe(before.cut)
      for (const { name } of moved) {
        expect(after.heads[`lake.${name}`], name).toEqual(before.heads[`lake.${name}`])
      }
      await expectWhole(lake)
      await cut(lake, { cutNumber: number, token: 'next', changes: [append(TRADES, 'next')] })
      await expectWhole(lake)
    },
  )

  it('stops the start where foreign rows lie on a table that would have to go back', async () => {
    const lake = await openLake()
    const { moved, unmoved } = await dieHalfway(lake, 4, 0)
    await commitForeign(lake, append(moved[0] ?? TRADES, 'on-top'))
    await commitForeign(lake, append(unmoved, 'foreign'))
    const before = await headLocations(lake)
    await expect(restart(lake)).rejects.toMatchObject({ kind: 'data-loss' })
    expect(await headLocations(lake)).toEqual(before)
    expect(await journals(lake.context.fileIO)).toHaveLength(1)
  })
})

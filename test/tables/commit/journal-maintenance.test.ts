import { describe, expect, it } from 'vitest'
import { commitMaintenance } from '../../../tables/commit/commit-maintenance.ts'
import {
  append,
  BARS,
  change,
  type CommitLake,
  cut,
  CUTS,
  dataFile,
  TRADES,
} from './commit-lake.ts'
import {
  dying,
  expectSecondCut,
  journals,
  openJournalLake,
  openWithOneCut,
  restarted,
  secondCut,
  tablesWith,
} from './journal-lake.ts'
import { liveNames } from './read-lake.ts'

const merge = (table: typeof TRADES, from: readonly string[], to: string) =>
  change(table, {
    operation: 'replace',
    addDataFiles: [dataFile(to, { recordCount: from.length * 10 })],
    removePaths: from.map((name) => dataFile(name).filePath),
  })

const maintain = (lake: CommitLake, afterCut: number) =>
  commitMaintenance(lake.context, {
    cutsTable: CUTS,
    afterCut: () => afterCut,
    token: 'maintenance',
    changes: [merge(TRADES, ['t1', 't2'], 't12'), merge(BARS, ['b1', 'b2'], 'b12')],
  })

async function openWithTwoCuts(): Promise<CommitLake> {
  const lake = await openJournalLake()
  for (const n of [1, 2]) {
    const changes = [append(TRADES, `t${n}`), append(BARS, `b${n}`)]
    await cut(lake, { cutNumber: n, changes })
  }
  return lake
}

describe('maintenance over a catalog that commits one table at a time', () => {
  it('replaces the files of every table, and needs no journal', async () => {
    const lake = await openWithTwoCuts()
    const { snapshotIds } = await maintain(lake, 2)
    expect(await liveNames(lake, TRADES)).toEqual(['t12'])
    expect(await liveNames(lake, BARS)).toEqual(['b12'])
    expect([...snapshotIds.keys()].sort()).toEqual(['lake.bars', 'lake.trades'])
    expect(await journals(lake.context.fileIO)).toEqual([])
  })

  it('goes on where it was killed between two tables, and commits each once', async () => {
    const lake = await openWithTwoCuts()
    await expect(maintain(dying(lake, 'tableCommitted'), 2)).rejects.toThrow('killed')
    expect(await tablesWith(lake, 'maintenance')).toHaveLength(1)
    const { tables } = await maintain({ ...lake, context: restarted(lake) }, 2)
    expect([...tables.keys()].sort()).toEqual(['lake.bars', 'lake.trades'])
    for (const table of [TRADES, BARS]) {
      expect((await lake.load(table)).metadata.snapshots).toHaveLength(3)
    }
  })

  it('finishes a cut that is decided first, and is then refused as behind it', async () => {
    const lake = await openWithOneCut()
    await expect(cut(dying(lake, 'tableCommitted'), secondCut)).rejects.toThrow('killed')
    const late = commitMaintenance(restarted(lake), {
      cutsTable: CUTS,
      afterCut: () => 1,
      token: 'maintenance',
      changes: [merge(TRADES, ['t1'], 't1-again')],
    })
    await expect(late).rejects.toThrow(/follows cut 1, but cut 2 was committed/)
    await expectSecondCut(lake)
  })
})

import { describe, expect, it } from 'vitest'
import { createLakeMaintenance } from '../../../tables/maintain/lake-maintenance.ts'
import {
  append,
  commitForeign,
  type CommitLake,
  cut,
  CUTS,
  DATA_TABLES,
  interfere,
  openCommitLake,
  TRADES,
} from '../commit/commit-lake.ts'
import { liveNames, readSummary } from '../commit/read-lake.ts'
import { fakeWriter } from './fake-writer.ts'

function maintenanceOf(lake: CommitLake, lastCut: () => number) {
  return createLakeMaintenance({
    context: lake.context,
    cutsTable: CUTS,
    lakeTables: DATA_TABLES,
    lakeLocation: 'memory://lake',
    lastCut,
    writeGroup: fakeWriter(lake),
  })
}

async function runCuts(lake: CommitLake, count: number, onMoved: (key: string) => void) {
  let lastCut = 0
  const maintenance = maintenanceOf(lake, () => lastCut)
  await maintenance.start()
  for (let cutNumber = 1; cutNumber <= count; cutNumber++) {
    lake.clock.advanceUs(1_000_000n)
    const committed = await cut(lake, { cutNumber, changes: [append(TRADES, `t${cutNumber}`)] })
    lastCut = cutNumber
    for (const [key, head] of await maintenance.afterCut(committed)) {
      expect((await lake.load(head.identifier)).metadataLocation).toBe(head.metadataLocation)
      onMoved(key)
    }
  }
  await maintenance.close()
}

describe('createLakeMaintenance', () => {
  it('compacts the tables that grow, the cuts table too, and says whose heads moved', async () => {
    const lake = await openCommitLake()
    const moved: string[] = []
    await runCuts(lake, 45, (key) => moved.push(key))
    expect(moved.sort()).toEqual(['lake.cuts', 'lake.trades'])
    for (const table of [TRADES, CUTS]) {
      const names = await liveNames(lake, table)
      expect(names.length).toBeLessThan(45 - 31 + 1)
    }
  })

  it('leaves a table for later where a foreign commit is faster', async () => {
    const holder: { lake?: CommitLake } = {}
    let removed = false
    // Before the 33rd call, the first compaction: somebody else removes one of its files.
    const wrapCatalog = interfere(33, async (inner) => {
      const { lake } = holder
      if (lake === undefined) return
      const [name] = (await liveNames(lake, TRADES)).slice(0, 1)
      const gone = append(TRADES, name ?? '').addDataFiles.map((file) => file.filePath)
      const removal = { ...append(TRADES, 'f'), operation: 'overwrite', removePaths: gone } as const
      await commitForeign(lake, removal, inner)
      removed = true
    })
    const lake = await openCommitLake({ wrapCatalog })
    holder.lake = lake
    const moved: string[] = []
    await runCuts(lake, 60, (key) => moved.push(key))
    expect(removed).toBe(true)
    expect(moved).toContain('lake.trades')
    // Ten rows a cut, ten that the other removed and ten that it added.
    expect(await readSummary(lake, TRADES)).toMatchObject({ 'total-records': '600' })
  })
})

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'

import type { Lake } from '../../pipelines/lake/lake.ts'
import { openLake } from '../../pipelines/lake/open-lake.ts'
import { type RestFixture, startRestFixture } from '../../stack/iceberg-java.ts'
import { randomIds } from '../../tables/clock.ts'
import type { CommitHooks } from '../../tables/commit/commit-context.ts'
import { readContentHashes, readRows } from '../support/lake-content.ts'
import type { TestClock } from '../support/memory-lake.ts'
import { runPython } from '../support/pyiceberg.ts'
import { receiptProblems } from '../support/receipts.ts'
import { describeWithService } from '../support/service.ts'
import { runSluice } from '../support/sluice-process.ts'
import { makeStockHours } from '../support/stock-hours.ts'
import { clockAfter, runStockHours, straightHashes } from '../support/stock-hours-loop.ts'
import { dieAt } from '../tables/commit/journal-lake.ts'

const CUTS = 14
const hours = makeStockHours(CUTS, new Map([[12, 'one']]))

/**
 * Where the writer ends, one start after the other. A cut of this lake is up to eight tables, so
 * the counts lie at every place of several cuts.
 */
const deaths: readonly (readonly [keyof CommitHooks, number])[] = [
  ['journalWritten', 1],
  ['tableCommitted', 1],
  ['tableCommitted', 3],
  ['tableCommitted', 10],
  ['tableCommitted', 16],
  ['commitLanded', 2],
]

await describeWithService(
  ['iceberg-java', 'pyiceberg'],
  'the loop over a REST catalog that commits one table at a time',
  () => {
    let folder = ''
    let fixture: RestFixture
    let straight: Record<string, string>

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'sluice-foreign-'))
      fixture = await startRestFixture({ warehouse: `file://${folder}/warehouse` })
    })
    afterAll(async () => {
      await fixture.stop()
      await rm(folder, { recursive: true, force: true })
    })

    const open = (clock: TestClock): Promise<Lake> =>
      openLake({
        directory: join(folder, 'lake'),
        clock,
        ids: randomIds,
        createIfMissing: true,
        catalog: { uri: fixture.uri, atomicTransactions: 'marked' },
      })

    it('makes the same lake, though its writer dies at every step of a cut', async () => {
      const clock = clockAfter(hours)
      for (const [point, nth] of deaths) {
        const lake = await open(clock)
        expect(lake.catalog.capabilities.atomicMultiTable).toBe(false)
        await expect(runStockHours(lake, clock, hours, dieAt(point, nth))).rejects.toThrow('killed')
        await lake.close()
      }
      const lake = await open(clock)
      await runStockHours(lake, clock, hours)
      expect(await receiptProblems(lake)).toEqual([])
      straight = await straightHashes(hours)
      expect(Object.keys(straight).length).toBeGreaterThan(3)
      expect(await readContentHashes(lake)).toEqual(straight)
      const left: string[] = []
      for await (const file of lake.fileIO.list(lake.journalFolder ?? '')) left.push(file.location)
      expect(left).toEqual([])
      await lake.close()
    })

    it('is read by PyIceberg as it is read by us', async () => {
      const clock = clockAfter(hours)
      const lake = await open(clock)
      const script = join(folder, 'counts.py')
      await writeFile(script, COUNTS)
      const counts = JSON.parse((await runPython(script, [fixture.uri])).stdout) as object
      expect(counts).toEqual(await ourCounts(lake))
      await lake.close()
    })

    it('is queried by the command line, which finds the catalog by the folder', async () => {
      const lake = await open(clockAfter(hours))
      const { 'silver.trades': trades } = await ourCounts(lake)
      await lake.close()
      const query = 'SELECT count(*) AS n FROM silver.trades'
      const asked = await runSluice(['sql', '--lake', join(folder, 'lake'), '--json', query])
      expect(asked.code, asked.stderr).toBe(0)
      expect(asked.stdout).toContain(String(trades))
    })

    it('goes back to a cut by the command line, and comes to the same content again', async () => {
      const directory = join(folder, 'lake')
      const clock = clockAfter(hours)
      const rollBack = async (cut: number) => {
        const args = ['rollback', '--cut', String(cut), '--lake', directory, '--json']
        const { code, stdout, stderr } = await runSluice(args)
        expect(code, stderr).toBe(0)
        return JSON.parse(stdout) as { cutNumber: number; previousCut: number }
      }
      const { cutNumber, previousCut } = await rollBack(3)
      expect(cutNumber).toBe(previousCut + 1)
      // Forward to the cut that was undone, and back again.
      await rollBack(previousCut)
      const forward = await open(clock)
      expect(await readContentHashes(forward)).toEqual(straight)
      await forward.close()
      await rollBack(CUTS - 2)
      const lake = await open(clock)
      expect(await readContentHashes(lake)).not.toEqual(straight)
      await runStockHours(lake, clock, hours)
      expect(await readContentHashes(lake)).toEqual(straight)
      expect(await receiptProblems(lake)).toEqual([])
      await lake.close()
    })

    it('opens with the catalog that the lake was made with, and refuses another', async () => {
      const options = {
        directory: join(folder, 'lake'),
        clock: clockAfter(hours),
        ids: randomIds,
        createIfMissing: false,
      }
      const again = await openLake(options)
      expect(again.servedCatalog).toBeUndefined()
      expect(again.journalFolder).toBe(`file://${folder}/warehouse/sluice/cuts.journals`)
      await again.close()
      const catalog = { uri: 'http://127.0.0.1:9', atomicTransactions: 'marked' } as const
      await expect(openLake({ ...options, catalog })).rejects.toMatchObject({
        kind: 'invalid-input',
      })
    })
  },
)

const tables = ['bronze.trade_messages', 'silver.trades', 'silver.quotes', 'gold.bars'] as const

async function ourCounts(lake: Lake): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const table of tables) {
    const [row] = await readRows<{ n: bigint }>(lake, table, 'SELECT count(*) AS n FROM t')
    counts[table] = Number(row?.n ?? 0n)
  }
  return counts
}

const COUNTS = `
import json, sys
from pyiceberg.catalog.rest import RestCatalog
catalog = RestCatalog("c", uri=sys.argv[1])
names = ${JSON.stringify(tables)}
print(json.dumps({name: catalog.load_table(name).scan().to_arrow().num_rows for name in names}))
`

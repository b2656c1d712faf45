import { describe, expect, it } from 'vitest'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import { rollBackLake } from '../../../pipelines/loop/roll-back-lake.ts'
import { verifyLake } from '../../../pipelines/verify/verify-lake.ts'
import { createForeignWriter } from '../../support/foreign-writer.ts'
import { openMemoryLake } from '../../support/memory-lake.ts'
import { makeStockHours } from '../../support/stock-hours.ts'
import { clockAfter, runStockHours } from '../../support/stock-hours-loop.ts'

const minutes = makeStockHours(
  24,
  new Map([
    [12, 'one'],
    [18, 'many'],
  ]),
)

/** A cut takes two of them. */
const hours = {
  ...minutes,
  batchSizes: Array.from({ length: 12 }, (_, cut) =>
    minutes.batchSizes.slice(2 * cut, 2 * cut + 2).reduce((sum, size) => sum + size, 0),
  ),
}

async function expectFine(lake: Lake, isDeep: boolean): Promise<void> {
  const report = await verifyLake({ lake, isDeep })
  expect(report.checks.flatMap(({ findings }) => findings)).toEqual([])
  expect(report.skipped).toEqual([])
  expect(report.isFine).toBe(true)
}

describe('a lake that nobody broke', () => {
  it('is fine without a cut', async () => {
    const lake = await openMemoryLake({ clock: clockAfter(minutes) })
    try {
      await expectFine(lake, true)
    } finally {
      await lake.close()
    }
  })

  it('is fine after late rows, rollbacks, a restart and files of others', async () => {
    const clock = clockAfter(minutes)
    const lake = await openMemoryLake({ clock })
    try {
      await runStockHours(lake, clock, hours)
      await rollBackLake({ lake, cutNumber: 8, writer: 'test' })
      await rollBackLake({ lake, cutNumber: 11, writer: 'test' })
      await rollBackLake({ lake, cutNumber: 9, writer: 'test' })
      await createForeignWriter(lake).optimize('gold.bars')
      await createForeignWriter(lake).optimize('silver.trades')
      await expectFine(lake, false)
      await runStockHours(lake, clock, hours)
      await expectFine(lake, true)
    } finally {
      await lake.close()
    }
  }, 120_000)
})

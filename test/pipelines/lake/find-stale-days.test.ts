import { afterEach, expect, it } from 'vitest'
import { findStaleDays, type StaleDays } from '../../../pipelines/lake/find-stale-days.ts'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import { loadHeads } from '../../../pipelines/loop/loop-context.ts'
import { rollBackLake } from '../../../pipelines/loop/roll-back-lake.ts'
import { formats, type Format } from '../../../shared-transforms/formats/formats.ts'
import { stockJson } from '../../../shared-transforms/formats/stock-json.ts'
import { readRows } from '../../support/lake-content.ts'
import { makeMessages } from '../loop/generate-input.ts'
import { cutsOf, openReplayLake, readAll, runReplay, sealAll, stream } from '../replay/replay-lake.ts'

function useFormat(format: Format): void {
  ;(formats as Map<string, Format>).set(format.name, format)
}
const newer: Format = { ...stockJson, version: 2 }

const messages = makeMessages({
  happenings: [
    ...Array.from({ length: 8 }, (_, index) => {
      const what = index % 4 === 3 ? ('quote' as const) : ('trade' as const)
      return { what, symbol: index % 2, afterMs: 1_500 }
    }),
    { what: 'late-trade', symbol: 0, behindMs: 80_000_000 },
  ],
  partitionCount: 1,
  hasOtherSources: false,
})

let lake: Lake
afterEach(async () => {
  useFormat(stockJson)
  await lake.close()
})

async function stale(): Promise<readonly StaleDays[]> {
  const session = await lake.engine.connect()
  try {
    return await findStaleDays({ lake, session, heads: await loadHeads(lake) })
  } finally {
    session.close()
  }
}

/** Table and day of every row of silver, and of the gold over it, read from the rows. */
async function daysOfRows(): Promise<string[]> {
  const found: string[] = []
  for (const [silver, gold] of [
    ['silver.trades', 'gold.bars'],
    ['silver.quotes', 'gold.spreads'],
  ] as const) {
    const days = await readRows<{ day: bigint }>(
      lake,
      silver,
      'SELECT DISTINCT epoch_us(event_ts) // 86400000000 AS day FROM t',
    )
    found.push(...days.flatMap(({ day }) => [`${silver} ${day}`, `${gold} ${day}`]))
  }
  return found.sort()
}

function daysOfStale(ranges: readonly StaleDays[]): string[] {
  return ranges
    .flatMap(({ table, fromDay, untilDay }) =>
      Array.from({ length: Number(untilDay - fromDay) }, (_, i) => `${table} ${fromDay + BigInt(i)}`),
    )
    .sort()
}

it('says nothing of a lake by these steps, and every day of one by older ones', async () => {
  lake = await openReplayLake()
  await stream(lake, messages, [3])
  await sealAll(lake)
  expect(await stale()).toEqual([])
  useFormat(newer)
  const found = await stale()
  expect(daysOfStale(found)).toEqual(await daysOfRows())
  expect(found.every(({ state }) => state === 'stale')).toBe(true)
  expect(found.find(({ table }) => table === 'silver.trades')?.fileCount).toBeGreaterThan(0)

  // Nothing differs, and it is said all the same: once.
  const before = await readAll(lake)
  const [told] = (await runReplay(lake)).chunks
  expect(told?.committed).toBeDefined()
  expect(told?.tables).toEqual([])
  expect(await stale()).toEqual([])
  expect(await readAll(lake)).toEqual(before)
  expect(cutsOf(await runReplay(lake))).toEqual([])

  // To before the seal: what the replay said of its days is undone too.
  await rollBackLake({ lake, cutNumber: (told?.committed?.cutNumber ?? 0) - 2, writer: 'test' })
  expect(daysOfStale(await stale())).toEqual(await daysOfRows())
})

it('knows silver from gold where gold alone was derived again', async () => {
  lake = await openReplayLake()
  await stream(lake, messages, [3])
  await sealAll(lake)
  useFormat(newer)
  await runReplay(lake, { layers: 'gold' })
  // Gold of stale silver is stale, by whatever steps it was made of it.
  expect(new Set((await stale()).map(({ table }) => table))).toEqual(
    new Set(['silver.trades', 'silver.quotes', 'gold.bars', 'gold.spreads']),
  )
  await runReplay(lake)
  expect(await stale()).toEqual([])
})

it('still knows it when every snapshot of that time has expired', async () => {
  lake = await openReplayLake()
  const retention = {
    ...{ cutCount: 2, minuteCount: 0, hourCount: 0, dayCount: 0, snapshotCountMax: 2 },
  }
  const half = Math.ceil(messages.length / 2)
  await stream(lake, messages.slice(0, half), [2], { retention })
  useFormat(newer)
  const days = await daysOfRows()
  await stream(lake, messages, [1], { retention })
  const heads = await loadHeads(lake)
  expect(heads.get('silver.trades')?.metadata.snapshots.length).toBeLessThan(4)
  const found = daysOfStale(await stale())
  for (const day of days) expect(found).toContain(day)
})

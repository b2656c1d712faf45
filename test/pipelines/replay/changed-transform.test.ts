import { afterEach, describe, expect, it } from 'vitest'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import { checkReplay } from '../../../pipelines/replay/check-range.ts'
import { parseDayRange } from '../../../pipelines/lake/utc-days.ts'
import { formats, type Format } from '../../../shared-transforms/formats/formats.ts'
import { stockJson } from '../../../shared-transforms/formats/stock-json.ts'
import { readRows } from '../../support/lake-content.ts'
import { readTotals, receiptProblems } from '../../support/receipts.ts'
import { verifyLake } from '../../../pipelines/verify/verify-lake.ts'
import { makeMessages, type Happening } from '../loop/generate-input.ts'
import {
  cutsOf,
  openReplayLake,
  readAll,
  runReplay,
  sealAll,
  stream,
  WHOLE_RANGE,
} from './replay-lake.ts'

/** Steps of another version, which every loop and replay uses until the test ends. */
function useFormat(format: Format): void {
  ;(formats as Map<string, Format>).set(format.name, format)
}
afterEach(() => useFormat(stockJson))

/** Trades change, rows of other kinds stay as they are. */
function changedTrades(columns: string): Format {
  return {
    ...stockJson,
    version: 2,
    decodeSql: (kind, routed, dialect) => {
      const decoded = stockJson.decodeSql(kind, routed, dialect)
      return kind === 'trade' ? `SELECT * REPLACE (${columns}) FROM (${decoded})` : decoded
    },
  }
}

/** AAPL's trades are refused; what was a duplicate of one is refused too. */
const stricter = changedTrades(
  `CASE WHEN venue_symbol = 'AAPL' THEN coalesce(reason, 'out-of-range') ELSE reason END AS reason`,
)
/** Conflicting rows agree, as nobody looks at their price. */
const milder = changedTrades(`CASE WHEN price IS NOT NULL THEN 1::DECIMAL(18, 8) END AS price`)
/** Every trade an hour and a half later: some move over midnight. */
const later = changedTrades('event_ts + INTERVAL 90 MINUTE AS event_ts')

const happenings: readonly Happening[] = [
  ...Array.from({ length: 20 }, (_, index): Happening => {
    if (index % 6 === 3) return { what: 'repeat', of: index }
    if (index % 6 === 4) return { what: 'conflict', of: index }
    if (index % 6 === 5) return { what: 'quote', symbol: index % 3, afterMs: 400 }
    return { what: 'trade', symbol: index % 3, afterMs: 1_500 }
  }),
  { what: 'late-trade', symbol: 0, behindMs: 80_000_000 },
  { what: 'broken', symbol: 0 },
]
const messages = makeMessages({ happenings, partitionCount: 2, hasOtherSources: false })

let lake: Lake
afterEach(() => lake.close())

async function openStreamed(): Promise<void> {
  lake = await openReplayLake()
  await stream(lake, messages, [5])
  await sealAll(lake)
}

const check = () =>
  checkReplay(
    { lake, writer: 'check', range: WHOLE_RANGE, layers: 'silver,gold' },
    new AbortController().signal,
  )

describe('a replay after a transform changed', () => {
  it.each([
    ['refuses what it took', stricter],
    ['takes what it refused', milder],
  ])(
    'makes of the lake what a stream by the new one would: it %s',
    async (_, changed) => {
      await openStreamed()
      const old = await readAll(lake)
      const oldTotals = await readTotals(lake)
      expect((await check()).filter(({ isSame }) => !isSame)).toEqual([])
      useFormat(changed)
      const differing = (await check()).filter(({ isSame }) => !isSame)
      expect(await readAll(lake)).toEqual(old)
      const cuts = cutsOf(await runReplay(lake))
      expect(cuts).toHaveLength(1)

      const other = await openReplayLake()
      await stream(other, messages, [3])
      await sealAll(other)
      const [replayed, streamed] = [await readAll(lake), await readAll(other)]
      const totals = await readTotals(other)
      await other.close()
      expect({ ...replayed, rejected: '' }).toEqual({ ...streamed, rejected: '' })
      expect(await readTotals(lake)).toEqual(totals)
      const { checks } = await verifyLake({ lake })
      expect(checks.flatMap(({ findings }) => findings)).toEqual([])
      expect(totals).not.toEqual(oldTotals)
      expect(await receiptProblems(lake)).toEqual([])

      const changedDays = Object.keys({ ...old, ...replayed }).filter((day) => {
        return day !== 'rejected' && old[day] !== replayed[day]
      })
      const named = differing.map(({ table, day }) => `${table} ${day}`)
      expect(named.filter((day) => !day.startsWith('silver.rejected')).sort()).toEqual(
        changedDays.sort(),
      )
      expect(await check()).toSatisfy((days: { isSame: boolean }[]) => days.every((d) => d.isSame))

      useFormat(stockJson)
      await runReplay(lake)
      expect(await readAll(lake)).toEqual(old)
      expect(await readTotals(lake)).toEqual(oldTotals)
      expect(await receiptProblems(lake)).toEqual([])
    },
    180_000,
  )

  it('replaces days together that rows move between, however the range is cut up', async () => {
    await openStreamed()
    const old = await readAll(lake)
    useFormat(later)
    const [first] = (await runReplay(lake, { chunkDays: 1 })).chunks.filter(
      ({ committed }) => committed !== undefined,
    )
    expect(Number((first?.range.toDay ?? 0n) - (first?.range.fromDay ?? 0n))).toBeGreaterThan(1)
    const counts = await readRows<{ n: bigint; ids: bigint }>(
      lake,
      'silver.trades',
      'SELECT count(*) AS n, count(DISTINCT (trade_id, event_ts)) AS ids FROM t',
    )
    expect(counts[0]?.n).toBe(counts[0]?.ids)
    expect(await receiptProblems(lake)).toEqual([])
    // One of the two days alone would lose such rows, or have them twice.
    useFormat(stockJson)
    const { fromDay, toDay } = WHOLE_RANGE
    for (const range of [
      { fromDay, toDay: toDay - 1n },
      { fromDay: toDay - 1n, toDay },
    ]) {
      await expect(runReplay(lake, { range })).rejects.toMatchObject({
        kind: 'invalid-input',
        message: expect.stringMatching(/Replay these days together/) as string,
      })
    }
    await runReplay(lake)
    expect(await readAll(lake)).toEqual(old)
  }, 180_000)
})

describe('a replay', () => {
  it('refuses a day that is open, and says how it is closed', async () => {
    lake = await openReplayLake()
    await stream(lake, messages, [5])
    await expect(runReplay(lake)).rejects.toMatchObject({
      kind: 'invalid-input',
      message: expect.stringMatching(
        /2025-01-15 is still open: it ends at 2025-01-16T00:00:00.000000Z .*sluice seal --until/,
      ) as string,
    })
  })

  it.each([
    ['2026-11-20', '2026-11-20', /is not one day/],
    ['2026-02-30', '2026-03-01', /is no day/],
    ['20.11.2026', '2026-11-21', /is no day/],
  ])('refuses %s to %s', (from, to, reason) => {
    expect(() => parseDayRange(from, to)).toThrow(reason)
  })
})

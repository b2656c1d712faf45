import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { backfill } from '../../../pipelines/backfill/backfill.ts'
import { planBackfill } from '../../../pipelines/backfill/plan-backfill.ts'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import type { LoopHooks } from '../../../pipelines/loop/loop-hooks.ts'
import { rollBackLake } from '../../../pipelines/loop/roll-back-lake.ts'
import { checkReplay } from '../../../pipelines/replay/check-range.ts'
import type { ColumnMapping } from '../../../pipelines/sources/column-mapping.ts'
import { readContentHashes, readRows } from '../../support/lake-content.ts'
import { receiptProblems } from '../../support/receipts.ts'
import {
  closeLakes,
  contentOf,
  cutCount,
  DAY_MS,
  expectSound,
  fileOf,
  FIRST_DAY,
  FIRST_MS,
  folder,
  LIMITS,
  mapping,
  never,
  openAnother,
  run,
  takeOver,
  type Prints,
} from './print-files.ts'

let lake: Lake
beforeEach(async () => {
  lake = await openAnother()
})
afterEach(closeLakes)
afterAll(() => folder.remove())

const morning: Prints = {
  number: 1,
  pieces: [{ symbol: 'SPY', day: 0, fromHour: 8, toHour: 20 }],
}
const official: Prints = {
  number: 2,
  pieces: [
    { symbol: 'SPY', day: 0, fromHour: 4, toHour: 23 },
    { symbol: 'IBM', day: 0, fromHour: 4, toHour: 9 },
    { symbol: 'SPY', day: 1, fromHour: 4, toHour: 9 },
  ],
}

describe('a take-over', { timeout: 240_000 }, () => {
  it('is refused without being asked for, and a plan of it changes nothing', async () => {
    await run(lake, [fileOf(morning)])
    const path = fileOf(official)
    await expect(run(lake, [path])).rejects.toMatchObject({ kind: 'invalid-input' })
    const before = await cutCount(lake)
    const plan = await planBackfill(
      { lake, format: 'csv', mapping, files: [path], takesOver: true },
      never,
    )
    expect(plan).toMatchObject({
      messageCount: 33,
      overlaps: [],
      replaced: [
        {
          ...{ kind: 'trade', venue: 'us-equity', venueSymbol: 'SPY', day: '2024-08-05' },
          ...{ rowCount: 13, inputRowCount: 20 },
        },
      ],
    })
    expect(await cutCount(lake)).toBe(before)
    expect(await readContentHashes(lake)).toEqual(await contentOf([morning]))
  })

  it('goes back and forth, the last one counts, and the same again changes nothing', async () => {
    const [first, second] = [fileOf(morning), fileOf(official)]
    await run(lake, [first])
    expect(await takeOver(lake, [second])).toMatchObject({
      ...{ partsRead: 1, takenOverDays: ['2024-08-05'], isComplete: true },
    })
    const after = await cutCount(lake)
    expect(await takeOver(lake, [second])).toMatchObject({ partsRead: 0, takenOverDays: [] })
    expect(await cutCount(lake)).toBe(after)
    await expectSound(lake)
    expect(await takeOver(lake, [first])).toMatchObject({
      ...{ partsRead: 0, partsSkipped: 1, takenOverDays: ['2024-08-05'] },
    })
    const rest = official.pieces.slice(1)
    expect(await readContentHashes(lake)).toEqual(
      await contentOf([morning, { number: 2, pieces: rest }]),
    )
    expect(await run(lake, [second])).toMatchObject({ partsSkipped: 1, replacedCount: 1 })
    await takeOver(lake, [second])
    expect(await readContentHashes(lake)).toEqual(await contentOf([official]))
    await expectSound(lake)
  })

  it('is seen at one instant: no hole, no double, no part of it', async () => {
    await run(lake, [fileOf(morning)])
    const seen = new Set<string>()
    const look = async () => {
      const rows = await readRows<{ text: string }>(
        lake,
        'silver.trades',
        `SELECT string_agg(DISTINCT source) || ' ' || count(*) AS text FROM t ` +
          `WHERE venue_symbol = 'SPY' AND event_ts < TIMESTAMPTZ '2024-08-06 00:00:00+00'`,
      )
      seen.add(String(rows[0]?.text).replaceAll(/file:\w+:\d+@\w+/g, 'file'))
    }
    await takeOver(lake, [fileOf(official)], { hooks: { staged: look, commitLanded: look } })
    await look()
    expect([...seen]).toEqual(['file 13', 'file 20'])
  })

  it.each(['staged', 'commitLanded'] as const)(
    'is what it would be where it is killed at any cut, at %s',
    async (point) => {
      const path = fileOf(official)
      const limits = { ...LIMITS, rows: 12 }
      await run(lake, [fileOf(morning)], { limits })
      /** Dies at its second cut; false where there are fewer. */
      const isKilled = (): Promise<boolean> => {
        let cuts = 0
        const hooks: LoopHooks = {
          [point]: () => (++cuts === 2 ? Promise.reject(new Error('killed')) : Promise.resolve()),
        }
        return takeOver(lake, [path], { hooks, limits }).then(
          () => false,
          (error: unknown) => {
            expect(String(error)).toContain('killed')
            return true
          },
        )
      }
      let kills = 0
      for (; await isKilled(); kills += 1) {
        expect(await receiptProblems(lake)).toEqual([])
        if (kills > 0) continue
        await expectSound(lake)
        // A part of the file may be in the lake: what is left of it would not count.
        await expect(run(lake, [path])).rejects.toThrow(/--take-over/)
      }
      expect(kills).toBeGreaterThan(1)
      expect(await readContentHashes(lake)).toEqual(await contentOf([official]))
      await expectSound(lake)
    },
  )

  it('takes the days that are asked for, and leaves the others to their source', async () => {
    const both: Prints = {
      number: 1,
      pieces: [0, 1, 2].map((day) => ({ symbol: 'SPY', day, fromHour: 8, toHour: 20 })),
    }
    const better: Prints = { number: 2, pieces: both.pieces.map((one) => ({ ...one, toHour: 22 })) }
    await run(lake, [fileOf(both)])
    const path = fileOf(better)
    const range = { fromDay: FIRST_DAY + 1n, toDay: FIRST_DAY + 2n }
    expect(await takeOver(lake, [path], { range })).toMatchObject({
      takenOverDays: ['2024-08-06'],
    })
    expect(await readContentHashes(lake)).toEqual(
      await contentOf([
        { number: 1, pieces: both.pieces.filter(({ day }) => day !== 1) },
        { number: 2, pieces: better.pieces.filter(({ day }) => day === 1) },
      ]),
    )
    await takeOver(lake, [path])
    expect(await readContentHashes(lake)).toEqual(await contentOf([better]))
    await expectSound(lake)
  })

  it('is of all files of a run together, and leaves what overlaps none of them', async () => {
    const one = (number: number, fromHour: number, toHour: number): Prints => ({
      number,
      pieces: [{ symbol: 'SPY', day: 0, fromHour, toHour }],
    })
    const [early, late] = [one(1, 2, 5), one(2, 10, 12)]
    const better = [one(3, 4, 7), one(4, 13, 20)]
    await run(lake, [fileOf(early), fileOf(late)])
    await takeOver(lake, better.map(fileOf))
    expect(await readContentHashes(lake)).toEqual(await contentOf([late, ...better]))
    const told = await readRows(
      lake,
      'sluice.take_overs',
      'SELECT is_counted, count(*)::INTEGER AS n FROM t GROUP BY ALL ORDER BY ALL',
    )
    // Both files are announced and count afterwards; the early one does not any more.
    expect(told).toEqual([
      { is_counted: false, n: 3 },
      { is_counted: true, n: 2 },
    ])
    await expectSound(lake)
  })

  it('holds for a replay, and a rollback takes it back', async () => {
    await run(lake, [fileOf(morning)])
    const before = await readContentHashes(lake)
    const cutNumber = await cutCount(lake)
    await takeOver(lake, [fileOf(official)])
    const range = { fromDay: FIRST_DAY, toDay: FIRST_DAY + 2n }
    const checked = await checkReplay(
      { lake, range, layers: 'silver,gold', writer: 'test', takesOpenDays: true },
      never,
    )
    expect(checked.length).toBeGreaterThan(3)
    expect(checked.filter(({ isSame }) => !isSame)).toEqual([])
    await rollBackLake({ lake, cutNumber, writer: 'test' })
    expect(await readContentHashes(lake)).toEqual(before)
    expect(await readRows(lake, 'sluice.take_overs', 'SELECT * FROM t')).toEqual([])
    await expectSound(lake)
  })

  it('derives the next day too where a quote shut one of it out', async () => {
    const midnightMs = FIRST_MS + DAY_MS
    const frame = (atMs: number) =>
      `${atMs}000000 {"stream":"btcusdt@bookTicker","data":{"u":5,"s":"BTCUSDT","b":"1","B":"1","a":"2","A":"1"}}`
    const stream = join(folder.path, 'quotes.jsonl')
    writeFileSync(stream, `${frame(midnightMs - 10_000)}\n${frame(midnightMs + 10_000)}\n`)
    const better = join(folder.path, 'quotes.csv')
    writeFileSync(better, `at,bid,ask\n${midnightMs - 20_000},1,2\n${midnightMs - 5000},1,3\n`)
    const quotes: ColumnMapping = {
      kind: 'quote',
      columns: { event_ts: 'at', bid_price: 'bid', ask_price: 'ask' },
      constants: { venue: 'binance', venue_symbol: 'BTCUSDT' },
      time: { unit: 'ms' },
    }
    const timesIn = () =>
      readRows(
        lake,
        'silver.quotes',
        `SELECT (epoch_ms(event_ts) - ${midnightMs})::INTEGER AS ms FROM t ORDER BY ms`,
      )
    await backfill({ lake, format: 'binance-frames', files: [stream], writer: 'test' }, never)
    expect(await timesIn()).toEqual([{ ms: -10_000 }])
    await takeOver(lake, [better], { mapping: quotes })
    expect(await timesIn()).toEqual([{ ms: -20_000 }, { ms: -5000 }, { ms: 10_000 }])
    await expectSound(lake)
    await backfill(
      { lake, format: 'binance-frames', files: [stream], writer: 'test', takesOver: true },
      never,
    )
    expect(await timesIn()).toEqual([{ ms: -10_000 }])
    await expectSound(lake)
  })
})

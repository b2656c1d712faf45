import fc from 'fast-check'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { backfill, type BackfillOptions } from '../../../pipelines/backfill/backfill.ts'
import { planBackfill } from '../../../pipelines/backfill/plan-backfill.ts'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import { rollBackLake } from '../../../pipelines/loop/roll-back-lake.ts'
import type { FileRange } from '../../../pipelines/sources/file-range.ts'
import { verifyLake } from '../../../pipelines/verify/verify-lake.ts'
import { systemClock } from '../../../tables/clock.ts'
import { readContentHashes, readRows } from '../../support/lake-content.ts'
import { openMemoryLake } from '../../support/memory-lake.ts'
import { readTotals, receiptProblems } from '../../support/receipts.ts'
import { makeLeanFolder } from './lean-files.ts'

const DAY_MS = 86_400_000
const FIRST_MS = Date.parse('2024-08-05T00:00:00Z')
const FIRST_DAY = BigInt(FIRST_MS / DAY_MS)
const LIMITS = { rows: 200, bytes: 10_000_000, timeMs: 60_000 }
const folder = makeLeanFolder()
const lakes: Lake[] = []
const never = new AbortController().signal

/**
 * Frames of six days out of their order, with ids: trades, frames that are ignored, lines that are
 * none, and some trades twice.
 */
function makeLines(): string[] {
  const lines: string[] = []
  for (let index = 0; index < 300; index += 1) {
    const atMs = FIRST_MS + ((index * 7) % 300) * (DAY_MS / 50)
    const data = `"e":"trade","E":${atMs},"s":"BTCUSDT","t":${index},"p":"5${index % 9}.5","q":"1","T":${atMs},"m":true`
    const line = `${atMs}000000 {"stream":"btcusdt@trade","data":{${data}}}`
    lines.push(line)
    if (index % 17 === 0) lines.push(line)
    if (index % 23 === 0) lines.push(`${atMs}000000 {"stream":"btcusdt@depth","data":{"e":"d"}}`)
    if (index % 41 === 0) lines.push('no frame')
  }
  return lines
}

const lines = makeLines()
const file = join(folder.path, 'frames.jsonl')
writeFileSync(file, `${lines.join('\n')}\n`)

let lake: Lake
beforeEach(async () => {
  lake = await openAnother()
})
afterEach(async () => {
  for (const one of lakes.splice(0)) await one.close()
})
afterAll(() => folder.remove())

async function openAnother(): Promise<Lake> {
  const opened = await openMemoryLake({ clock: systemClock })
  lakes.push(opened)
  return opened
}

const rangeOf = (from: number | undefined, to: number | undefined): FileRange => ({
  fromDay: from === undefined ? undefined : FIRST_DAY + BigInt(from),
  toDay: to === undefined ? undefined : FIRST_DAY + BigInt(to),
})

const run = (
  into: Lake,
  range?: FileRange,
  more: Partial<BackfillOptions> = {},
  signal = never,
) => {
  const options = { lake: into, format: 'binance-frames', files: [file], writer: 'test' } as const
  const ranged = range === undefined ? {} : { range }
  return backfill({ ...options, limits: LIMITS, ...ranged, ...more }, signal)
}

/** Offsets of the file that bronze holds, as often as it does. */
async function offsetsIn(of: Lake): Promise<number[]> {
  const offsets: number[] = []
  for (const table of ['bronze.trade_messages', 'bronze.quote_messages']) {
    const rows = await readRows<{ n: bigint }>(of, table, 'SELECT source_offset AS n FROM t')
    offsets.push(...rows.map(({ n }) => Number(n)))
  }
  return offsets.sort((a, b) => a - b)
}

/** The arbiter: lines of a range by the time that stands in them. */
function expectedOffsets(has: (day: number | undefined) => boolean): number[] {
  return lines.flatMap((line, offset) => {
    const ms = /"e":"trade".*"T":(\d+)/.exec(line)?.[1]
    const day = ms === undefined ? undefined : Math.floor((Number(ms) - FIRST_MS) / DAY_MS)
    return has(day) ? [offset] : []
  })
}

let straight: unknown

beforeAll(async () => {
  const own = await openAnother()
  await run(own)
  straight = await readSums(own)
}, 60_000)

async function readSums(of: Lake) {
  return { silver: await readContentHashes(of), totals: await readTotals(of) }
}

async function expectWhole(of: Lake): Promise<void> {
  expect(await offsetsIn(of)).toEqual(lines.map((_, offset) => offset))
  expect(await readSums(of)).toEqual(straight)
  expect(await receiptProblems(of)).toEqual([])
}

describe('a backfill of some days', { timeout: 240_000 }, () => {
  it('takes the messages of these days alone, and the same again changes nothing', async () => {
    const result = await run(lake, rangeOf(1, 3))
    const wanted = expectedOffsets((day) => day === 1 || day === 2)
    expect(await offsetsIn(lake)).toEqual(wanted)
    expect(wanted.length).toBeGreaterThan(90)
    expect(result).toEqual({
      ...{ partsRead: 1, partsSkipped: 0, isComplete: true },
      leftOutCount: lines.length - wanted.length,
      ...{ replacedCount: 0, takenOverDays: [], takenOver: [] },
    })
    expect(await receiptProblems(lake)).toEqual([])
    const again = await run(lake, rangeOf(1, 3))
    expect(again).toMatchObject({ partsRead: 0, partsSkipped: 1 })
    expect(await run(lake, rangeOf(2, 3))).toMatchObject({ partsRead: 0, partsSkipped: 1 })
    expect(await offsetsIn(lake)).toEqual(wanted)
    const verified = await verifyLake({ lake, isDeep: true })
    expect(verified.checks.flatMap(({ findings }) => findings)).toEqual([])
  })

  it('leaves what has no time to a run without --from', async () => {
    await run(lake, rangeOf(undefined, 1))
    expect(await offsetsIn(lake)).toEqual(expectedOffsets((day) => day === undefined || day < 1))
    await run(lake, rangeOf(1, undefined))
    await expectWhole(lake)
  })

  it('lets the rest be taken later: whatever the runs were, it is the whole file', async () => {
    const edge = fc.option(fc.integer({ min: 0, max: 6 }), { nil: undefined })
    const ranges = fc
      .tuple(edge, edge)
      .filter(([a, b]) => a === undefined || b === undefined || a < b)
    await fc.assert(
      fc.asyncProperty(fc.array(ranges, { minLength: 1, maxLength: 2 }), async (asked) => {
        const own = await openAnother()
        for (const [from, to] of asked) await run(own, rangeOf(from, to))
        await run(own)
        await expectWhole(own)
        expect(await run(own)).toMatchObject({ partsRead: 0 })
      }),
      { numRuns: 2 },
    )
  })

  it('goes on where it was stopped, and first ends what others began', async () => {
    const stop = new AbortController()
    const stopped = { limits: { ...LIMITS, rows: 40 }, onCut: () => stop.abort() }
    expect(await run(lake, rangeOf(1, 4), stopped, stop.signal)).toMatchObject({
      isComplete: false,
    })
    const held = await offsetsIn(lake)
    const error = await run(lake, rangeOf(2, 6)).catch((thrown: unknown) => thrown)
    expect(String(error)).toMatch(/End that one first, with --from 2024-08-06 --to 2024-08-09/)
    expect(await offsetsIn(lake)).toEqual(held)
    // Days that it did not take can be taken meanwhile, and a wider run goes on with it.
    await run(lake, rangeOf(5, 6))
    await run(lake)
    await expectWhole(lake)
  })

  it('does not take what another run takes meanwhile by other days', async () => {
    let isFirst = true
    const staged = async () => {
      if (!isFirst) return
      isFirst = false
      await run(lake, rangeOf(3, 5))
    }
    await expect(run(lake, rangeOf(1, 4), { hooks: { staged } })).rejects.toMatchObject({
      kind: 'commit-conflict',
    })
    expect(await offsetsIn(lake)).toEqual(expectedOffsets((day) => day === 3 || day === 4))
    const rest = await run(lake)
    expect(rest).toMatchObject({ partsRead: 1, partsSkipped: 0 })
    await expectWhole(lake)
  })

  it('makes no cut of messages that it leaves out, and takes one day that is behind others', async () => {
    const cuts: number[] = []
    const limits = { ...LIMITS, rows: 50 }
    await run(lake, rangeOf(100, 101), { limits, onCut: ({ cutNumber }) => cuts.push(cutNumber) })
    expect(cuts).toEqual([1])
    expect(await offsetsIn(lake)).toEqual([])
    expect(await run(lake, rangeOf(100, 101))).toMatchObject({ partsRead: 0, partsSkipped: 1 })
  })

  it('is forgotten by a rollback, and can be taken again', async () => {
    await run(lake, rangeOf(0, 1))
    const [last] = await readRows<{ n: bigint }>(
      lake,
      'sluice.cuts',
      'SELECT max(cut_number) AS n FROM t',
    )
    await run(lake, rangeOf(1, 2))
    await rollBackLake({ lake, cutNumber: Number(last?.n), writer: 'test' })
    await run(lake)
    await expectWhole(lake)
  })

  it('is planned as it is taken', async () => {
    await run(lake, rangeOf(1, 3))
    const options = { lake, format: 'binance-frames', files: [file] } as const
    const plan = await planBackfill({ ...options, range: rangeOf(2, 5) }, never)
    expect(plan?.files.map(({ state, range }) => [state, range])).toEqual([['new', rangeOf(3, 5)]])
    const wanted = expectedOffsets((day) => day === 3 || day === 4)
    expect(plan?.messageCount).toBe(wanted.length)
    expect(plan?.leftOutCount).toBe(lines.length - wanted.length)
    expect(plan?.overlaps).toEqual([])
  })
})

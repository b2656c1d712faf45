import { readFileSync } from 'node:fs'
import { unzipSync } from 'fflate'
import { afterAll, afterEach, beforeEach, expect, it } from 'vitest'
import { backfill, type BackfillOptions } from '../../../pipelines/backfill/backfill.ts'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import { runMicroBatches } from '../../../pipelines/loop/run-micro-batches.ts'
import { verifyLake } from '../../../pipelines/verify/verify-lake.ts'
import { systemClock } from '../../../tables/clock.ts'
import { dataPath } from '../../support/data.ts'
import { readContentHashes, readRows } from '../../support/lake-content.ts'
import { createListSource, type ListedMessage } from '../../support/list-source.ts'
import { openExistingLake, openLocalLake, type LocalLake } from '../../support/local-lake.ts'
import { openMemoryLake } from '../../support/memory-lake.ts'
import { receiptProblems } from '../../support/receipts.ts'
import { describeWithService } from '../../support/service.ts'
import { makeLeanFolder } from './lean-files.ts'

const DAY = '20131007'
/** Prints of the day that the tests use; the stream lost every fifth, the file has all. */
const PRINTS = 1200
const folder = makeLeanFolder()
const never = new AbortController().signal
let local: LocalLake
beforeEach(async () => {
  local = await openLocalLake()
})
afterEach(() => local.close())
afterAll(() => folder.remove())

/** The first prints of a recorded day, as they stand in its file. */
function recordedLines(): string[] {
  const packed = readFileSync(dataPath(`lean-us-equity/tick/spy_${DAY}_trade.zip`))
  const [entry] = Object.values(unzipSync(packed))
  return Buffer.from(entry ?? [])
    .toString('latin1')
    .split('\n')
    .slice(0, PRINTS)
}

const messageOf = (offset: number, day: string, payload: string): ListedMessage => ({
  part: { source: 'kafka:prints', partition: 0 },
  format: 'lean-trades',
  offset: BigInt(offset),
  payload,
  headers: JSON.stringify({ entry: `${day}_spy_Trade_Tick.csv` }),
})

function streamOf(lines: readonly string[]) {
  const isLost = (index: number) => index % 5 === 0
  const kept = lines.filter((_, index) => !isLost(index))
  const next = ['20131009', '20131010'].map((day) => `${day} ${lines[0] ?? ''}`)
  const late = lines.filter((_, index) => isLost(index))
  const told = [...kept.map((line) => `${DAY} ${line}`), ...next]
  const messages = [...told, ...late.map((line) => `${DAY} ${line}`)].map((text, offset) =>
    messageOf(offset, text.slice(0, 8), text.slice(9)),
  )
  return { messages, toldCount: told.length, keptCount: kept.length, lateCount: late.length }
}

function streamInto(lake: Lake, messages: readonly ListedMessage[], batchSize = 500) {
  const { scratchDir, ids } = lake
  const source = createListSource({ messages, batchSizes: [batchSize], scratchDir, ids })
  const limits = { rows: 1_000_000, bytes: 1_000_000_000, timeMs: 1 }
  return runMicroBatches({ lake, source, mode: 'live', writer: 'live', limits }, never)
}

/** A run as another process makes it. */
async function takeOver(path: string, more: Partial<BackfillOptions> = {}) {
  const lake = await openExistingLake(local.directory)
  try {
    return await backfill(
      {
        ...{ lake, format: 'lean-trades', files: [path], writer: 'backfill', takesOver: true },
        limits: { rows: 500, bytes: 10_000_000, timeMs: 60_000 },
        ...more,
      },
      never,
    )
  } finally {
    await lake.close()
  }
}

async function countsOf(lake: Lake) {
  return readRows<{ source: string; n: number }>(
    lake,
    'silver.trades',
    `SELECT CASE WHEN source LIKE 'file:%' THEN 'file' ELSE source END AS source, ` +
      `count(*)::INTEGER AS n FROM t WHERE event_ts < TIMESTAMPTZ '2013-10-08 00:00:00+00' ` +
      `GROUP BY ALL ORDER BY ALL`,
  )
}

async function expectSound(lake: Lake): Promise<void> {
  expect(await receiptProblems(lake)).toEqual([])
  const { checks } = await verifyLake({ lake, isDeep: true })
  expect(checks.flatMap(({ findings }) => findings)).toEqual([])
}

await describeWithService('data', 'a recorded day that a stream gave in part', () => {
  it('is taken over by its file beside the stream, and what comes late stays out', async () => {
    const { lake } = local
    const lines = recordedLines()
    expect(lines).toHaveLength(PRINTS)
    const { messages, toldCount, keptCount, lateCount } = streamOf(lines)
    await streamInto(lake, messages.slice(0, toldCount - 1))
    expect(await countsOf(lake)).toEqual([{ source: 'kafka:prints', n: keptCount }])
    const path = folder.write(DAY, 'spy', lines)
    await expect(takeOver(path, { isBeside: true, takesOver: false })).rejects.toThrow(
      /--take-over/,
    )
    // The stream wins races against cuts of the run: the first one, and a later one.
    const seen = new Set<string>()
    let stagedCount = 0
    const race = async () => {
      seen.add(JSON.stringify(await countsOf(lake)))
      stagedCount += 1
      if (stagedCount === 1) await streamInto(lake, messages.slice(0, toldCount))
      if (stagedCount === 5) await streamInto(lake, messages.slice(0, toldCount + 7))
    }
    expect(await takeOver(path, { isBeside: true, hooks: { staged: race } })).toMatchObject({
      takenOverDays: ['2013-10-07'],
    })
    expect(stagedCount).toBeGreaterThan(5)
    await streamInto(lake, messages)
    const after = [{ source: 'file', n: PRINTS }]
    expect(await countsOf(lake)).toEqual(after)
    expect(seen.size).toBeLessThanOrEqual(2)
    const bronze = await readRows(
      lake,
      'bronze.trade_messages',
      'SELECT count(*)::INTEGER AS n FROM t',
    )
    expect(bronze).toEqual([{ n: toldCount + lateCount + PRINTS }])
    await expectSound(lake)

    const straight = await openMemoryLake({ clock: systemClock })
    await backfill(
      { lake: straight, format: 'lean-trades', files: [path], writer: 'backfill' },
      never,
    )
    const next = messages.slice(keptCount, toldCount)
    await streamInto(
      straight,
      next.map((message, offset) => ({ ...message, offset: BigInt(offset) })),
    )
    expect(await readContentHashes(lake)).toEqual(await readContentHashes(straight))
    await straight.close()
  }, 300_000)
})

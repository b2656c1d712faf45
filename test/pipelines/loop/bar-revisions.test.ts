import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import { headOf, loadHeads, planHead, planRelation } from '../../../pipelines/loop/loop-context.ts'
import { runMicroBatches } from '../../../pipelines/loop/run-micro-batches.ts'
import { verifyLake } from '../../../pipelines/verify/verify-lake.ts'
import { formats, type Format } from '../../../shared-transforms/formats/formats.ts'
import { stockJson } from '../../../shared-transforms/formats/stock-json.ts'
import { repositoryRoot } from '../../support/data.ts'
import { createForeignWriter } from '../../support/foreign-writer.ts'
import { readRows } from '../../support/lake-content.ts'
import { createListSource, type ListedMessage } from '../../support/list-source.ts'
import { createTestClock, openMemoryLake, type TestClock } from '../../support/memory-lake.ts'
import { runReplay, sealAll, DAY_US } from '../replay/replay-lake.ts'
import { generatedInputs, INPUT_START_US, makeMessages, type Happening } from './generate-input.ts'

const COLUMNS =
  'step, venue, venue_symbol, instrument_id, open_ts, close_ts, open, high, low, close, volume, ' +
  'notional, vwap, trade_count, revision'
const published = readFileSync(join(repositoryRoot, 'docs', 'bars-known-at.sql'), 'utf8')

let lake: Lake
let clock: TestClock
/** The sealed bars after each cut, by the time when it was committed. */
let seen: { timeUs: bigint; bars: string[] }[]

async function open(formatVersion: 2 | 3 = 2): Promise<void> {
  clock = createTestClock(INPUT_START_US + 10n * DAY_US)
  lake = await openMemoryLake({ clock, formatVersion })
  seen = []
}
afterEach(async () => {
  ;(formats as Map<string, Format>).set(stockJson.name, stockJson)
  await lake.close()
})

const asText = (rows: readonly object[]) => rows.map((row) => JSON.stringify(row, bigints)).sort()
const bigints = (_: string, value: unknown) => (typeof value === 'bigint' ? String(value) : value)

/** The reference: gold.bars itself, as every reader finds it after a cut. */
async function look(): Promise<void> {
  const bars = await readRows<object>(lake, 'gold.bars', `SELECT ${COLUMNS} FROM t WHERE is_sealed`)
  seen.push({ timeUs: clock.nowUs(), bars: asText(bars) })
  clock.advanceUs(1_000_000n)
}

/** Cut by cut: the lake is looked at after each, as the last process or as the next one. */
async function stream(messages: readonly ListedMessage[], size: number, ownRun: boolean) {
  const { scratchDir, ids } = lake
  for (let isDone = false; !isDone;) {
    const source = createListSource({
      ...{ messages, batchSizes: [size], scratchDir, ids },
      ...(ownRun ? { batchCountMax: 1 } : {}),
    })
    isDone = true
    const committed = async (batch: Parameters<typeof source.committed>[0]) => {
      await source.committed(batch)
      await look()
      if (ownRun) isDone = false
    }
    const limits = { rows: 1_000_000, bytes: 1_000_000_000, timeMs: 1 }
    const options = { lake, mode: 'live' as const, writer: 'test', limits }
    const { signal } = new AbortController()
    await runMicroBatches({ ...options, source: { ...source, committed } }, signal)
  }
}

const tables = ['gold.bars', 'gold.bar_revisions', 'sluice.cuts']

/** What the published query answers for each time, over the tables' heads. */
async function knownAt(timesUs: readonly bigint[]): Promise<string[][]> {
  const heads = await loadHeads(lake)
  const session = await lake.engine.connect()
  try {
    let sql = published.replace(/;\s*$/, '')
    for (const name of tables) {
      const relation = await planRelation(lake, await planHead(lake, headOf(heads, name), []))
      const copy = `copy_of_${name.replace('.', '_')}`
      await session.run(`CREATE OR REPLACE TEMP TABLE ${copy} AS SELECT * FROM ${relation}`)
      sql = sql.replace(new RegExp(`^( *FROM) ${name}$`, 'm'), `$1 ${copy}`)
    }
    const answers: string[][] = []
    for (const timeUs of timesUs) {
      const time = new Date(Number(timeUs / 1000n)).toISOString().replace(/T(.*)Z/, ' $1 UTC')
      answers.push(asText(await session.rows(sql.replace('2025-01-15 12:00:00 UTC', time))))
    }
    return answers
  } finally {
    session.close()
  }
}

async function expectKnown(): Promise<void> {
  const times = seen.flatMap(({ timeUs }) => [timeUs, timeUs + 999_000n])
  const [early, ...answers] = await knownAt([INPUT_START_US, ...times])
  expect(early).toEqual([])
  expect(answers).toEqual(seen.flatMap(({ bars }) => [bars, bars]))
  const { checks } = await verifyLake({ lake })
  expect(checks.flatMap(({ findings }) => findings)).toEqual([])
}

const ONE_SOURCE = { partitionCount: 1, hasOtherSources: false }
/** One minute changes twice after it was sealed, in two cuts. */
const twiceLate: readonly Happening[] = [
  ...Array.from({ length: 3 }, () => ({ what: 'trade' as const, symbol: 0, afterMs: 60_000 })),
  { what: 'late-trade', symbol: 1, behindMs: 120_000 },
  ...Array.from({ length: 9 }, () => ({ what: 'quote' as const, symbol: 0, afterMs: 0 })),
  { what: 'late-trade', symbol: 1, behindMs: 120_000 },
]

const countRevisions = async () => {
  const rows = await readRows<{ n: bigint }>(
    lake,
    'gold.bar_revisions',
    'SELECT count(*) AS n FROM t',
  )
  return Number(rows[0]?.n ?? 0n)
}

describe('bars as they were known at a time', () => {
  it('are what gold.bars held after each cut, for any input, batches and restarts', async () => {
    let revisionCount = 0
    const runs = fc.tuple(generatedInputs, fc.integer({ min: 1, max: 8 }), fc.boolean())
    await fc.assert(
      fc.asyncProperty(runs, async ([input, size, ownRun]) => {
        await open(size % 2 === 0 ? 3 : 2)
        try {
          const happenings = [...input.happenings, ...twiceLate]
          await stream(makeMessages({ ...input, happenings, ...ONE_SOURCE }), size, ownRun)
          await sealAll(lake)
          await look()
          await expectKnown()
          revisionCount += await countRevisions()
        } finally {
          await lake.close()
        }
      }),
      { numRuns: 4, endOnFailure: true },
    )
    expect(revisionCount).toBeGreaterThan(0)
  }, 120_000)

  it('have a row for each bar that a replay changes, and say which ones it removed', async () => {
    await open()
    const trade = (symbol: number, afterMs: number) => ({
      ...{ what: 'trade' as const, symbol, afterMs },
    })
    const happenings = Array.from({ length: 30 }, (_, index) => trade(index % 3, 9_000))
    const input = { happenings, ...ONE_SOURCE }
    await stream(makeMessages(input), 4, false)
    await sealAll(lake)
    await look()
    expect(await countRevisions()).toBe(0)
    const stricter: Format = {
      ...stockJson,
      version: 2,
      decodeSql: (kind, routed, dialect) =>
        `SELECT * REPLACE (CASE WHEN venue_symbol = 'AAPL' THEN 'out-of-range' ELSE reason END ` +
        `AS reason) FROM (${stockJson.decodeSql(kind, routed, dialect)})`,
    }
    ;(formats as Map<string, Format>).set(stockJson.name, stricter)
    const aapl = `venue_symbol = 'AAPL'`
    const held = await readRows<object>(lake, 'gold.bars', `SELECT step FROM t WHERE ${aapl}`)
    await runReplay(lake)
    const replayedUs = clock.nowUs()
    await look()
    const told = await readRows(
      lake,
      'gold.bar_revisions',
      `SELECT is_removed, revision, count(*)::INTEGER AS n, bool_and(${aapl}) AS all_of_it, ` +
        `min(epoch_us(known_ts)) AS known_us FROM t GROUP BY ALL ORDER BY ALL`,
    )
    expect(told).toMatchObject([
      { is_removed: false, revision: 0, n: held.length, all_of_it: true },
      { is_removed: true, revision: 1, n: held.length, all_of_it: true, known_us: replayedUs },
    ])
    ;(formats as Map<string, Format>).set(stockJson.name, stockJson)
    await runReplay(lake)
    await look()
    // As often as it is done again: nothing differs, nothing is told.
    const before = await countRevisions()
    await runReplay(lake)
    expect(await countRevisions()).toBe(before)
    await expectKnown()
  }, 60_000)

  it('say since when the first version was known: the time of the cut that sealed it', async () => {
    await open()
    const happenings = [
      ...Array.from({ length: 12 }, () => ({
        ...{ what: 'trade' as const, symbol: 0, afterMs: 30_000 },
      })),
      { what: 'late-trade' as const, symbol: 0, behindMs: 200_000 },
      { what: 'late-trade' as const, symbol: 0, behindMs: 200_000 },
    ]
    const input = { happenings, ...ONE_SOURCE }
    await stream(makeMessages(input), 1, true)
    const rows = await readRows<{ revision: number; known_us: bigint; known_cut: bigint }>(
      lake,
      'gold.bar_revisions',
      `SELECT revision, epoch_us(known_ts) AS known_us, known_cut FROM t WHERE step = '1m' ` +
        'ORDER BY open_ts, known_cut',
    )
    expect(rows.map(({ revision }) => revision)).toContain(0)
    const cuts = await readRows<{ cut_number: bigint; us: bigint }>(
      lake,
      'sluice.cuts',
      'SELECT cut_number, epoch_us(committed_ts) AS us FROM t WHERE source IS NULL',
    )
    const times = new Map(cuts.map(({ cut_number, us }) => [cut_number, us]))
    for (const row of rows) expect(row.known_us).toBe(times.get(row.known_cut))
    await expectKnown()
  }, 60_000)

  it('are kept as long as the table, whatever others rewrite', async () => {
    await open()
    const happenings = [
      ...Array.from({ length: 10 }, () => ({
        ...{ what: 'trade' as const, symbol: 0, afterMs: 30_000 },
      })),
      { what: 'late-trade' as const, symbol: 0, behindMs: 200_000 },
    ]
    await stream(makeMessages({ happenings, ...ONE_SOURCE }), 3, false)
    const writer = createForeignWriter(lake)
    for (const table of ['gold.bars', 'gold.bar_revisions']) {
      await writer.optimize(table)
      await writer.expireSnapshots(table)
    }
    await expectKnown()
    // What others take away is missed.
    await writer.deleteWhere('gold.bar_revisions', `step = '1m' AND revision = 1`)
    const { checks } = await verifyLake({ lake })
    expect(checks.flatMap(({ findings }) => findings)).toMatchObject([
      { check: 'gold', kind: 'corrupt-data', table: 'gold.bar_revisions' },
    ])
  }, 60_000)
})

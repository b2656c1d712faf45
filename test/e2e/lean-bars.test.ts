import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { unzipSync } from 'fflate'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { backfill } from '../../pipelines/backfill/backfill.ts'
import { roundedQuotient, scaledText } from '../shared-transforms/reference-bars.ts'
import { dataPath } from '../support/data.ts'
import { readRows } from '../support/lake-content.ts'
import { openLocalLake, type LocalLake } from '../support/local-lake.ts'
import { readTotals, receiptProblems } from '../support/receipts.ts'
import { describeWithService } from '../support/service.ts'

/** Trades a day, as the data's own description counts them. */
const days = [
  ['20131007', 250_601],
  ['20131008', 451_545],
  ['20131009', 439_677],
  ['20131010', 460_032],
  ['20131011', 285_605],
] as const

/** New York in October: 4 h behind UTC. */
const OFFSET_US = 4n * 3_600_000_000n
const steps = { '1m': 60_000_000n, '5m': 300_000_000n, '1h': 3_600_000_000n, '1d': 86_400_000_000n }

const zipPath = (day: string): string => dataPath(`lean-us-equity/tick/spy_${day}_trade.zip`)

function readCsv(day: string): string {
  const [csv] = Object.values(unzipSync(readFileSync(zipPath(day))))
  return Buffer.from(csv ?? []).toString('latin1')
}

function midnightUs(day: string): bigint {
  return BigInt(Date.parse(`${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)}T00:00Z`)) * 1000n
}

/** A bar in the file's own units: prices x10000, whole shares. */
interface RawBar {
  openUs: bigint
  closeUs: bigint
  open: bigint
  high: bigint
  low: bigint
  close: bigint
  volume: bigint
  notional: bigint
  count: bigint
  sum: bigint
  squares: bigint
}

/** The arbiter: every bar of every step by `<step> <start µs>`, by a loop over the lines. */
function loopOverLines(bars: Map<string, RawBar>, day: string): void {
  for (const line of readCsv(day).trimEnd().split('\n')) {
    const [ms = '', priceText = '', sizeText = ''] = line.split(',')
    const us = midnightUs(day) + OFFSET_US + BigInt(ms) * 1000n
    const price = BigInt(priceText)
    const size = BigInt(sizeText)
    for (const [step, lengthUs] of Object.entries(steps)) {
      const key = `${step} ${us - (us % lengthUs)}`
      const bar = bars.get(key) ?? newBar(us, price)
      if (us < bar.openUs) [bar.openUs, bar.open] = [us, price]
      if (us >= bar.closeUs) [bar.closeUs, bar.close] = [us, price]
      if (price > bar.high) bar.high = price
      if (price < bar.low) bar.low = price
      bar.volume += size
      bar.notional += price * size
      bar.count += 1n
      bar.sum += price
      bar.squares += price * price
      bars.set(key, bar)
    }
  }
}

function newBar(us: bigint, price: bigint): RawBar {
  const prices = { open: price, high: price, low: price, close: price }
  const sums = { volume: 0n, notional: 0n, count: 0n, sum: 0n, squares: 0n }
  return { openUs: us, closeUs: us, ...prices, ...sums }
}

/** The reference bar as the table must hold it. */
function asRow(bar: RawBar) {
  const average = roundedQuotient(bar.sum * 10_000n, bar.count)
  return {
    open: scaledText(bar.open * 10_000n, 8),
    high: scaledText(bar.high * 10_000n, 8),
    low: scaledText(bar.low * 10_000n, 8),
    close: scaledText(bar.close * 10_000n, 8),
    volume: scaledText(bar.volume * 10n ** 8n, 8),
    notional: scaledText(bar.notional * 10n ** 12n, 16),
    vwap: scaledText(roundedQuotient(bar.notional * 10_000n, bar.volume), 8),
    trade_count: bar.count,
    avg_price: scaledText(average, 8),
    sum_price_sq: scaledText(bar.squares * 10n ** 8n, 16),
    buy_volume: '0.00000000',
    sell_volume: '0.00000000',
    revision: 0,
  }
}

/** Sample deviation from exact sums about the mean of 8 decimals; only the root is a double. */
function deviation(bar: RawBar): number | null {
  if (bar.count < 2n) return null
  const mean = roundedQuotient(bar.sum * 10_000n, bar.count)
  const squares = bar.squares * 10n ** 8n - 2n * mean * bar.sum * 10_000n + bar.count * mean * mean
  return Math.sqrt(Number(squares) / 1e16 / Number(bar.count - 1n))
}

interface BarRow extends ReturnType<typeof asRow> {
  readonly step: string
  readonly open_us: bigint
  readonly close_us: bigint
  readonly price_stddev: number | null
}

await describeWithService('data', 'five days of SPY through backfill', () => {
  let local: LocalLake
  let scratch: string
  const expected = new Map<string, RawBar>()

  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'sluice-lean-'))
    for (const [day] of days) loopOverLines(expected, day)
    local = await openLocalLake()
    const files = days.map(([day]) => zipPath(day))
    const result = await backfill(
      { lake: local.lake, format: 'lean-trades', files, writer: 'test' },
      new AbortController().signal,
    )
    expect(result).toMatchObject({ partsRead: 5, partsSkipped: 0, isComplete: true })
  })

  afterAll(async () => {
    await local.close()
    await rm(scratch, { recursive: true, force: true })
  })

  it('takes in every line as a trade of its own, and its receipts add up', async () => {
    expect(await receiptProblems(local.lake)).toEqual([])
    const lines = BigInt(days.reduce((sum, [, count]) => sum + count, 0))
    expect(await readTotals(local.lake)).toEqual({
      ...{ message_count: lines, decoded_count: lines, ignored_count: 0n, rejected_count: 0n },
      ...{ row_count: lines, silver_count: lines, duplicate_count: 0n, refused_count: 0n },
    })
  })

  it('has the daily bars that DuckDB makes of the raw CSV', async () => {
    const session = await local.lake.engine.connect()
    const columns =
      'epoch_us(open_ts) AS open_us, open, high, low, close, volume, vwap, trade_count'
    const bars = await readRows(
      local.lake,
      'gold.bars',
      `SELECT ${columns} FROM t WHERE step = '1d' ORDER BY open_ts`,
    )
    const direct: unknown[] = []
    for (const [day, count] of days) {
      const path = join(scratch, `${day}.csv`)
      await writeFile(path, readCsv(day))
      const [bar] = await session.rows<{ trade_count: bigint }>(directSql(path, midnightUs(day)))
      expect(bar?.trade_count).toBe(BigInt(count))
      direct.push(bar)
    }
    session.close()
    expect(bars).toEqual(direct)
  })

  it('has every bar of every step that the loop over the lines makes, and no other', async () => {
    const rows = await readRows<BarRow>(
      local.lake,
      'gold.bars',
      `SELECT step, epoch_us(open_ts) AS open_us, epoch_us(close_ts) AS close_us, open, high, ` +
        `low, close, volume, notional, vwap, trade_count, avg_price, sum_price_sq, buy_volume, ` +
        `sell_volume, revision, price_stddev FROM t`,
    )
    expect(rows).toHaveLength(expected.size)
    const wrong = rows.filter((row) => !isAsExpected(row, expected)).slice(0, 3)
    expect(wrong).toEqual([])
    expect(new Set(rows.map((row) => `${row.step} ${row.open_us}`)).size).toBe(expected.size)
  })
})

function isAsExpected(row: BarRow, expected: ReadonlyMap<string, RawBar>): boolean {
  const { step, open_us: openUs, close_us: closeUs, price_stddev: stddev, ...rest } = row
  const bar = expected.get(`${step} ${openUs}`)
  if (bar === undefined) return false
  const lengthUs = steps[step as keyof typeof steps]
  const wanted = deviation(bar)
  const isNear =
    stddev === null || wanted === null
      ? stddev === wanted
      : Math.abs(stddev - wanted) <= 1e-12 * Math.max(1, wanted)
  const isSame = Object.entries(asRow(bar)).every(
    ([name, value]) => rest[name as keyof typeof rest] === value,
  )
  return isNear && isSame && closeUs === openUs + lengthUs
}

/** One day's bar in one query over its CSV: whole numbers all the way, one division at the end. */
function directSql(path: string, midnight: bigint): string {
  const price = (text: string) => `CAST(${text} * 0.0001 AS DECIMAL(18, 8))`
  return (
    `WITH lines AS (SELECT row_number() OVER () AS line, * FROM read_csv('${path}', ` +
    `header = false, auto_detect = false, delim = ',', columns = {ms: 'BIGINT', ` +
    `price: 'BIGINT', size: 'BIGINT', exchange: 'VARCHAR', sale: 'VARCHAR', odd: 'VARCHAR'})), ` +
    `keyed AS (SELECT *, ms * 10000000 + line AS place FROM lines), ` +
    `day AS (SELECT arg_min(price, place) AS first, max(price) AS highest, ` +
    `min(price) AS lowest, arg_max(price, place) AS last, sum(size) AS size, ` +
    `sum(CAST(price AS HUGEINT) * size) * 10000 AS money, count(*) AS trade_count FROM keyed) ` +
    `SELECT ${midnight}::BIGINT AS open_us, ${price('first')} AS open, ` +
    `${price('highest')} AS high, ${price('lowest')} AS low, ${price('last')} AS close, ` +
    `CAST(size AS DECIMAL(38, 8)) AS volume, ` +
    `CAST(CAST((2 * money + size) // (2 * size) AS DECIMAL(18, 0)) * 0.00000001 ` +
    `AS DECIMAL(18, 8)) AS vwap, trade_count FROM day`
  )
}

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { unzipSync } from 'fflate'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { backfill } from '../../../pipelines/backfill/backfill.ts'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import { scaledText } from '../../shared-transforms/reference-bars.ts'
import { dataPath } from '../../support/data.ts'
import { readRows } from '../../support/lake-content.ts'
import { createTestClock, openMemoryLake } from '../../support/memory-lake.ts'
import { readTotals, receiptProblems } from '../../support/receipts.ts'
import { describeWithService } from '../../support/service.ts'
import { makeScratch } from '../sources/kafka-rig.ts'

const PATH = 'lean-us-equity/tick/ibm_20131007_quote.zip'
/** As the data's own description counts them. */
const LINE_COUNT = 109_067
const MINUTE_US = 60_000_000n
/** New York in October: 4 h behind UTC. */
const MIDNIGHT_US = BigInt(Date.parse('2013-10-07T04:00:00Z')) * 1000n

const price = (ticks: bigint) => scaledText(ticks * 10_000n, 8)

interface Minute {
  bid: bigint | undefined
  ask: bigint | undefined
  count: bigint
}

/** The arbiter: the last bid and ask of each minute, by a loop over the lines. */
function loopOverLines(csv: string): Map<bigint, Minute> {
  const minutes = new Map<bigint, Minute>()
  for (const line of csv.trimEnd().split(/\r?\n/)) {
    const [ms = '', bid = '', , ask = ''] = line.split(',')
    const us = MIDNIGHT_US + BigInt(ms) * 1000n
    const start = us - (us % MINUTE_US)
    const minute = minutes.get(start) ?? { bid: undefined, ask: undefined, count: 0n }
    if (bid !== '0') minute.bid = BigInt(bid)
    if (ask !== '0') minute.ask = BigInt(ask)
    minute.count += 1n
    minutes.set(start, minute)
  }
  return minutes
}

await describeWithService('data', 'a day of quotes of IBM through backfill', () => {
  const scratch = makeScratch()
  let lake: Lake
  let csv: string

  beforeAll(async () => {
    const [bytes] = Object.values(unzipSync(readFileSync(dataPath(PATH))))
    csv = Buffer.from(bytes ?? []).toString('latin1')
    lake = await openMemoryLake({ clock: createTestClock(MIDNIGHT_US + 30n * 86_400_000_000n) })
    const result = await backfill(
      { lake, format: 'lean-quotes', files: [dataPath(PATH)], writer: 'test' },
      new AbortController().signal,
    )
    expect(result).toMatchObject({ partsRead: 1, partsSkipped: 0, isComplete: true })
  }, 120_000)
  afterAll(async () => {
    await lake.close()
    scratch.remove()
  })

  it('is a row a line, and its receipts add up', async () => {
    expect(await receiptProblems(lake)).toEqual([])
    expect(await readTotals(lake)).toMatchObject({
      ...{ message_count: BigInt(LINE_COUNT), silver_count: BigInt(LINE_COUNT) },
      ...{ rejected_count: 0n, duplicate_count: 0n, refused_count: 0n },
    })
  })

  it('has in each row of silver what DuckDB reads of its line', async () => {
    const path = join(scratch.path, 'ibm.csv')
    writeFileSync(path, csv)
    const session = await lake.engine.connect()
    const side = (name: string) =>
      `CASE WHEN ${name} > 0 THEN CAST(${name} * 0.0001 AS DECIMAL(18, 8)) END AS ${name}_price, ` +
      `CASE WHEN ${name} > 0 THEN CAST(${name}_size AS DECIMAL(28, 8)) END AS ${name}_quantity`
    const direct = await session.rows(
      `SELECT line::BIGINT - 1 AS source_offset, ${MIDNIGHT_US}::BIGINT + ms * 1000 AS us, ` +
        `${side('bid')}, ${side('ask')} FROM (SELECT row_number() OVER () AS line, * ` +
        `FROM read_csv('${path}', header = false, auto_detect = false, delim = ',', columns = ` +
        `{'ms': 'BIGINT', 'bid': 'BIGINT', 'bid_size': 'BIGINT', 'ask': 'BIGINT', ` +
        `'ask_size': 'BIGINT', 'exchange': 'VARCHAR', 'condition': 'VARCHAR', 'odd': 'VARCHAR'})) ` +
        `ORDER BY line`,
    )
    session.close()
    const silver = await readRows(
      lake,
      'silver.quotes',
      `SELECT source_offset, epoch_us(event_ts) AS us, bid_price, bid_quantity, ask_price, ` +
        `ask_quantity FROM t ORDER BY source_offset`,
    )
    expect(direct).toHaveLength(LINE_COUNT)
    expect(silver.length).toBe(LINE_COUNT)
    const differing = silver.findIndex((row, index) => {
      const other = direct[index] as Record<string, unknown>
      return Object.entries(row as object).some(([name, value]) => other[name] !== value)
    })
    expect([silver[differing], direct[differing]]).toEqual([undefined, undefined])
  })

  it('has the last bid and ask of every minute that a loop over the lines finds', async () => {
    const expected = [...loopOverLines(csv)].sort(([a], [b]) => (a < b ? -1 : 1))
    const spreads = await readRows(
      lake,
      'gold.spreads',
      `SELECT epoch_us(open_ts) AS us, bid_price, ask_price, quote_count, both_sides_count ` +
        `FROM t WHERE step = '1m' AND venue = 'us-equity' AND venue_symbol = 'IBM' ORDER BY open_ts`,
    )
    expect(spreads).toEqual(
      expected.map(([us, { bid, ask, count }]) => ({
        us,
        bid_price: bid === undefined ? null : price(bid),
        ask_price: ask === undefined ? null : price(ask),
        quote_count: count,
        both_sides_count: 0n,
      })),
    )
  })
})

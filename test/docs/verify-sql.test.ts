import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Lake } from '../../pipelines/lake/lake.ts'
import { createLakeQuery } from '../../tables/query/lake-query.ts'
import { tableId } from '../../tables/spec/table-identifier.ts'
import { fileOf, folder, run, takeOver } from '../pipelines/backfill/print-files.ts'
import { auditorQueries } from '../support/auditor-queries.ts'
import { repositoryRoot } from '../support/data.ts'
import { createForeignWriter } from '../support/foreign-writer.ts'
import { readRows } from '../support/lake-content.ts'
import { MARKET_START_US, runMarket } from '../support/market-minutes.ts'
import type { ListedMessage } from '../support/list-source.ts'
import { createTestClock, openMemoryLake } from '../support/memory-lake.ts'
import { runList } from '../support/run-list.ts'

const queries = auditorQueries()

/** Klines of AAPL in a minute with trades and before it, and of a symbol without a trade. */
const klines = ['AAPL', 'AAPL', 'IBM'].map((symbol, index): ListedMessage => {
  const openMs = MARKET_START_US / 1000n - BigInt(index) * 60_000n
  return {
    part: { source: 'kafka:klines', partition: 0 },
    format: 'binance-klines',
    offset: BigInt(index),
    payload: `${openMs},5,7,4,6,2,${openMs + 59_999n},11,3,1,5,0`,
    headers: JSON.stringify({ venue: 'NASDAQ', symbol }),
  }
})

/** Trades of a venue that numbers them without a gap: 3 and 4, and 6, never came. */
const numbered = [1, 2, 5, 7].map((number, index): ListedMessage => {
  const receivedUs = MARKET_START_US + BigInt(number) * 1000n
  const timeMs = Number(receivedUs / 1000n)
  const data = { e: 'trade', s: 'BTCUSDT', t: number, p: '61', q: '1', T: timeMs, m: false }
  return {
    part: { source: 'kafka:frames', partition: 0 },
    format: 'binance-frames',
    offset: BigInt(index),
    payload: JSON.stringify({ stream: 'btcusdt@trade', data }),
    receivedUs,
  }
})

/** The tests work on one lake, one after the other: it is broken by the later ones. */
describe("the auditor's queries", () => {
  let lake: Lake

  beforeAll(async () => {
    lake = await openMemoryLake({ clock: createTestClock(MARKET_START_US + 172_800_000_000n) })
    await runMarket(lake, { cutCount: 4, late: [{ cut: 4, minute: 1, id: 'late' }] })
    await runList(lake, klines, [klines.length])
    await runList(lake, numbered, [numbered.length])
    await run(lake, [prints(1, 0, 12)])
    await takeOver(lake, [prints(2, 4, 20)])
    await run(lake, [prints(3, 22, 23)])
  }, 120_000)
  afterAll(async () => {
    await lake.close()
    folder.remove()
  })

  /** Prints of one day without ids: the second source takes it over, the third overlaps nothing. */
  function prints(number: number, fromHour: number, toHour: number): string {
    return fileOf({ number, pieces: [{ symbol: 'SPY', day: 0, fromHour, toHour }] })
  }

  function openQuery() {
    const { catalog, fileIO, engine, manifestCache } = lake
    const cutsTable = tableId('sluice.cuts')
    return createLakeQuery({ catalog, fileIO, engine, cutsTable, manifestCache })
  }

  /** The numbers of the queries that find something. */
  async function finders(): Promise<string[]> {
    const query = openQuery()
    const found: string[] = []
    for (const { name, sql } of queries) {
      const { rows } = await query.query(sql)
      for await (const row of rows) {
        expect(row.length).toBeGreaterThan(0)
        found.push(name.split('.')[0] ?? '')
        break
      }
    }
    return found
  }

  it('are as many as the page says, each with what it proves above it', () => {
    expect(queries.map(({ name }) => Number(name.split('.')[0]))).toEqual(
      Array.from({ length: 17 }, (_, index) => index + 1),
    )
  })

  it('find nothing in a whole lake, late rows and all', async () => {
    expect(await finders()).toEqual([])
  })

  /** The rows of docs/take-overs.sql. */
  async function takeOvers(): Promise<Record<string, unknown>[]> {
    const text = readFileSync(join(repositoryRoot, 'docs', 'take-overs.sql'), 'utf8')
    const { columns, rows } = await openQuery().query(text.replace(/;\s*$/, ''))
    const read: Record<string, unknown>[] = []
    for await (const row of rows) {
      read.push(Object.fromEntries(columns.map(({ name }, index) => [name, row[index]])))
    }
    return read
  }

  it('leave it to a query of its own which days were taken over, by whom and when', async () => {
    const told = await takeOvers()
    expect(told).toHaveLength(1)
    const { taken_by: winner, taken_from: loser, ...rest } = told[0] ?? {}
    expect(rest).toMatchObject({
      ...{ kind: 'trade', venue: 'us-equity', venue_symbol: 'SPY', writer: 'test' },
    })
    const held = await readRows(
      lake,
      'silver.trades',
      `SELECT source, count(*)::INTEGER AS n FROM t WHERE source IN ('${String(winner)}', ` +
        `'${String(loser)}') GROUP BY ALL`,
    )
    expect(held).toEqual([{ source: winner, n: 17 }])
  })

  it('find what silver holds against what was taken over, and a cut that never was', async () => {
    const foreigner = createForeignWriter(lake)
    const [told] = await takeOvers()
    const turned = `source = '${String(told?.['taken_by'])}' AND cut_number = ${String(told?.['cut_number'])}`
    await foreigner.update('sluice.take_overs', turned, 'false AS is_counted')
    expect(await finders()).toEqual(['17'])
    await foreigner.update('sluice.take_overs', turned, 'true AS is_counted')
    await foreigner.update('sluice.take_overs', 'true', 'cut_number + 1000 AS cut_number')
    expect(await finders()).toEqual(['17'])
    await foreigner.update('sluice.take_overs', 'true', 'cut_number - 1000 AS cut_number')
    // As many rows as before, some of them of somebody else.
    const stolen = `venue_symbol = 'SPY' AND hour(event_ts AT TIME ZONE 'UTC') IN (5, 9)`
    await foreigner.update('silver.trades', stolen, `'file:cafe:1' AS source`)
    expect(await finders()).toEqual(['17'])
    await foreigner.update(
      'silver.trades',
      `source = 'file:cafe:1'`,
      `'${String(told?.['taken_by'])}' AS source`,
    )
    expect(await finders()).toEqual([])
  })

  it('find a bar that was changed, and one that is gone', async () => {
    const foreigner = createForeignWriter(lake)
    await foreigner.update('gold.bars', `step = '5m' AND venue_symbol = 'AAPL'`, 'open + 1 AS open')
    await foreigner.deleteWhere('gold.spreads', `step = '1d'`)
    // AAPL has a bar of klines too.
    expect(await finders()).toEqual(['12', '13', '15'])
  })

  it('find a message that is lost and a print that is doubled', async () => {
    const foreigner = createForeignWriter(lake)
    await foreigner.deleteWhere('bronze.quote_messages', 'source_offset = 1')
    await foreigner.insert('silver.trades', 'SELECT * FROM t WHERE source_offset = 0')
    expect(await finders()).toEqual(['5', '6', '7', '9', '12', '13', '15'])
  })

  it('find a gap that nobody tells, and one that was told too long', async () => {
    const foreigner = createForeignWriter(lake)
    await foreigner.update('silver.gaps', 'from_seq = 3', 'to_seq + 1 AS to_seq')
    expect(await finders()).toContain('16')
    await foreigner.update('silver.gaps', 'from_seq = 3', 'to_seq - 1 AS to_seq')
    expect(await finders()).not.toContain('16')
    await foreigner.deleteWhere('silver.gaps', 'from_seq = 6')
    expect(await finders()).toContain('16')
  })

  it('find a cut that is gone', async () => {
    await createForeignWriter(lake).deleteWhere('sluice.cuts', 'cut_number = 2')
    expect(await finders()).toEqual(['1', '4', '5', '6', '7', '9', '12', '13', '15', '16'])
  })
})

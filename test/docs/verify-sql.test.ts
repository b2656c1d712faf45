import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Lake } from '../../pipelines/lake/lake.ts'
import { createLakeQuery } from '../../tables/query/lake-query.ts'
import { tableId } from '../../tables/spec/table-identifier.ts'
import { auditorQueries } from '../support/auditor-queries.ts'
import { createForeignWriter } from '../support/foreign-writer.ts'
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
  }, 60_000)
  afterAll(() => lake.close())

  /** The numbers of the queries that find something. */
  async function finders(): Promise<string[]> {
    const { catalog, fileIO, engine, manifestCache } = lake
    const cutsTable = tableId('sluice.cuts')
    const query = createLakeQuery({ catalog, fileIO, engine, cutsTable, manifestCache })
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
      Array.from({ length: 16 }, (_, index) => index + 1),
    )
  })

  it('find nothing in a whole lake, late rows and all', async () => {
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

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { backfill } from '../../pipelines/backfill/backfill.ts'
import { servedCatalogOf } from '../../pipelines/lake/served-catalog-of.ts'
import { openLake } from '../../pipelines/lake/open-lake.ts'
import type { Lake } from '../../pipelines/lake/lake.ts'
import { contentHashSql } from '../../shared-transforms/content-hash.ts'
import { trinoDialect } from '../../shared-transforms/dialect.ts'
import { allViews } from '../../shared-transforms/lake-views.ts'
import type { RowValue } from '../../tables/engine/row-value.ts'
import { createLakeQuery } from '../../tables/query/lake-query.ts'
import { tableId } from '../../tables/spec/table-identifier.ts'
import { startRestServer, type RestServer } from '../../tables/catalog/rest-server.ts'
import { randomIds } from '../../tables/clock.ts'
import { resultFormats } from '../../tables/query/format-result.ts'
import { createTestClock } from '../support/memory-lake.ts'
import { describeWithService } from '../support/service.ts'
import { runSluice, startSluice, type Finished } from '../support/sluice-process.ts'
import { fillStockLake } from '../support/stock-lake.ts'
import { MINUTE_US, STOCK_HOURS_START_US } from '../support/stock-hours.ts'
import { sharedTrino, type TestTrino } from '../support/trino.ts'

const CUTS = 12

async function rowsOf(rows: AsyncIterable<readonly RowValue[]>): Promise<(readonly RowValue[])[]> {
  const all: (readonly RowValue[])[] = []
  for await (const row of rows) all.push(row)
  return all
}

/** Statements that both engines take, with a whole order. */
const statements = {
  'bars with every type':
    "SELECT * FROM gold.bars WHERE step = '1m' ORDER BY venue, venue_symbol, open_ts LIMIT 40",
  'a join at one cut':
    'SELECT b.venue_symbol, b.open_ts, b.close, s.mid, s.quote_count FROM gold.bars b ' +
    'LEFT JOIN gold.spreads AS s ON s.step = b.step AND s.venue = b.venue ' +
    'AND s.venue_symbol = b.venue_symbol AND s.open_ts = b.open_ts ' +
    "WHERE b.step = '1h' ORDER BY b.venue, b.venue_symbol, b.open_ts",
  'a CTE with the name of a table':
    'WITH trades AS (SELECT venue_symbol, price, quantity FROM silver.trades) ' +
    'SELECT venue_symbol, count(*) AS n, sum(quantity) AS volume, min(price) AS low ' +
    'FROM trades GROUP BY venue_symbol ORDER BY venue_symbol',
  'a subquery, and a comma':
    'SELECT t.n, q.n AS m FROM (SELECT count(*) AS n FROM silver.trades) t, ' +
    '(SELECT count(*) AS n FROM silver.quotes) q',
  'FROM that names no table':
    'SELECT extract(hour FROM max(open_ts)) AS h, count(*) AS n FROM gold.bars ' +
    'WHERE vwap IS DISTINCT FROM close',
  'values that JSON and doubles cannot hold':
    'SELECT CAST(9007199254740993 AS BIGINT) AS id, CAST(0.1 AS DECIMAL(38, 18)) AS d, ' +
    "CAST('NaN' AS DOUBLE) AS nan, CAST(0.1 AS REAL) AS r, DATE '2026-11-20' AS day, " +
    "TIMESTAMP '2026-11-20 14:30:00.000001' AS ts, CAST(NULL AS VARCHAR) AS nothing, " +
    "'a,\"b\"' AS text, true AS yes, TIME '12:30:00.5' AS t",
  'no rows at all': 'SELECT venue, open_ts FROM gold.bars WHERE volume < 0',
} as const

/** The column that places a row in time, where it is not open_ts. */
const timeOf: Readonly<Record<string, string>> = {
  'gold.latest_quotes': 'event_ts',
  'gold.daily_filled': 'day',
  'gold.forecast_input': 'ds',
  'gold.kline_gaps': 'from_ts',
}

await describeWithService('trino', 'sluice sql --engine trino', () => {
  let folder: string
  let directory: string
  let lake: Lake
  let server: RestServer
  let trino: TestTrino

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice sql-'))
    directory = join(folder, 'lake')
    const clock = createTestClock(STOCK_HOURS_START_US + MINUTE_US)
    lake = await openLake({ directory, clock, ids: randomIds, createIfMissing: true })
    await fillStockLake(lake, clock, { count: CUTS, late: 8, veryLate: 10, earlyCut: 5 })
    await loadKlines()
    server = await startRestServer({ catalog: servedCatalogOf(lake), port: 0 })
    trino = await sharedTrino()
    await trino.attach('sluice', server.url)
  })
  afterAll(async () => {
    await trino.close()
    await server.close()
    await lake.close()
    await rm(folder, { recursive: true, force: true })
  })

  /** Minutes of three hours of a day before the market's, with gaps of one, two and 40 of them. */
  async function loadKlines(): Promise<void> {
    const file = join(folder, 'BTCUSD-1m.csv')
    const startMs = Number(STOCK_HOURS_START_US / 1000n) - 86_400_000
    const minutes = [...[0, 1, 3, 4, 7], ...Array.from({ length: 132 }, (_, index) => 48 + index)]
    const lines = minutes.map((minute) => `${startMs + minute * 60_000},7,7.5,8,6,1`)
    await writeFile(file, ['mts,open,close,high,low,volume', ...lines, ''].join('\n'))
    const run = { lake, format: 'bitfinex-klines', files: [file], writer: 'test' } as const
    await backfill(run, new AbortController().signal)
  }

  const byDuckDb = (args: readonly string[]): Promise<Finished> =>
    runSluice(['sql', '--lake', directory, ...args])
  const byTrino = (args: readonly string[]): Promise<Finished> =>
    byDuckDb(['--engine', 'trino', '--trino', trino.url, ...args])

  async function expectEqual(args: readonly string[]): Promise<Finished> {
    const [ours, theirs] = [await byDuckDb(args), await byTrino(args)]
    expect(theirs.code, theirs.stderr).toBe(0)
    expect(theirs).toEqual(ours)
    return theirs
  }

  it.each(Object.entries(statements))('writes %s as DuckDB does', async (_, sql) => {
    const { stdout } = await expectEqual(['--format', 'table', sql])
    expect(stdout).toMatch(/\d+ rows?\n$/)
  })

  it.each(resultFormats)('writes the form %s as DuckDB does', async (format) => {
    const { stdout } = await expectEqual(['--format', format, statements['bars with every type']])
    expect(stdout.length).toBeGreaterThan(1000)
  })

  it('reads every table at the cut that is asked for, and says which', async () => {
    const sql =
      'SELECT (SELECT count(*) FROM silver.trades) AS t, (SELECT count(*) FROM gold.bars) AS b, ' +
      '(SELECT max(cut_number) FROM sluice.cuts) AS c'
    const counts = new Set<string>()
    for (const cut of [1, 4, CUTS - 1]) {
      const { stdout, stderr } = await expectEqual(['--format', 'csv', '--cut', String(cut), sql])
      expect(stderr).toMatch(new RegExp(`^cut ${cut} of `, 'm'))
      counts.add(stdout)
    }
    expect(counts.size).toBe(3)
    const asOf = new Date(Number((STOCK_HOURS_START_US + 6n * MINUTE_US) / 1000n)).toISOString()
    await expectEqual(['--format', 'csv', '--as-of', asOf, sql])
  })

  it('takes the AT clause of DuckDB, and its own', async () => {
    const [row] = JSON.parse(
      (
        await byDuckDb([
          '--json',
          '--cut',
          '3',
          'SELECT snapshot_ids FROM sluice.cuts ' +
            'WHERE source IS NULL ORDER BY cut_number DESC LIMIT 1',
        ])
      ).stdout,
    ) as { snapshot_ids: string }[]
    const ids = JSON.parse(row?.snapshot_ids ?? '{}') as Record<string, string>
    const id = ids['silver.trades']
    const count = (clause: string) => `SELECT count(*) AS n FROM silver.trades ${clause}`
    const { stdout } = await expectEqual(['--format', 'csv', count(`t AT (VERSION => ${id})`)])
    const own = await byTrino(['--format', 'csv', '--cut', '9', count(`FOR VERSION AS OF ${id}`)])
    expect(own.stdout).toBe(stdout)
  })

  it('says where a statement is wrong by the places in it, whatever was put in', async () => {
    const sql = 'SELECT b.venue,\n  b.candle FROM gold.bars b'
    const { code, stderr } = await byTrino(['--cut', '3', sql])
    expect(code).toBe(2)
    expect(stderr).toMatch(/line 2:3: Column 'b.candle' cannot be resolved \(COLUMN_NOT_FOUND\)/)
    const after = await byTrino(['--cut', '3', 'SELECT 1 FROM gold.bars b WHERE b.candle = 1'])
    expect(after.stderr).toContain("line 1:33: Column 'b.candle'")
  })

  it('reads an EXPLAIN and a SHOW, and refuses what changes something', async () => {
    const plan = await byTrino(['--cut', '3', 'EXPLAIN SELECT count(*) FROM gold.bars'])
    expect(plan.stdout).toContain('bars')
    expect((await byTrino(['SHOW TABLES FROM gold;'])).stdout).toContain('spreads')
    for (const sql of ['DELETE FROM gold.bars', 'EXPLAIN ANALYZE DELETE FROM gold.bars']) {
      const { code, stderr } = await byTrino([sql])
      expect(code).toBe(2)
      expect(stderr).toContain('can only be read here')
    }
  })

  it.each(allViews)('Trino reads the view $name from the catalog as we do', async (view) => {
    const day = timeOf[view.name] ?? 'open_ts'
    const columns = view.columns.map((column) => ({ ...column, role: 'content' as const }))
    const table = { ...view, columns, key: [day], partition: [], sort: [] }
    const ours = createLakeQuery({ ...lake, cutsTable: tableId('sluice.cuts') })
    const hashes = await rowsOf((await ours.query(contentHashSql(table, view.name))).rows)
    const theirs = await trino.query<Record<string, RowValue>>(
      contentHashSql(table, `sluice.${view.name}`, trinoDialect),
    )
    expect(theirs.map((each) => Object.values(each).map(String))).toEqual(
      hashes.map((row) => row.map(String)),
    )
    const [count] = await trino.query<{ n: bigint }>(
      `SELECT count(*) AS n FROM sluice.${view.name}`,
    )
    expect(count?.n).toBeGreaterThan(0n)
    const comments = await trino.query<{ Column: string; Comment: string }>(
      `DESCRIBE sluice.${view.name}`,
    )
    expect(comments.map(({ Comment }) => Comment)).toEqual(view.columns.map(({ doc }) => doc))
  })

  it('reads views at a cut, by themselves and in joins', async () => {
    const sql =
      'SELECT b.venue_symbol, b.open_ts, b.close, bars_1d.close AS day, q.bid_price ' +
      'FROM gold.bars_5m AS b JOIN gold.bars_1d ON bars_1d.venue_symbol = b.venue_symbol ' +
      'LEFT JOIN gold.latest_quotes q ON q.venue_symbol = b.venue_symbol ' +
      'ORDER BY b.venue, b.venue_symbol, b.open_ts'
    const texts = new Set<string>()
    for (const time of [['--cut', '2'], ['--cut', '9'], []]) {
      texts.add((await expectEqual(['--format', 'ndjson', ...time, sql])).stdout)
    }
    expect(texts.size).toBe(3)
    for (const view of ['gold.bars_1m FOR VERSION AS OF 7', 'gold.bars_1m AT (VERSION => 7)']) {
      const { code, stderr } = await byTrino([`SELECT * FROM ${view}`])
      expect(code).toBe(2)
      expect(stderr).toContain('is a view')
    }
  })

  it("reads Trino's tables about a table, of which none has a version", async () => {
    for (const from of ['gold.bars$snapshots', 'gold."bars$refs"']) {
      await expectEqual(['--format', 'csv', '--cut', '9', `SELECT count(*) AS n FROM ${from}`])
    }
    const files =
      'SELECT content, sum(record_count) AS n FROM gold.bars$files GROUP BY 1 ORDER BY 1'
    await expectEqual(['--format', 'csv', files])
    const { code, stderr } = await byTrino(['--cut', '9', files])
    expect(code).toBe(2)
    expect(stderr).toContain('Trino reads "bars$files" only as it is now')
    // Should a Trino learn it, then these can be brought to a cut too.
    const id = (await lake.catalog.loadTable(tableId('gold.bars')))?.metadata['current-snapshot-id']
    await expect(
      trino.query(`SELECT * FROM sluice.gold."bars$files" FOR VERSION AS OF ${id}`),
    ).rejects.toThrow(/version/)
  })

  it("says so of a view that Trino made, which has no text in DuckDB's SQL", async () => {
    await trino.run('CREATE VIEW sluice.gold.of_trino AS SELECT step FROM sluice.gold.bars')
    const sql = 'SELECT count(*) AS n FROM gold.of_trino'
    const ours = await byDuckDb([sql])
    expect(ours.code).toBe(2)
    expect(ours.stderr).toMatch(/no text in DuckDB's SQL.*for trino.*--engine trino/)
    const theirs = await byTrino(['--format', 'csv', '--cut', '2', sql])
    const bars = await byDuckDb(['--format', 'csv', '--cut', '2', sql.replace('of_trino', 'bars')])
    expect(theirs.stdout).toBe(bars.stdout)
  })

  it('cancels the statement in Trino on Ctrl-C', async () => {
    const endless =
      'SELECT count(*) FROM gold.bars a, gold.bars b, gold.bars c, gold.bars d, gold.bars e'
    const running = startSluice([
      ...['sql', '--lake', directory, '--engine', 'trino', '--trino', trino.url, endless],
    ])
    const states = () =>
      trino.query<{ state: string; error_code: string | null }>(
        'SELECT state, error_code FROM system.runtime.queries ' +
          "WHERE source = 'sluice' AND query LIKE 'SELECT count(*) FROM \"sluice\"%' " +
          "AND query LIKE '% e'",
      )
    await expect.poll(async () => (await states())[0]?.state, { timeout: 60_000 }).toBe('RUNNING')
    expect(await running.stop('SIGINT')).toBe(130)
    expect(running.output()).toContain('cancelled; Trino was told so')
    await expect
      .poll(states, { timeout: 60_000 })
      .toEqual([{ state: 'FAILED', error_code: 'USER_CANCELED' }])
  })
})

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createLakeViews } from '../../../pipelines/lake/create-lake-views.ts'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import { allTables } from '../../../shared-transforms/lake-tables.ts'
import { allViews } from '../../../shared-transforms/lake-views.ts'
import type { Catalog } from '../../../tables/catalog/catalog.ts'
import type { LoadedView, ViewCatalog } from '../../../tables/catalog/view-catalog.ts'
import type { RowValue } from '../../../tables/engine/row-value.ts'
import type { LakeQueryOptions } from '../../../tables/query/choose-cut.ts'
import { createLakeQuery } from '../../../tables/query/lake-query.ts'
import { tableId } from '../../../tables/spec/table-identifier.ts'
import type { ViewVersion } from '../../../tables/spec/view-metadata.ts'
import { createTestClock, openMemoryLake, type TestClock } from '../../support/memory-lake.ts'
import { MINUTE_US, STOCK_HOURS_START_US } from '../../support/stock-hours.ts'
import { fillStockLake } from '../../support/stock-lake.ts'

const CUTS = 8

let lake: Lake
let clock: TestClock
let catalog: Catalog
let views: ViewCatalog
beforeAll(async () => {
  clock = createTestClock(STOCK_HOURS_START_US + MINUTE_US)
  lake = await openMemoryLake({ clock })
  ;({ catalog } = lake)
  if (catalog.views === undefined) throw new Error('the catalog has no views')
  ;({ views } = catalog)
  await createLakeViews(catalog, allViews, clock)
  await fillStockLake(lake, clock, { count: CUTS, late: 5, veryLate: 7, earlyCut: 3 })
})
afterAll(() => lake.close())

async function query(sql: string, options: LakeQueryOptions = {}): Promise<Row[]> {
  const { fileIO, engine, manifestCache } = lake
  const cutsTable = tableId('sluice.cuts')
  const result = await createLakeQuery({
    ...{ catalog, fileIO, engine, cutsTable, manifestCache },
  }).query(sql, options)
  const rows: Row[] = []
  for await (const row of result.rows) {
    rows.push(Object.fromEntries(result.columns.map(({ name }, at) => [name, row[at] ?? null])))
  }
  return rows
}

type Row = Record<string, RowValue>

const load = async (name: string): Promise<LoadedView> => {
  const view = await views.loadView(tableId(name))
  if (view === undefined) throw new Error(`there is no view ${name}`)
  return view
}

const bodyOf = (sql: string, more: Partial<ViewVersion> = {}): ViewVersion => ({
  'version-id': 1,
  'timestamp-ms': 0,
  'schema-id': 0,
  summary: {},
  'default-namespace': ['gold'],
  representations: [{ type: 'sql', sql, dialect: 'DuckDB' }],
  ...more,
})

async function createView(name: string, sql: string, more?: Partial<ViewVersion>): Promise<void> {
  const schema = { type: 'struct', 'schema-id': 0, fields: [] } as const
  await views.createView(tableId(name), { schema, version: bodyOf(sql, more) })
}

describe("the lake's views", () => {
  it.each(['1m', '5m', '1h', '1d'])('have the bars of %s and no others', async (step) => {
    const order = 'ORDER BY venue, venue_symbol, open_ts'
    const rows = await query(`SELECT * FROM gold.bars_${step} ${order}`)
    expect(rows).toEqual(
      await query(`SELECT * EXCLUDE (step) FROM gold.bars WHERE step = '${step}' ${order}`),
    )
    expect(rows.length).toBeGreaterThan(0)
  })

  it('have the newest quote of each venue symbol', async () => {
    const latest = await query('SELECT * FROM gold.latest_quotes ORDER BY venue, venue_symbol')
    const counted = await query(
      'SELECT count(DISTINCT (venue, venue_symbol)) AS n FROM silver.quotes',
    )
    expect(counted).toEqual([{ n: BigInt(latest.length) }])
    for (const row of latest as readonly Record<string, string>[]) {
      const { venue = '', venue_symbol: symbol = '', event_ts: time = '', quote_id: id = '' } = row
      const later = await query(
        `SELECT count(*) AS n FROM silver.quotes WHERE venue = '${venue}' AND venue_symbol = ` +
          `'${symbol}' AND (event_ts > '${time}' OR (event_ts = '${time}' AND quote_id > '${id}'))`,
      )
      expect(later).toEqual([{ n: 0n }])
    }
  })

  it('have the days of each symbol, at any cut, and what a forecast is made of', async () => {
    for (const cut of [2, CUTS]) {
      const order = 'ORDER BY venue, venue_symbol, day'
      const columns = 'venue, venue_symbol, instrument_id'
      const days = await query(
        `SELECT ${columns}, day, close, volume FROM gold.daily_filled WHERE NOT is_filled ${order}`,
        { cut },
      )
      const day = 'CAST(open_ts AS DATE) AS day'
      expect(days).toEqual(
        await query(`SELECT ${columns}, ${day}, close, volume FROM gold.bars_1d ${order}`, { cut }),
      )
      expect(days.length).toBeGreaterThan(0)
      const inputs = await query(
        'SELECT ds, y, symbol FROM gold.forecast_input ORDER BY venue, symbol, ds',
        { cut },
      )
      const filled = 'SELECT day AS ds, close AS y, venue_symbol AS symbol FROM gold.daily_filled'
      expect(inputs).toEqual(await query(`${filled} ${order}`, { cut }))
    }
  })

  it('answer by the names that a statement gives them', async () => {
    const [row] = await query(
      'SELECT count(*) AS n, count(s.mid) AS mids FROM GOLD.Bars_1m b ' +
        'JOIN gold.bars a USING (venue, venue_symbol, open_ts) ' +
        "LEFT JOIN gold.spreads s ON s.open_ts = b.open_ts AND s.step = '1m' " +
        'AND s.venue_symbol = b.venue_symbol ' +
        "WHERE a.step = '1m'",
    )
    const [bare] = await query('SELECT count(bars_1m.close) AS n FROM bars_1m')
    expect(row?.['n']).toBe(bare?.['n'])
    expect(row?.['n']).not.toBe(0n)
  })

  it('are read at the cut of the statement', async () => {
    const sql = (from: string) => `SELECT count(*) AS n, sum(trade_count) AS t FROM ${from}`
    const counts = []
    for (const cut of [2, 5, CUTS]) {
      const viewed = await query(sql('gold.bars_1m'), { cut })
      expect(viewed).toEqual(await query(sql("gold.bars WHERE step = '1m'"), { cut }))
      counts.push(viewed[0]?.['n'])
    }
    expect(new Set(counts).size).toBeGreaterThan(1)
  })

  it('are listed and described', async () => {
    const shown = await query('SHOW TABLES FROM gold')
    const ofGold = [...allTables, ...allViews].filter(({ name }) => name.startsWith('gold.'))
    expect(shown.map(({ table }) => table)).toEqual(
      ofGold.map(({ name }) => tableId(name).name).sort(),
    )
    for (const { name, columns } of allViews) {
      const described = await query(`DESCRIBE ${name}`)
      expect(described.map(({ column_name }) => column_name)).toEqual(columns.map((c) => c.name))
      const types = described.map(({ column_type: type }) => (type as string).split('(')[0])
      expect(types).toEqual(columns.map(({ type }) => engineType(type)))
    }
  })

  it.each([
    'gold.bars_1m AT (VERSION => 7)',
    "gold.latest_quotes q AT (TIMESTAMP => '2026-11-20')",
  ])('have no versions of their rows: %s', async (from) => {
    await expect(query(`SELECT * FROM ${from}`)).rejects.toMatchObject({
      kind: 'invalid-input',
      message: expect.stringContaining('is a view') as string,
    })
  })
})

function engineType(type: string): string {
  if (type.startsWith('decimal')) return 'DECIMAL'
  const names: Record<string, string> = {
    ...{ string: 'VARCHAR', timestamptz: 'TIMESTAMP WITH TIME ZONE', long: 'BIGINT' },
    ...{ int: 'INTEGER', double: 'DOUBLE', boolean: 'BOOLEAN', date: 'DATE' },
  }
  return names[type] ?? type
}

describe('views of other engines', () => {
  it('are read by their own default namespace, through each other, and with AT inside', async () => {
    const head = (await catalog.loadTable(tableId('gold.bars')))?.metadata['current-snapshot-id']
    await createView('gold.by_bare_name', `SELECT step, venue_symbol FROM bars -- all`)
    await createView('silver.of_view', 'SELECT DISTINCT step FROM by_bare_name AS b;')
    await createView('gold.pinned', `SELECT count(*) AS n FROM bars AT (VERSION => ${head})`)
    const steps = await query('SELECT step FROM silver.of_view ORDER BY step')
    expect(steps.map(({ step }) => step)).toEqual(['1d', '1h', '1m', '5m'])
    expect(await query('SELECT * FROM gold.pinned')).toEqual(
      await query('SELECT count(*) AS n FROM gold.bars'),
    )
  })

  it('say which dialects they have where none is ours', async () => {
    const representations = [{ type: 'sql', sql: 'SELECT 1', dialect: 'trino' }] as const
    await createView('gold.of_trino', '', { representations })
    await expect(query('SELECT * FROM gold.of_trino')).rejects.toMatchObject({
      kind: 'invalid-input',
      message: expect.stringMatching(/no text in DuckDB's SQL.*for trino/) as string,
    })
  })

  it.each([
    ['a file', "SELECT * FROM read_csv('/etc/passwd')", 'is refused'],
    ['a change', 'DROP TABLE gold.bars', 'is refused'],
    ['itself', 'SELECT * FROM gold.bad', 'reads itself'],
    ['nothing', 'SELECT * FROM gold.nothing', 'no table gold.nothing'],
  ])('that read %s are refused', async (_, sql, reason) => {
    await createView('gold.bad', sql)
    await expect(query('SELECT * FROM gold.bad')).rejects.toThrow(reason)
    await views.dropView(tableId('gold.bad'))
  })
})

describe('making the views', () => {
  it('changes nothing where they are as they should be', async () => {
    const before = await Promise.all(allViews.map(({ name }) => load(name)))
    await createLakeViews(catalog, allViews, clock)
    expect(await Promise.all(allViews.map(({ name }) => load(name)))).toEqual(before)
  })

  it('gives a view of another definition a new version, and keeps the text of a third', async () => {
    const { identifier, metadata } = await load('gold.bars_1m')
    const foreign = { type: 'sql', sql: 'SELECT 2', dialect: 'spark' } as const
    const old = { type: 'sql', sql: 'SELECT 1 AS venue', dialect: 'duckdb' } as const
    const trino = { type: 'sql', sql: 'SELECT 1 AS venue', dialect: 'trino' } as const
    const representations = [old, trino, foreign]
    await views.commitView({
      identifier,
      requirements: [],
      updates: [
        { action: 'add-view-version', 'view-version': bodyOf('', { representations }) },
        { action: 'set-current-view-version', 'view-version-id': -1 },
      ],
    })
    await createLakeViews(catalog, allViews, clock)
    const after = (await load('gold.bars_1m')).metadata
    const version = after.versions.find((v) => v['version-id'] === after['current-version-id'])
    const sql = allViews.find(({ name }) => name === 'gold.bars_1m')?.sql ?? {}
    expect(version?.representations).toEqual([
      ...Object.entries(sql).map(([dialect, text]) => ({ type: 'sql', sql: text, dialect })),
      foreign,
    ])
    expect(after['view-uuid']).toBe(metadata['view-uuid'])
    expect(after['version-log'].at(-1)?.['timestamp-ms']).toBe(Number(clock.nowUs() / 1000n))
  })

  it('leaves a table that has the name of a view, and a catalog without views', async () => {
    const { views: _, ...without } = catalog
    await createLakeViews(without, allViews, clock)
    await views.dropView(tableId('gold.bars_1d'))
    const schema = { type: 'struct', 'schema-id': 0, fields: [] } as const
    await catalog.createTable(tableId('gold.bars_1d'), { schema })
    await createLakeViews(catalog, allViews, clock)
    expect(await catalog.tableExists(tableId('gold.bars_1d'))).toBe(true)
    expect(await views.viewExists(tableId('gold.bars_1d'))).toBe(false)
  })
})

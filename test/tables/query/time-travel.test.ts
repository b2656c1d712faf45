import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isErrorKind } from '../../../tables/errors.ts'
import type { LakeQueryOptions } from '../../../tables/query/choose-cut.ts'
import { bars, openSampleLake, START_MS } from './sample-lake.ts'
import type { SampleLake } from './sample-lake.ts'

describe('time travel', () => {
  let lake: SampleLake
  const ids: Record<string, bigint> = {}

  /** Cut 1: one bar. 2: a second, and a spread. 3: nothing but the cut. 4: a third bar. */
  beforeAll(async () => {
    lake = await openSampleLake()
    await lake.cut({ 'gold.bars': bars(6, 1, ['A']) })
    ids.first = lake.snapshotId('gold.bars')
    await lake.cut({ 'gold.bars': bars(7, 2, ['B']), 'gold.spreads': bars(7, 9, ['B']) })
    ids.second = lake.snapshotId('gold.bars')
    await lake.cut({})
    await lake.cut({ 'gold.bars': bars(8, 4, ['C']) })
  })

  afterAll(async () => {
    await lake.close()
  })

  const symbols = async (sql: string, options?: LakeQueryOptions) =>
    (await lake.rows(sql, options)).map((row) => Object.values(row)[0]).sort()

  it.each([
    () => `SELECT symbol FROM gold.bars AT (VERSION => ${ids.first})`,
    () => `SELECT b.symbol FROM gold.bars b AT (VERSION => ${ids.first})`,
    () => `SELECT b.symbol FROM gold.bars AS b AT (VERSION => ${ids.first})`,
    () => `SELECT bars.symbol FROM "gold"."BARS" AT (VERSION => '${ids.first}')`,
    () => `SELECT x.s FROM gold.bars AS x(s) AT (VERSION => ${ids.first})`,
    () => `FROM gold.bars AT (TIMESTAMP => '2024-08-08 00:00:01') SELECT symbol`,
    () => `SELECT symbol FROM gold.bars AT (TIMESTAMP => TIMESTAMP '2024-08-08 00:00:01.999999')`,
    () => `SELECT symbol FROM gold.bars AT (TIMESTAMP => TIMESTAMPTZ '2024-08-08 02:00:01+02')`,
    () =>
      `SELECT symbol FROM gold.bars AT (TIMESTAMP => TIMESTAMPTZ '2024-08-08 00:00:11Z' - INTERVAL 10 SECOND)`,
  ])('reads a table at a snapshot (%#)', async (sql) => {
    expect(await symbols(sql())).toEqual(['A'])
  })

  it('reads one table at two snapshots, and joins them with a third at its head', async () => {
    const rows = await lake.rows(
      `SELECT o.symbol AS old, n.symbol AS new, s.symbol AS spread
       FROM gold.bars n
       LEFT JOIN gold.bars o AT (VERSION => ${ids.second}) ON o.symbol = n.symbol
       LEFT JOIN gold.spreads s ON s.symbol = n.symbol
       ORDER BY n.symbol`,
    )
    expect(rows).toEqual([
      { old: 'A', new: 'A', spread: null },
      { old: 'B', new: 'B', spread: 'B' },
      { old: null, new: 'C', spread: null },
    ])
  })

  it('keeps the rest of a statement as it was where AT is taken out', async () => {
    const rows = await lake.rows(
      `WITH t AS (SELECT symbol, close, 1e17 AS big, 'it''s é AT (VERSION => 1)' AS text,
                    typeof(2.5e0) AS kind, row_number() OVER (ORDER BY close DESC) AS rank
                  FROM /* gold.bars */ "gold" . bars -- AT
                  AT /* ) */ (VERSION => ${ids.second}) WHERE close > 0.5)
       SELECT * EXCLUDE (close), (SELECT count(*) FROM gold.bars AS "b AT"(s) AT (VERSION => ${ids.first})) AS c,
         CASE WHEN rank = 1 THEN 'x' END AS k
       FROM t WHERE rank <= 2 ORDER BY rank`,
    )
    const same = { big: 1e17, text: "it's é AT (VERSION => 1)", kind: 'DOUBLE', c: 1n }
    expect(rows).toEqual([
      { ...same, symbol: 'B', rank: 1n, k: 'x' },
      { ...same, symbol: 'A', rank: 2n, k: null },
    ])
  })

  it('runs the tree itself where SHOW TABLES stands in the middle of a statement', async () => {
    const rows = await lake.rows(
      `SELECT count(*) AS c, (SELECT count(*) FROM (SHOW TABLES FROM gold)) AS t
       FROM gold.bars AT (VERSION => ${ids.second})`,
    )
    expect(rows).toEqual([{ c: 2n, t: 2n }])
  })

  it('describes and explains a table at a snapshot', async () => {
    expect(await lake.rows(`DESCRIBE FROM gold.bars AT (VERSION => ${ids.first})`)).toHaveLength(4)
    expect(
      await lake.rows(`EXPLAIN SELECT * FROM gold.bars AT (VERSION => ${ids.first})`),
    ).toHaveLength(1)
  })

  it('says how to find ids where a version is unknown', async () => {
    const error: unknown = await lake
      .rows('FROM gold.bars AT (VERSION => 5)')
      .catch((e: unknown) => e)
    expect(isErrorKind(error, 'invalid-input')).toBe(true)
    expect(String(error)).toContain(String(ids.first))
    expect(String(error)).toContain('cuts table')
    await expect(lake.rows("FROM gold.bars AT (VERSION => 'no-tag')")).rejects.toThrow(/no-tag/)
    await expect(lake.rows('FROM gold.bars AT (VERSION => NULL)')).rejects.toThrow(/no version/)
    await expect(lake.rows("FROM gold.bars AT (TIMESTAMP => '2020-01-01')")).rejects.toThrow(
      /2024-08-08T00:00:01.000000Z/,
    )
  })

  it('reads a tag as a version', async () => {
    const table = lake.tables.get('gold.bars')
    if (table === undefined) throw new Error('the table is due')
    table.metadata = {
      ...table.metadata,
      refs: {
        ...table.metadata.refs,
        'eod-2024': { 'snapshot-id': ids.second ?? 0n, type: 'tag' },
      },
    }
    expect(await symbols("SELECT symbol FROM gold.bars AT (VERSION => 'eod-2024')")).toEqual([
      'A',
      'B',
    ])
  })

  it.each([
    [1, ['A'], []],
    [2, ['A', 'B'], ['B']],
    [3, ['A', 'B'], ['B']],
    [4, ['A', 'B', 'C'], ['B']],
  ])('gives every table its state of cut %i', async (cut, expectedBars, expectedSpreads) => {
    expect(await symbols('SELECT symbol FROM gold.bars', { cut })).toEqual(expectedBars)
    expect(await symbols('SELECT symbol FROM gold.spreads', { cut })).toEqual(expectedSpreads)
    expect(await symbols('SELECT cut FROM sluice.cuts', { cut })).toHaveLength(cut)
    expect(await lake.rows('FROM silver.trades', { cut })).toEqual([])
  })

  it('lets AT win over the cut for its own table', async () => {
    const sql = `SELECT (SELECT count(*) FROM gold.bars AT (VERSION => ${ids.second})) AS a, count(*) AS b FROM gold.bars`
    expect(await lake.rows(sql, { cut: 1 })).toEqual([{ a: 2n, b: 1n }])
  })

  it.each([
    ['2024-08-08T00:00:02.999999Z', 2],
    ['2024-08-08 00:00:03', 3],
    ['2024-08-08T02:00:03+02:00', 3],
    ['2030-01-01', 4],
  ])('reads as of %s the last cut committed by then', async (asOf, expected) => {
    const result = await lake.lakeQuery.query('SELECT 1', { asOf })
    await result.close()
    expect(result.cut).toBe(expected)
    expect(result.cutCommittedUs).toBe(BigInt(START_MS + expected * 1000) * 1000n)
    const us = await lake.lakeQuery.query('SELECT 1', { asOf: result.cutCommittedUs ?? 0n })
    await us.close()
    expect(us.cut).toBe(expected)
  })

  it('refuses a time before the first cut, a time that is none, and both flags', async () => {
    await expect(lake.rows('SELECT 1', { asOf: '2024-08-08T00:00:00.9Z' })).rejects.toThrow(
      /oldest kept cut is 1 of 2024-08-08T00:00:01/,
    )
    await expect(lake.rows('SELECT 1', { asOf: 'yesterday' })).rejects.toThrow(/is no time/)
    await expect(lake.rows('SELECT 1', { asOf: '2030-01-01', cut: 1 })).rejects.toThrow(
      /one of them/,
    )
  })

  it('refuses a cut that is not there yet', async () => {
    await expect(lake.rows('SELECT 1', { cut: 5 })).rejects.toThrow(/newest cut is 4.*cut is 4/)
    await expect(lake.rows('SELECT 1', { cut: 0 })).rejects.toThrow(/numbered from 1/)
  })

  it('names the nearest kept cuts where one has expired', async () => {
    const cuts = lake.tables.get('sluice.cuts')
    if (cuts === undefined) throw new Error('the table is due')
    const before = cuts.metadata
    cuts.metadata = {
      ...before,
      snapshots: before.snapshots.filter((snapshot) => snapshot.summary['sluice.cut'] !== '2'),
    }
    await expect(lake.rows('SELECT 1', { cut: 2 })).rejects.toThrow(
      /have expired.*nearest kept cuts are 1 .* and 3 /,
    )
    const result = await lake.lakeQuery.query('SELECT 1', { asOf: '2024-08-08T00:00:02.5Z' })
    await result.close()
    expect(result.cut).toBe(1)
    cuts.metadata = before
  })

  it('refuses a cut of which one table has expired, not quietly an older state of it', async () => {
    const table = lake.tables.get('gold.bars')
    if (table === undefined) throw new Error('the table is due')
    const before = table.metadata
    table.metadata = {
      ...before,
      snapshots: before.snapshots.filter((snapshot) => snapshot['snapshot-id'] !== ids.second),
    }
    await expect(lake.rows('FROM gold.bars', { cut: 3 })).rejects.toThrow(
      /gold.bars in it has expired/,
    )
    expect(await symbols('SELECT symbol FROM gold.spreads', { cut: 3 })).toEqual(['B'])
    table.metadata = before
  })
})

describe('reading the heads of several tables', () => {
  it('lets no cut come between them', async () => {
    const lake = await openSampleLake()
    await lake.cut({ 'gold.bars': bars(6, 1, ['A']), 'gold.spreads': bars(6, 1, ['A']) })
    let loads = 0
    lake.onLoad = async (name) => {
      // A cut lands right before each table is loaded, after the cuts were.
      if (name === 'sluice.cuts' || loads >= 3) return
      loads += 1
      await lake.cut({
        'gold.bars': bars(7, loads, [`N${loads}`]),
        'gold.spreads': bars(7, loads, [`N${loads}`]),
      })
    }
    const rows = await lake.rows(
      'SELECT b.symbol AS b, s.symbol AS s FROM gold.bars b FULL JOIN gold.spreads s USING (symbol)',
    )
    expect(loads).toBe(2)
    expect(rows).toEqual([{ b: 'A', s: 'A' }])
    lake.onLoad = undefined
    expect(await lake.rows('FROM gold.bars')).toHaveLength(3)
    await lake.close()
  })

  it('reads maintenance and foreign commits after the newest cut too', async () => {
    const lake = await openSampleLake()
    await lake.cut({ 'gold.bars': bars(6, 1, ['A']) })
    const table = lake.tables.get('gold.bars')
    await table?.append(bars(6, 1, ['maintained']), { summary: { 'sluice.after-cut': '1' } })
    await table?.append(bars(6, 1, ['foreign']))
    expect(await lake.rows('FROM gold.bars')).toHaveLength(3)
    expect(await lake.rows('FROM gold.bars', { cut: 1 })).toHaveLength(1)
    await lake.close()
  })

  it('reads tables that no cut ever touched, and a lake before its first cut', async () => {
    const lake = await openSampleLake()
    const trades = lake.tables.get('silver.trades')
    await trades?.append(bars(6, 1, ['A']))
    const before = await lake.lakeQuery.query('FROM silver.trades')
    await before.close()
    expect(before.cut).toBeUndefined()
    await lake.cut({ 'gold.bars': bars(6, 1, ['A']) })
    expect(await lake.rows('FROM silver.trades')).toHaveLength(1)
    await lake.close()
  })

  it('refuses a cut where the catalog keeps none', async () => {
    const lake = await openSampleLake()
    await expect(lake.rows('SELECT 1', { cut: 1 })).rejects.toThrow(/no cut yet/)
    await lake.close()
  })
})

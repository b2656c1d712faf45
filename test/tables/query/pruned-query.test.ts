import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createCountingFileIO } from '../../../tables/file-io/counting-file-io.ts'
import { createLakeQuery } from '../../../tables/query/lake-query.ts'
import { bars, openSampleLake } from './sample-lake.ts'
import type { SampleLake } from './sample-lake.ts'

describe('a query with predicates', () => {
  let lake: SampleLake

  beforeAll(async () => {
    lake = await openSampleLake()
    for (const month of [1, 2, 3, 4]) {
      await lake.cut({
        'gold.bars': bars(month, month, [`S${month}`]),
        'gold.spreads': bars(month, month * 10, [`S${month}`]),
      })
    }
  })

  afterAll(async () => {
    await lake.close()
  })

  /** Data files that a statement opens, and how many rows it gives. */
  const run = async (sql: string): Promise<{ files: number; rows: number }> => {
    const fileIO = createCountingFileIO(lake.shop.fileIO)
    const opened: string[] = []
    const counting = {
      ...fileIO,
      localPath: (location: string) => {
        opened.push(location)
        return lake.shop.fileIO.localPath(location)
      },
    }
    const lakeQuery = createLakeQuery({
      catalog: lake.catalog,
      fileIO: counting,
      engine: lake.engine,
    })
    const result = await lakeQuery.query(sql)
    let rows = 0
    for await (const row of result.rows) rows += row.length > 0 ? 1 : 0
    return { files: opened.length, rows }
  }

  it.each([
    ["FROM gold.bars WHERE symbol = 'S2'", 1, 1],
    ["FROM gold.bars WHERE 'S2' = Symbol AND n >= 0", 1, 1],
    ["FROM gold.bars WHERE symbol IN ('S1', 'S4')", 2, 2],
    ["FROM gold.bars WHERE open_ts >= '2024-03-01'", 2, 2],
    ["FROM gold.bars WHERE open_ts < TIMESTAMPTZ '2024-03-01 00:00:00+00'", 2, 2],
    ["FROM gold.bars WHERE open_ts BETWEEN DATE '2024-02-01' AND DATE '2024-03-01'", 1, 1],
    ['FROM gold.bars WHERE close > 2.5', 2, 2],
    ['FROM gold.bars WHERE 3 < close', 1, 1],
    ['FROM gold.bars b WHERE b.close = 1::DECIMAL(9,2)', 1, 1],
    ['FROM gold.bars WHERE gold.bars.close = 1', 1, 1],
    [
      "SELECT * FROM gold.bars b JOIN gold.spreads s USING (symbol) WHERE b.symbol = 'S1' AND s.close = 20",
      2,
      0,
    ],
    ["SELECT * FROM gold.bars b LEFT JOIN gold.spreads s ON true WHERE s.symbol = 'S1'", 5, 4],
    ["WITH x AS (FROM gold.bars WHERE symbol = 'S1') FROM x", 1, 1],
    ["SELECT * FROM gold.spreads WHERE EXISTS (FROM gold.bars WHERE symbol = 'S9')", 4, 0],
  ])('%s opens %i files', async (sql, files, rows) => {
    expect(await run(sql)).toEqual({ files, rows })
  })

  it.each([
    // Two places read the table: one predicate is not for both.
    ["FROM gold.bars WHERE symbol = 'S1' UNION ALL FROM gold.bars", 4, 5],
    // OR, functions and other columns prove nothing.
    ["FROM gold.bars WHERE symbol = 'S1' OR n = 0", 4, 4],
    ["FROM gold.bars WHERE upper(symbol) = 'S1'", 4, 1],
    ["FROM gold.bars WHERE symbol || '' = 'S1'", 4, 1],
    ["FROM gold.bars WHERE NOT (symbol = 'S1')", 4, 3],
    // The engine compares these as doubles.
    ['FROM gold.bars WHERE close > 2.5e0', 4, 2],
    // A row that is left out would change what an ASOF join matches.
    [
      "SELECT a.symbol FROM (VALUES (TIMESTAMPTZ '2024-12-01', 'x')) a(open_ts, symbol) ASOF JOIN gold.bars b ON a.open_ts >= b.open_ts WHERE b.symbol = 'S1'",
      4,
      0,
    ],
    // The alias of the column hides what it is.
    ["FROM gold.bars AS b(a) WHERE a = 'S1'", 4, 1],
    ["SELECT n AS symbol FROM (SELECT n, 'S1' AS symbol FROM gold.bars) WHERE symbol = 'S1'", 4, 4],
  ])('%s opens all that it must', async (sql, files, rows) => {
    expect(await run(sql)).toEqual({ files, rows })
  })
})

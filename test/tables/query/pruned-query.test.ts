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
    ["FROM gold.bars WHERE symbol <> 'S1' AND symbol != 'S2'", 2, 2],
    ["FROM gold.bars WHERE symbol NOT IN ('S1', 'S2', 'S3')", 1, 1],
    ["FROM gold.bars WHERE NOT (symbol = 'S1')", 3, 3],
    ["FROM gold.bars WHERE NOT (symbol > 'S1' AND close < 4)", 2, 2],
    ["FROM gold.bars WHERE NOT (symbol <= 'S2' OR n IS NULL)", 2, 2],
    ["FROM gold.bars WHERE symbol = 'S1' OR close = 3", 2, 2],
    ["FROM gold.bars WHERE (symbol = 'S1' AND close = 1) OR (symbol = 'S1' AND close = 2)", 1, 1],
    ["FROM gold.bars WHERE open_ts NOT BETWEEN '2024-01-09' AND '2024-12-31'", 1, 1],
    ['FROM gold.bars WHERE symbol IS NULL', 0, 0],
    ['FROM gold.bars WHERE NOT (symbol IS NOT NULL)', 0, 0],
    ["FROM gold.bars WHERE symbol LIKE 'S1%'", 1, 1],
    ["FROM gold.bars WHERE symbol LIKE 'S2'", 1, 1],
    ["FROM gold.bars WHERE symbol LIKE 'S_'", 4, 4],
    ["FROM gold.bars WHERE symbol NOT LIKE 'S1%'", 3, 3],
    ["FROM gold.bars WHERE starts_with(symbol, 'S3')", 1, 1],
    ["FROM gold.bars WHERE symbol ^@ 'T'", 0, 0],
    ["FROM gold.bars WHERE symbol IS NOT DISTINCT FROM 'S1'", 1, 1],
    ["FROM gold.bars WHERE symbol IS DISTINCT FROM 'S1'", 3, 3],
    ["FROM gold.bars WHERE open_ts < CAST('2024-02-01' AS DATE)", 1, 1],
    ["FROM gold.bars WHERE open_ts = '2024-02-08T00:01:02.000003Z'::TIMESTAMPTZ", 1, 1],
    ["FROM gold.bars WHERE close IN (1, 2.00, '3')", 3, 3],
    // Two places that read one table leave out what neither of them wants.
    [
      "SELECT 1 FROM gold.bars a JOIN gold.bars b ON true WHERE a.symbol = 'S1' AND b.symbol = 'S2'",
      2,
      1,
    ],
    // Where no outer join makes nulls of the rows, IS NULL counts.
    ['SELECT 1 FROM gold.bars b LEFT JOIN gold.spreads s ON true WHERE b.symbol IS NULL', 4, 0],
    [
      'SELECT 1 FROM gold.bars b LEFT JOIN gold.spreads s ON true WHERE s.symbol IS NULL AND s.n = 1',
      4,
      0,
    ],
    ["WITH x AS (FROM gold.bars WHERE symbol = 'S1') FROM x", 1, 1],
    ["SELECT * FROM gold.spreads WHERE EXISTS (FROM gold.bars WHERE symbol = 'S9')", 4, 0],
  ])('%s opens %i files', async (sql, files, rows) => {
    expect(await run(sql)).toEqual({ files, rows })
  })

  it.each([
    // Two places read the table: one predicate is not for both.
    ["FROM gold.bars WHERE symbol = 'S1' UNION ALL FROM gold.bars", 4, 5],
    // Functions prove nothing, and an OR no more than its weakest part.
    ["FROM gold.bars WHERE symbol = 'S1' OR n = 0", 4, 4],
    ["FROM gold.bars WHERE upper(symbol) = 'S1'", 4, 1],
    ["FROM gold.bars WHERE symbol || '' = 'S1'", 4, 1],
    ["FROM gold.bars WHERE symbol LIKE '%1'", 4, 1],
    ["FROM gold.bars WHERE symbol NOT LIKE 'S%1'", 4, 3],
    ["FROM gold.bars WHERE symbol LIKE 'S!%' ESCAPE '!'", 4, 0],
    ["FROM gold.bars WHERE symbol ILIKE 's1%'", 4, 1],
    ["FROM gold.bars WHERE symbol = 'S1' OR upper(symbol) = 'S2'", 4, 2],
    // A row that is left out would come back as nulls.
    [
      'SELECT 1 FROM gold.bars b LEFT JOIN gold.spreads s USING (symbol) WHERE s.symbol IS NULL',
      8,
      0,
    ],
    [
      'SELECT 1 FROM gold.spreads s FULL JOIN gold.bars b USING (symbol) WHERE s.close IS NULL OR s.close = 10',
      8,
      1,
    ],
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

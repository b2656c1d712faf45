import { writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isErrorKind } from '../../../tables/errors.ts'
import { pathOfLocation } from '../../../tables/file-io/local-location.ts'
import { bars, openSampleLake } from './sample-lake.ts'
import type { SampleLake } from './sample-lake.ts'

describe('the statements of a lake query', () => {
  let lake: SampleLake

  beforeAll(async () => {
    lake = await openSampleLake()
    await lake.cut({
      'gold.bars': bars(8, 1.5, ['AAPL', 'MSFT']),
      'gold.spreads': bars(8, 2, ['AAPL']),
    })
  })

  afterAll(async () => {
    await lake.close()
  })

  it.each([
    ['SELECT count(*) AS c FROM gold.bars', 2n],
    ['FROM gold.bars SELECT count(*) AS c', 2n],
    ['WITH x AS (FROM gold.bars) SELECT count(*) AS c FROM x', 2n],
    ['SELECT count(*) AS c FROM "gold"."bars"', 2n],
    ['select count(*) as c from GOLD.BARS;', 2n],
    ['-- a comment; DROP TABLE x\nSELECT count(*) AS c /* ; */ FROM gold.bars', 2n],
    ["SELECT count(*) AS c FROM gold.bars WHERE symbol <> 'x; DROP TABLE gold.bars'", 2n],
    ['SELECT count(*) AS c FROM spreads', 1n],
    ['SELECT count(*) AS c FROM gold.bars b JOIN gold.spreads s USING (symbol)', 1n],
    [
      'SELECT count(*) AS c FROM gold.bars WHERE symbol IN (FROM gold.spreads SELECT symbol)',
      2n - 1n,
    ],
    ['SELECT (SELECT count(*) FROM gold.spreads) AS c', 1n],
    ['VALUES (7::BIGINT)', 7n],
    ['TABLE sluice.cuts', 1n],
    ['SELECT count(*) AS c FROM range(3)', 3n],
    ['SELECT sum(gold.bars.n)::BIGINT AS c FROM gold.bars', 1n],
    ['WITH bars AS (SELECT 1) SELECT count(*) AS c FROM bars', 1n],
    ['WITH bars AS (FROM gold.bars) SELECT count(*) AS c FROM bars', 2n],
    [
      'WITH RECURSIVE r AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM r WHERE i < 5) SELECT count(*) AS c FROM r',
      5n,
    ],
    ['SELECT count(*) AS c FROM (WITH "Bars" AS (VALUES (1), (2), (3)) FROM bars)', 3n],
    ['WITH spreads AS (FROM spreads) SELECT count(*) AS c FROM spreads', 1n],
  ])('allow %s', async (sql, expected) => {
    const [row] = await lake.rows(sql)
    expect(Object.values(row ?? {})[0]).toEqual(expected)
  })

  it('allow DESCRIBE, SUMMARIZE, SHOW TABLES and EXPLAIN', async () => {
    const described = await lake.rows('DESCRIBE gold.bars')
    expect(described.map((row) => [row.column_name, row.column_type, row.null])).toEqual([
      ['symbol', 'VARCHAR', 'NO'],
      ['open_ts', 'TIMESTAMP WITH TIME ZONE', 'YES'],
      ['close', 'DECIMAL(18,8)', 'YES'],
      ['n', 'BIGINT', 'YES'],
    ])
    const [besideRows] = await lake.rows(
      'SELECT (SELECT count(*) FROM (DESCRIBE gold.bars)) AS columns, count(*) AS rows FROM gold.bars',
    )
    expect(besideRows).toEqual({ columns: 4n, rows: 2n })
    const summarized = await lake.rows('SUMMARIZE SELECT close FROM gold.bars')
    expect(summarized[0]).toMatchObject({ column_name: 'close', min: '1.50000000', count: 2n })
    for (const explain of ['EXPLAIN', 'explain analyze', '/* x */ EXPLAIN (FORMAT json)']) {
      const plan = await lake.rows(`${explain} SELECT symbol FROM gold.bars`)
      expect(Object.values(plan[0] ?? {})[1]).toMatch(/PARQUET/i)
    }
  })

  it('list the tables with their docs', async () => {
    const all = await lake.rows('SHOW TABLES')
    expect(all.map((row) => [row.namespace, row.table])).toEqual([
      ['gold', 'bars'],
      ['gold', 'spreads'],
      ['silver', 'bars_raw'],
      ['silver', 'trades'],
      ['sluice', 'cuts'],
    ])
    expect(all[0]?.doc).toBe("The doc of gold.bars, isn't it")
    const gold = await lake.rows('SELECT "table" FROM (SHOW TABLES FROM gold) ORDER BY ALL')
    expect(gold).toEqual([{ table: 'bars' }, { table: 'spreads' }])
    await expect(lake.rows('SHOW TABLES FROM nowhere')).rejects.toThrow(/nowhere/)
  })

  it.each([
    'INSERT INTO gold.bars SELECT * FROM gold.bars',
    'UPDATE gold.bars SET n = 1',
    'DELETE FROM gold.bars',
    'CREATE TABLE x AS SELECT 1',
    'CREATE OR REPLACE VIEW gold.bars AS SELECT 1',
    'DROP VIEW gold.bars',
    'ALTER TABLE gold.bars ADD COLUMN x INTEGER',
    "ATTACH 'x.db' AS x",
    'DETACH memory',
    'USE memory',
    'SET threads = 1',
    'RESET threads',
    'PRAGMA database_list',
    "PRAGMA table_info('gold.bars')",
    'CALL pragma_version()',
    "COPY gold.bars TO '/tmp/out.csv'",
    "EXPORT DATABASE '/tmp/out'",
    "INSTALL 'httpfs'",
    "LOAD 'httpfs'",
    'BEGIN',
    'CHECKPOINT',
    'VACUUM',
    'PREPARE p AS SELECT 1',
    'EXPLAIN INSERT INTO gold.bars SELECT * FROM gold.bars',
    "EXPLAIN ANALYZE COPY (SELECT 1) TO '/tmp/out.csv'",
    'EXPLAIN EXPLAIN SELECT 1',
    'SELECT 1; SELECT 2',
    'SELECT 1; DROP VIEW gold.bars',
    'SELECT 1 /* ; */; -- x\n DELETE FROM gold.bars',
    'WITH x AS (DELETE FROM gold.bars RETURNING *) SELECT * FROM x',
    'SELECT * INTO x FROM gold.bars',
    'SHOW DATABASES',
    'SHOW variables',
    '',
    '-- nothing',
    'SELEC 1',
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM READ_CSV('/etc/passwd')",
    "SELECT * FROM system.main.read_blob('/etc/passwd')",
    "SELECT (SELECT content FROM read_text('/etc/passwd'))",
    "EXPLAIN SELECT * FROM read_text('/etc/passwd')",
    "DESCRIBE FROM read_csv('/etc/passwd')",
    "WITH x AS (FROM read_parquet('/tmp/x.parquet')) SELECT 1",
    "SELECT * FROM parquet_metadata('/tmp/x.parquet')",
    "SELECT * FROM glob('/etc/*')",
    "FROM '/etc/passwd'",
    'FROM "data.csv"',
    'WITH "data.csv" AS (FROM "data.csv") FROM "data.csv"',
    "FROM 's3://bucket/x.parquet'",
    "FROM query('SELECT 1')",
    "FROM query_table('gold.bars')",
    'FROM duckdb_settings()',
    'FROM duckdb_secrets()',
    'FROM pragma_database_list()',
    'FROM information_schema.tables',
    'FROM duckdb_tables',
    'FROM sqlite_master',
    "SELECT getenv('HOME')",
    "SELECT current_setting('temp_directory')",
    "SELECT main.current_setting('temp_directory')",
    "SELECT write_log('x')",
    'SELECT * FROM gold.no_such_table',
    'SELECT * FROM bars_',
  ])('refuse %s', async (sql) => {
    const error: unknown = await lake.rows(sql).catch((e: unknown) => e)
    expect(isErrorKind(error, 'invalid-input')).toBe(true)
    expect(String(error)).toMatch(/Nothing was (run|read)/)
  })

  it('name what is refused and what is allowed', async () => {
    await expect(lake.rows('INSERT INTO gold.bars VALUES (1)')).rejects.toThrow(
      /with INSERT is refused.*SELECT, WITH, FROM.*EXPLAIN/,
    )
    await expect(lake.rows('SELECT 1; SELECT 2')).rejects.toThrow(/2 statements/)
    await expect(lake.rows('FROM bar')).rejects.toThrow(/no table bar.*SHOW TABLES/)
  })

  it('cannot reach a file even where the parser is not asked', async () => {
    const outside = `${lake.shop.scratchDir}/outside.csv`
    await writeFile(outside, 'a\n1\n')
    // The lake's own folder is open to the engine, so the names of files are refused before it.
    const inside = pathOfLocation(lake.shop.location)
    await writeFile(`${inside}/inside.csv`, 'a\n1\n')
    await expect(lake.rows(`FROM '${inside}/inside.csv'`)).rejects.toThrow(/no name of a table/)
    await expect(lake.rows(`FROM '${outside}'`)).rejects.toThrow(/no name of a table/)
  })

  it('leave nothing behind that the next one sees', async () => {
    await lake.rows('FROM gold.bars')
    const result = await lake.lakeQuery.query('FROM gold.bars')
    await result.close()
    await result.close()
    await expect(lake.rows('FROM lake_1.gold.bars')).rejects.toThrow(/no table/)
  })

  it('run side by side, each with its own tables', async () => {
    const queries = Array.from({ length: 6 }, (_, index) =>
      lake.rows(`SELECT count(*) + ${index} AS c FROM gold.bars`),
    )
    expect((await Promise.all(queries)).map(([row]) => row?.c)).toEqual([2n, 3n, 4n, 5n, 6n, 7n])
  })
})

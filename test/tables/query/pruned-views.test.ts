import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Catalog } from '../../../tables/catalog/catalog.ts'
import type { ViewCatalog } from '../../../tables/catalog/view-catalog.ts'
import { createViewMetadata } from '../../../tables/commit/create-view-metadata.ts'
import { createLakeQuery } from '../../../tables/query/lake-query.ts'
import { tableId, tableKey } from '../../../tables/spec/table-identifier.ts'
import { bars, openSampleLake, START_MS } from './sample-lake.ts'
import type { SampleLake } from './sample-lake.ts'

const texts: Readonly<Record<string, string>> = {
  'gold.plain': 'SELECT symbol, close, open_ts FROM gold.bars WHERE close < 4',
  'gold.star': 'SELECT * EXCLUDE (n) FROM bars',
  'gold.of_view': 'SELECT symbol, close FROM gold.plain p WHERE p.close > 1',
  // Of these a condition on the view says nothing of the table's own columns, or of all its rows.
  'gold.renamed': "SELECT symbol AS close, close AS symbol, 'S1' AS n FROM gold.bars",
  'gold.aliased': 'SELECT symbol, close FROM gold.bars AS b (close, t, symbol, y)',
  'gold.computed': "SELECT concat('S', 5 - close::INTEGER) AS symbol FROM gold.bars",
  'gold.first': 'SELECT symbol, close FROM gold.bars ORDER BY close LIMIT 1',
  'gold.sampled': 'SELECT symbol FROM gold.bars USING SAMPLE 1 ROWS',
  'gold.joined': 'SELECT b.symbol FROM gold.bars b JOIN gold.spreads s ON b.symbol <> s.symbol',
  'gold.united': 'SELECT symbol FROM gold.bars UNION SELECT symbol FROM gold.spreads',
}

describe('a query of views with predicates', () => {
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
  afterAll(() => lake.close())

  function withViews(catalog: Catalog): Catalog {
    const views: Partial<ViewCatalog> = {
      listViews: async () => [],
      loadView: async (identifier) => {
        const sql = texts[tableKey(identifier)]
        if (sql === undefined) return undefined
        const metadata = createViewMetadata({
          uuid: 'a9a9a9a9-0000-4000-8000-000000000000',
          location: 'memory://view',
          schema: { type: 'struct', 'schema-id': 0, fields: [] },
          version: {
            ...{ 'version-id': 1, 'timestamp-ms': 0, 'schema-id': 0, summary: {} },
            'default-namespace': tableId('gold.plain').namespace,
            representations: [{ type: 'sql', sql, dialect: 'duckdb' }],
          },
          properties: {},
          nowMs: START_MS,
        })
        return { identifier, metadataLocation: 'memory://none', metadata }
      },
    }
    return { ...catalog, views: views as ViewCatalog }
  }

  /** Data files that a statement opens, and its rows. */
  async function run(sql: string): Promise<readonly [files: number, rows: readonly unknown[]]> {
    const opened: string[] = []
    const { fileIO } = lake.shop
    const counting = {
      ...fileIO,
      localPath: (location: string) => {
        opened.push(location)
        return fileIO.localPath(location)
      },
    }
    const { engine } = lake
    const query = createLakeQuery({ catalog: withViews(lake.catalog), fileIO: counting, engine })
    const { rows } = await query.query(sql)
    const all: unknown[] = []
    for await (const [first] of rows) all.push(first)
    return [opened.length, all]
  }

  it.each([
    ['SELECT symbol FROM gold.plain', 3, ['S1', 'S2', 'S3']],
    ["SELECT symbol FROM gold.plain WHERE symbol = 'S2'", 1, ['S2']],
    ["SELECT symbol FROM gold.plain v WHERE v.symbol = 'S4'", 0, []],
    ["SELECT symbol FROM gold.plain WHERE open_ts >= '2024-03-01'", 1, ['S3']],
    ["SELECT symbol FROM gold.star WHERE symbol IN ('S1', 'S4')", 2, ['S1', 'S4']],
    ['SELECT symbol FROM gold.of_view WHERE close <= 2', 1, ['S2']],
    [
      "SELECT a.symbol FROM gold.plain a JOIN gold.bars b USING (symbol) WHERE a.symbol = 'S1' " +
        "AND b.symbol = 'S1'",
      1,
      ['S1'],
    ],
    // Two readings of one table: what either wants is read.
    [
      "SELECT symbol FROM gold.plain WHERE symbol = 'S1' UNION ALL " +
        "SELECT symbol FROM gold.bars WHERE symbol = 'S4'",
      2,
      ['S1', 'S4'],
    ],
    // A row that is left out comes back as nulls.
    [
      'SELECT b.symbol FROM gold.bars b LEFT JOIN gold.star v USING (symbol) ' +
        "WHERE coalesce(v.close, 0) >= 0 AND b.symbol = 'S1'",
      4,
      ['S1'],
    ],
  ])('opens no file that cannot hold a row: %s', async (sql, files, rows) => {
    const [opened, found] = await run(sql)
    expect([...found].sort()).toEqual(rows)
    expect(opened).toBe(files)
  })

  it.each([
    ["SELECT n FROM gold.renamed WHERE close = 'S3'", ['S1']],
    ['SELECT symbol FROM gold.aliased WHERE symbol = 2', ['2.00000000']],
    ["SELECT symbol FROM gold.computed WHERE symbol = 'S1'", 1],
    ['SELECT symbol FROM gold.first WHERE close > 1', []],
    ["SELECT count(*) FROM gold.sampled WHERE symbol < 'T'", [1n]],
    ["SELECT count(*) FROM gold.joined WHERE symbol = 'S1'", [3n]],
    ["SELECT symbol FROM gold.united WHERE symbol = 'S1'", ['S1']],
  ])('leaves out no row of a view that is more than a selection: %s', async (sql, rows) => {
    const [, found] = await run(sql)
    expect(typeof rows === 'number' ? found.length : found).toEqual(rows)
  })
})

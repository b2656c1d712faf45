import { afterAll, beforeAll, expect, it } from 'vitest'
import type { LoadedTable } from '../../tables/catalog/catalog.ts'
import { randomIds, systemClock } from '../../tables/clock.ts'
import { commitChange } from '../../tables/commit/commit-change.ts'
import { planAppend } from '../../tables/commit/plan-append.ts'
import type { PlanContext } from '../../tables/commit/plan-context.ts'
import { planDeleteWhere } from '../../tables/commit/plan-delete-where.ts'
import type { TableChange } from '../../tables/commit/table-change.ts'
import { createManifestCache } from '../../tables/scan/manifest-cache.ts'
import { planScan } from '../../tables/scan/plan-scan.ts'
import { scanSql } from '../../tables/scan/scan-sql.ts'
import { tableId } from '../../tables/spec/table-identifier.ts'
import type { TableMetadata } from '../../tables/spec/table-metadata.ts'
import { openForeignDuckDb, type ForeignDuckDb } from '../support/foreign-duckdb.ts'
import { rowDigestSql } from '../support/row-digest.ts'
import { openServedLocalCatalog, type ServedLocalCatalog } from '../support/served-local-catalog.ts'
import { describeWithService } from '../support/service.ts'

await describeWithService('duckdb-iceberg', "DuckDB's own extension as a writer", () => {
  let served: ServedLocalCatalog
  let duckdb: ForeignDuckDb

  beforeAll(async () => {
    served = await openServedLocalCatalog()
    duckdb = await openForeignDuckDb(served.proxy.url)
    await duckdb.run('CREATE SCHEMA lake.market')
  })

  afterAll(async () => {
    duckdb.close()
    await served.close()
  })

  async function metadataOf(name: string): Promise<TableMetadata> {
    const table = await served.catalog.loadTable(tableId(`market.${name}`))
    if (table === undefined) throw new Error(`no table ${name}`)
    return table.metadata
  }

  /** One change of ours, committed past the served.proxy. */
  async function change(
    name: string,
    plan: (context: PlanContext, table: LoadedTable) => Promise<TableChange>,
  ): Promise<void> {
    const { catalog, fileIO, engine } = served
    const session = await engine.connect()
    const context: PlanContext = {
      ...{ catalog, fileIO, session, clock: systemClock, ids: randomIds },
      ...{ scratchDir: engine.scratchDir, manifestCache: createManifestCache() },
    }
    try {
      const table = await served.catalog.loadTable(tableId(`market.${name}`))
      if (table === undefined) throw new Error(`no table ${name}`)
      await commitChange(context, table.identifier, await plan(context, table))
    } finally {
      session.close()
    }
  }

  async function readOurs(name: string, snapshotId?: bigint): Promise<unknown> {
    const { fileIO } = served
    const metadata = await metadataOf(name)
    const of = snapshotId === undefined ? {} : { snapshotId }
    const relation = `(${await scanSql(await planScan({ fileIO, metadata, ...of }), fileIO)})`
    const session = await served.engine.connect()
    try {
      return await session.rows(rowDigestSql(relation))
    } finally {
      session.close()
    }
  }

  /** Both readers see the same rows, at the head and at every snapshot that the table holds. */
  async function expectSame(name: string, rowCount: number): Promise<void> {
    const head = await duckdb.rows(rowDigestSql(`lake.market.${name}`))
    expect(head[0]?.['row_count']).toBe(String(rowCount))
    expect(await readOurs(name)).toEqual(head)
    for (const { 'snapshot-id': id } of (await metadataOf(name)).snapshots) {
      const theirs = await duckdb.rows(
        rowDigestSql(`(SELECT * FROM lake.market.${name} AT (VERSION => ${id}))`),
      )
      expect(await readOurs(name, id), `snapshot ${id}`).toEqual(theirs)
    }
  }

  it('inserts, updates, deletes and merges a table of version 2, which we read alike', async () => {
    await duckdb.run(
      'CREATE TABLE lake.market.prints (id BIGINT, symbol VARCHAR, price DECIMAL(18,8), ' +
        'ts TIMESTAMPTZ) PARTITIONED BY (day(ts), bucket(4, symbol))',
    )
    await duckdb.run(
      `INSERT INTO lake.market.prints SELECT range, 's' || (range % 5), range * 1.25, ` +
        `TIMESTAMPTZ '2025-01-01 00:00:00+00' + to_hours(range::INTEGER) FROM range(100)`,
    )
    await duckdb.run('DELETE FROM lake.market.prints WHERE id % 3 = 0')
    await duckdb.run("UPDATE lake.market.prints SET price = 7 WHERE symbol = 's1'")
    await duckdb.run(
      `MERGE INTO lake.market.prints t USING (SELECT range AS id FROM range(95, 105)) s ` +
        `ON t.id = s.id WHEN MATCHED THEN UPDATE SET price = 9 WHEN NOT MATCHED THEN INSERT ` +
        `VALUES (s.id, 'new', 1, TIMESTAMPTZ '2025-02-01 00:00:00+00')`,
    )
    // 66 stay of 100, and of 95 to 104 those are inserted that are multiples of 3 or new.
    await expectSame('prints', 66 + 7)
  })

  it('writes every type and deletion vectors in a table of version 3', async () => {
    await duckdb.run(
      'CREATE TABLE lake.market.kinds (a BOOLEAN, b INTEGER, c BIGINT, d FLOAT, e DOUBLE, ' +
        'f DATE, g TIME, h TIMESTAMP, i TIMESTAMPTZ, j VARCHAR, k UUID, l BLOB, ' +
        'm DECIMAL(38,16), n STRUCT(x INTEGER, y VARCHAR[]), o MAP(VARCHAR, BIGINT)) ' +
        `WITH ('format-version' = '3')`,
    )
    await duckdb.run(
      `INSERT INTO lake.market.kinds SELECT range % 2 = 0, range, range * 5000000000, range / 3, ` +
        `range / 7, DATE '1969-12-30' + range::INTEGER, TIME '12:00:00.123456', ` +
        `TIMESTAMP '1969-12-31 23:59:59.999999' + to_seconds(range), ` +
        `TIMESTAMPTZ '2025-01-01 00:00:00.000001+00', CASE WHEN range % 4 = 0 THEN NULL ELSE ` +
        `'tëxt' || range END, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'x'::BLOB, -range * 1.5, ` +
        `{x: range, y: ['p', NULL]}, MAP {'k': range} FROM range(50)`,
    )
    await duckdb.run('DELETE FROM lake.market.kinds WHERE b % 5 = 0')
    await duckdb.run('DELETE FROM lake.market.kinds WHERE b % 7 = 0')
    // 0, 5, … 45 are ten rows; of the eight multiples of 7 two are among them.
    await expectSame('kinds', 50 - 10 - 6)
  })

  it.each([
    ['2', 'ours_2'],
    ['3', 'ours_3'],
  ])('goes on after us in a table of version %s, and we after it', async (version, name) => {
    await duckdb.run(
      `CREATE TABLE lake.market.${name} (id BIGINT, symbol VARCHAR) ` +
        `WITH ('format-version' = '${version}')`,
    )
    await duckdb.run(`INSERT INTO lake.market.${name} SELECT range, 'd' FROM range(20)`)
    await duckdb.run(`DELETE FROM lake.market.${name} WHERE id < 5`)
    await change(name, (context, table) =>
      planAppend(context, table, `SELECT range AS id, 'o' AS symbol FROM range(20, 30)`),
    )
    await change(name, (context, table) => planDeleteWhere(context, table, 'id % 10 = 9'))
    await expectSame(name, 20 - 5 + 10 - 3)
    await duckdb.run(`UPDATE lake.market.${name} SET symbol = 'e' WHERE id IN (8, 21)`)
    await duckdb.run(`DELETE FROM lake.market.${name} WHERE id = 10`)
    await expectSame(name, 21)
  })

  it('evolves a table: columns added, renamed and dropped under rows that stay', async () => {
    await duckdb.run('CREATE TABLE lake.market.growing (id BIGINT, symbol VARCHAR, gone BIGINT)')
    await duckdb.run(`INSERT INTO lake.market.growing SELECT range, 'a', range FROM range(10)`)
    await duckdb.run('ALTER TABLE lake.market.growing ADD COLUMN size INTEGER')
    await duckdb.run('ALTER TABLE lake.market.growing RENAME COLUMN symbol TO venue_symbol')
    await duckdb.run('ALTER TABLE lake.market.growing DROP COLUMN gone')
    await duckdb.run(`INSERT INTO lake.market.growing SELECT range, 'b', 5 FROM range(10, 30)`)
    const head = await duckdb.rows(rowDigestSql('lake.market.growing'))
    expect(await readOurs('growing')).toEqual(head)
    expect(head[0]?.['row_count']).toBe('30')
  })

  it('commits two tables at once, or neither where the commit is refused', async () => {
    await duckdb.run('CREATE TABLE lake.market.left_side (id BIGINT)')
    await duckdb.run('CREATE TABLE lake.market.right_side (id BIGINT)')
    const insertBoth = async (): Promise<void> => {
      await duckdb.run('BEGIN')
      await duckdb.run('INSERT INTO lake.market.left_side VALUES (1)')
      await duckdb.run('INSERT INTO lake.market.right_side VALUES (1), (2)')
      await duckdb.run('COMMIT')
    }
    const heads = async () => [await readOurs('left_side'), await readOurs('right_side')]
    const empty = await heads()
    served.proxy.arm({ kind: 'refuse', status: 409 })
    await expect(insertBoth()).rejects.toThrow()
    expect(await heads()).toEqual(empty)
    await insertBoth()
    expect(await heads()).toMatchObject([[{ row_count: '1' }], [{ row_count: '2' }]])
  })
})

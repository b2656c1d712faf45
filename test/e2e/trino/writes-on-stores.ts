import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { servedCatalogOf } from '../../../pipelines/lake/served-catalog-of.ts'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import { startRestServer, type RestServer } from '../../../tables/catalog/rest-server.ts'
import { missingFiles } from '../../support/missing-files.ts'
import { openMixedStockLake, type MixedStockLake } from '../../support/mixed-stock-lake.ts'
import { countOf, filesOf, hashPrints, loadPrints, printsSql } from '../../support/print-table.ts'
import { newTrinoCatalog, type TestTrino } from '../../support/trino.ts'

const CATALOG = newTrinoCatalog('stores')

/** Trino makes tables in the namespaces of a lake, each on another store, and writes to them. */
export function describeTrinoStoreWrites(trinoOf: () => TestTrino): void {
  describe('as a writer beside the lake', () => {
    let opened: MixedStockLake
    let lake: Lake
    let server: RestServer
    let trino: TestTrino
    const failures: unknown[] = []

    beforeAll(async () => {
      trino = trinoOf()
      opened = await openMixedStockLake()
      lake = opened.lake
      const onFailure = (error: unknown) => failures.push(error)
      server = await startRestServer({ catalog: servedCatalogOf(lake), port: 0, onFailure })
      await trino.attach(CATALOG, server.url, opened.trinoStores)
    })

    afterAll(async () => {
      await trino.detach(CATALOG)
      await server.close()
      await lake.close()
      expect(failures).toEqual([])
    })

    async function expectSame(name: string, rowCount: number): Promise<void> {
      const theirs = await trino.query(printsSql(`${CATALOG}.${name}`, 'trino'))
      const ours = await hashPrints(lake, name)
      expect(ours).toEqual(theirs)
      expect(countOf(ours)).toBe(rowCount)
    }

    it.each(['bronze', 'gold', 'silver'])(
      'makes, fills, changes, optimizes and drops a table in %s, which we read alike',
      async (namespace) => {
        const name = `${namespace}.trino_prints`
        const table = `${CATALOG}.${name}`
        await trino.run(
          `CREATE TABLE ${table} WITH (partitioning = ARRAY['day(ts)']) AS ${prints(0, 100)}`,
        )
        await expectSame(name, 100)
        expect(await trino.run(`INSERT INTO ${table} ${prints(100, 150)}`)).toBe(50n)
        await expectSame(name, 150)
        expect(await trino.run(`DELETE FROM ${table} WHERE id % 10 = 0`)).toBe(15n)
        await expectSame(name, 135)
        await trino.run(`UPDATE ${table} SET price = 7.5, symbol = NULL WHERE id % 10 = 1`)
        await expectSame(name, 135)
        await trino.run(`ALTER TABLE ${table} EXECUTE optimize`)
        await expectSame(name, 135)

        const loaded = await loadPrints(lake, name)
        for (const { 'snapshot-id': id } of loaded.metadata.snapshots) {
          const then = await trino.query(printsSql(`${table} FOR VERSION AS OF ${id}`, 'trino'))
          expect(await hashPrints(lake, name, id), `snapshot ${id}`).toEqual(then)
        }
        const { location } = loaded.metadata
        const place = opened.stores.warehouses?.[namespace] ?? lake.location
        expect(location.startsWith(`${place}/`), location).toBe(true)
        expect(await missingFiles(lake.fileIO, loaded)).toEqual([])
        expect((await filesOf(lake, location)).length).toBeGreaterThan(0)
        await trino.run(`DROP TABLE ${table}`)
        expect(await filesOf(lake, location)).toEqual([])
      },
    )
  })
}

/** Rows of two days, some without a symbol. */
function prints(from: number, until: number): string {
  return (
    `SELECT n AS id, IF(n % 7 = 0, NULL, 'sÿm' || CAST(n % 5 AS varchar)) AS symbol, ` +
    `CAST(n * DECIMAL '1.00000001' AS decimal(18, 8)) AS price, ` +
    `TIMESTAMP '2025-01-01 00:00:00.000001 UTC' + n * INTERVAL '20' MINUTE AS ts ` +
    `FROM UNNEST(sequence(${from}, ${until - 1})) AS s(n)`
  )
}

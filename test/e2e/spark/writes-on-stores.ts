import { beforeAll, describe, expect, it } from 'vitest'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import type { SparkSession } from '../../../stack/spark.ts'
import { missingFiles } from '../../support/missing-files.ts'
import type { MixedStockLake } from '../../support/mixed-stock-lake.ts'
import { filesOf, hashPrints, loadPrints, printTable } from '../../support/print-table.ts'
import { sparkHashSql } from '../../support/spark-dialect.ts'

/** Spark's two ways to change rows: whole files again, or position deletes beside them. */
type Mode = 'copy-on-write' | 'merge-on-read'

const CHANGED_ROWS = 'SELECT id, id % 2 = 0 AS is_gone FROM range(120, 160)'

/** Spark makes tables in the namespaces of a lake and writes to them. */
export function describeSparkStoreWrites(
  sparkOf: () => SparkSession,
  openedOf: () => MixedStockLake,
): void {
  describe('as a writer beside the lake', () => {
    let lake: Lake
    let spark: SparkSession

    beforeAll(() => {
      lake = openedOf().lake
      spark = sparkOf()
    })

    async function expectSame(name: string, rowCount: number): Promise<void> {
      const theirs = await spark.rows(sparkHashSql(printTable, `sluice.${name}`))
      const ours = await hashPrints(lake, name)
      expect(ours.map(textsOf)).toEqual(theirs)
      expect(ours.reduce((sum, { row_count }) => sum + Number(row_count), 0)).toBe(rowCount)
    }

    it.each([
      ['bronze', 'copy-on-write'],
      ['bronze', 'merge-on-read'],
      ['silver', 'merge-on-read'],
    ] as const)(
      'makes, fills, changes, compacts and drops a table in %s by %s, which we read alike',
      async (namespace, mode) => {
        const name = `${namespace}.spark_prints`
        const table = `sluice.${name}`
        await spark.rows(
          `CREATE TABLE ${table} USING iceberg PARTITIONED BY (days(ts)) ` +
            `TBLPROPERTIES (${changedBy(mode)}) AS ${prints(0, 100)}`,
        )
        await expectSame(name, 100)
        await spark.rows(`INSERT INTO ${table} ${prints(100, 150)}`)
        await expectSame(name, 150)
        await spark.rows(`DELETE FROM ${table} WHERE id % 10 = 0`)
        await expectSame(name, 135)
        await spark.rows(`UPDATE ${table} SET price = 7.5, symbol = NULL WHERE id % 10 = 1`)
        await expectSame(name, 135)
        // Of ids 120-149: 12 even ones are there to go, 15 odd ones to change; 5 odd ones are new.
        await spark.rows(
          `MERGE INTO ${table} t USING (${CHANGED_ROWS}) s ON t.id = s.id ` +
            'WHEN MATCHED AND s.is_gone THEN DELETE WHEN MATCHED THEN UPDATE SET t.price = t.price + 1 ' +
            `WHEN NOT MATCHED AND NOT s.is_gone THEN INSERT (id, price, ts) ` +
            `VALUES (s.id, 1, TIMESTAMP '2025-01-02 00:00:00')`,
        )
        await expectSame(name, 135 - 12 + 5)
        await spark.rows(
          `CALL sluice.system.rewrite_data_files(table => '${name}', ` +
            `options => map('rewrite-all', 'true', 'remove-dangling-deletes', 'true'))`,
        )
        await expectSame(name, 135 - 12 + 5)

        const loaded = await loadPrints(lake, name)
        for (const { 'snapshot-id': id } of loaded.metadata.snapshots) {
          const then = sparkHashSql(printTable, `${table} VERSION AS OF ${id}`)
          const ours = (await hashPrints(lake, name, id)).map(textsOf)
          expect(ours, `snapshot ${id}`).toEqual(await spark.rows(then))
        }
        const { location } = loaded.metadata
        const place = openedOf().stores.warehouses?.[namespace] ?? lake.location
        expect(location.startsWith(`${place}/`), location).toBe(true)
        expect(await missingFiles(lake.fileIO, loaded)).toEqual([])
        await spark.rows(`DROP TABLE ${table} PURGE`)
        expect(await lake.catalog.loadTable(loaded.identifier)).toBeUndefined()
        expect(await filesOf(lake, location)).toEqual([])
      },
    )
  })
}

/** One delete file of a partition names rows of several data files, as our own never do. */
function changedBy(mode: Mode): string {
  const kinds = ['delete', 'update', 'merge'].map((kind) => `'write.${kind}.mode' = '${mode}'`)
  return [...kinds, `'write.delete.granularity' = 'partition'`].join(', ')
}

/** Rows of a few days, some without a symbol. */
function prints(from: number, until: number): string {
  return (
    `SELECT id, IF(id % 7 = 0, NULL, concat('sÿm', id % 5)) AS symbol, ` +
    'CAST(id * 1.00000001 AS decimal(18, 8)) AS price, ' +
    `timestampadd(MINUTE, CAST(id * 20 AS int), TIMESTAMP '2025-01-01 00:00:00.000001') AS ts ` +
    `FROM range(${from}, ${until})`
  )
}

const textsOf = (row: object): string[] => Object.values(row).map(String)

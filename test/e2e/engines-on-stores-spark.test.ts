import { afterAll, beforeAll, expect, it } from 'vitest'
import { servedCatalogOf } from '../../pipelines/lake/served-catalog-of.ts'
import { loadHeads, headOf, planRelation } from '../../pipelines/loop/loop-context.ts'
import { contentHashSql } from '../../shared-transforms/content-hash.ts'
import { trinoDialect, type Dialect } from '../../shared-transforms/dialect.ts'
import { allTables } from '../../shared-transforms/lake-tables.ts'
import { type SparkSession, startSpark } from '../../stack/spark.ts'
import { startRestServer, type RestServer } from '../../tables/catalog/rest-server.ts'
import { planScan } from '../../tables/scan/plan-scan.ts'
import type { TableDefinition } from '../../tables/spec/table-definition.ts'
import { openMixedStockLake, type MixedStockLake } from '../support/mixed-stock-lake.ts'
import { wholeRows } from '../support/print-table.ts'
import { describeWithService } from '../support/service.ts'

/** Spark's words, where they are others than Trino's; of the digest alone. */
const sparkDialect: Dialect = {
  ...trinoDialect,
  epochUs: (timestamp) => `unix_micros(${timestamp})`,
  dateOfUs: (us) => `to_date(timestamp_micros(${us}))`,
  md5Bits: (text) => `CAST(conv(substr(md5(${text}), 1, 15), 16, 10) AS BIGINT)`,
}

await describeWithService(['spark', 'minio', 'hdfs'], 'Spark on HDFS and on local disk', () => {
  let opened: MixedStockLake
  let server: RestServer
  let spark: SparkSession
  const failures: unknown[] = []

  beforeAll(async () => {
    opened = await openMixedStockLake()
    const catalog = servedCatalogOf(opened.lake)
    server = await startRestServer({ catalog, port: 0, onFailure: (error) => failures.push(error) })
    spark = await startSpark({ sluice: { uri: server.url } })
  })

  afterAll(async () => {
    await spark.stop()
    await server.close()
    await opened.lake.close()
    expect(failures).toEqual([])
  })

  async function hashOurs(table: TableDefinition, snapshotId: bigint): Promise<unknown> {
    const { lake } = opened
    const { metadata } = headOf(await loadHeads(lake), table.name)
    const plan = await planScan({ fileIO: lake.fileIO, metadata, snapshotId })
    const session = await lake.engine.connect()
    try {
      const sql = contentHashSql(table, await planRelation(lake, plan))
      return (await session.rows<object>(sql)).map(textsOf)
    } finally {
      session.close()
    }
  }

  const hashTheirs = (table: TableDefinition, relation: string) =>
    spark.rows(sparkHashSql(table, relation))

  const read = allTables.filter(({ name }) => /^(bronze|silver)\./.test(name)).map(wholeRows)

  it.each(['head', 'repaired', 'early'] as const)(
    'reads the rows of bronze and silver at state "%s" as we do',
    async (state) => {
      for (const table of read) {
        const id = BigInt(opened.states[state][table.name] ?? '')
        const theirs = await hashTheirs(table, `sluice.${table.name} VERSION AS OF ${id}`)
        expect(theirs, table.name).toEqual(await hashOurs(table, id))
      }
    },
  )

  it('reads the heads, and the state that a tag names', async () => {
    for (const table of read) {
      const { metadata } = headOf(await loadHeads(opened.lake), table.name)
      const head = await hashTheirs(table, `sluice.${table.name}`)
      expect(head, table.name).toEqual(await hashOurs(table, metadata['current-snapshot-id'] ?? 0n))
      const kept = metadata.refs['kept']?.['snapshot-id'] ?? 0n
      const tagged = await hashTheirs(table, `sluice.${table.name} VERSION AS OF 'kept'`)
      expect(tagged, table.name).toEqual(await hashOurs(table, kept))
    }
  })
})

/** Spark knows no VARCHAR without a length, and takes a backslash in a text for an escape. */
function sparkHashSql(table: TableDefinition, relation: string): string {
  return contentHashSql(table, relation, sparkDialect)
    .replaceAll('AS VARCHAR)', 'AS STRING)')
    .replaceAll(`'\\N'`, `'\\\\N'`)
}

const textsOf = (row: object): string[] => Object.values(row).map(String)

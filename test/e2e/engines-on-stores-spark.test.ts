import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Lake } from '../../pipelines/lake/lake.ts'
import { openLake } from '../../pipelines/lake/open-lake.ts'
import { servedCatalogOf } from '../../pipelines/lake/served-catalog-of.ts'
import { loadHeads, headOf, planRelation } from '../../pipelines/loop/loop-context.ts'
import { contentHashSql } from '../../shared-transforms/content-hash.ts'
import { type SparkSession, startSpark } from '../../stack/spark.ts'
import { startRestServer } from '../../tables/catalog/rest-server.ts'
import { randomIds, systemClock } from '../../tables/clock.ts'
import { planScan } from '../../tables/scan/plan-scan.ts'
import type { TableDefinition } from '../../tables/spec/table-definition.ts'
import { newHdfsRoot } from '../support/hdfs-server.ts'
import { openMixedStockLake, type MixedStockLake } from '../support/mixed-stock-lake.ts'
import { wholeRows } from '../support/print-table.ts'
import { describeWithService } from '../support/service.ts'
import { stockLakeTables } from '../support/stock-lake.ts'
import { sparkHashSql } from '../support/spark-dialect.ts'
import { describeSparkForeignCommits, MARKET_CATALOG } from './spark/foreign-commits.ts'
import { describeSparkStoreWrites } from './spark/writes-on-stores.ts'

/** One session for all: its start is the dearest part. */
await describeWithService(['spark', 'minio', 'hdfs'], 'Spark on HDFS and on local disk', () => {
  let opened: MixedStockLake
  /** All of its tables lie on HDFS, and Spark writes to them. */
  let market: Lake
  let spark: SparkSession
  const failures: unknown[] = []
  const undo: (() => Promise<unknown>)[] = []

  beforeAll(async () => {
    opened = await openMixedStockLake()
    undo.unshift(() => opened.lake.close())
    market = await openMarketLake()
    undo.unshift(() => market.close())
    spark = await startSpark({
      sluice: { uri: await serve(opened.lake) },
      [MARKET_CATALOG]: { uri: await serve(market) },
    })
    undo.unshift(() => spark.stop())
  })

  afterAll(async () => {
    for (const step of undo) await step()
    expect(failures).toEqual([])
  })

  async function openMarketLake(): Promise<Lake> {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-spark-lake-'))
    undo.unshift(() => rm(folder, { recursive: true, force: true }))
    const stores = {
      warehouse: `${newHdfsRoot(opened.hdfs)}/market`,
      hdfs: { nameNodes: [opened.hdfs.webUrl], user: 'sluice' },
    }
    const directory = join(folder, 'lake')
    const parts = { clock: systemClock, ids: randomIds, createIfMissing: true }
    return openLake({ directory, stores, ...parts })
  }

  async function serve(lake: Lake): Promise<string> {
    const catalog = servedCatalogOf(lake)
    const onFailure = (error: unknown) => failures.push(error)
    const server = await startRestServer({ catalog, port: 0, onFailure })
    undo.unshift(() => server.close())
    return server.url
  }

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

  const read = stockLakeTables.filter(({ name }) => /^(bronze|silver)\./.test(name)).map(wholeRows)

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

  describeSparkStoreWrites(
    () => spark,
    () => opened,
  )
  describeSparkForeignCommits(
    () => spark,
    () => market,
  )
})

const textsOf = (row: object): string[] => Object.values(row).map(String)

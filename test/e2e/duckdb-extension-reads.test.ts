import { afterAll, beforeAll, expect, it } from 'vitest'
import { servedCatalogOf } from '../../pipelines/lake/served-catalog-of.ts'
import type { Lake } from '../../pipelines/lake/lake.ts'
import { headOf, loadHeads, planRelation } from '../../pipelines/loop/loop-context.ts'
import { startRestServer, type RestServer } from '../../tables/catalog/rest-server.ts'
import { planScan } from '../../tables/scan/plan-scan.ts'
import { openForeignDuckDb, type ForeignDuckDb } from '../support/foreign-duckdb.ts'
import { rowDigestSql } from '../support/row-digest.ts'
import { describeWithService } from '../support/service.ts'
import {
  lakeStates,
  openStockLake,
  stockLakeTables,
  type LakeStates,
} from '../support/stock-lake.ts'

await describeWithService('duckdb-iceberg', "DuckDB's own extension as a reader", () => {
  let lake: Lake
  let states: LakeStates
  let server: RestServer
  let theirs: ForeignDuckDb

  beforeAll(async () => {
    ;({ lake, states } = await openStockLake())
    server = await startRestServer({ catalog: servedCatalogOf(lake), port: 0 })
    theirs = await openForeignDuckDb(server.url)
  })

  afterAll(async () => {
    theirs.close()
    await server.close()
    await lake.close()
  })

  it.each(lakeStates)('reads of every table at state "%s" what our scan reads', async (state) => {
    for (const { name } of stockLakeTables) {
      const snapshotId = BigInt(states[state][name] ?? '')
      const at = `(SELECT * FROM lake.${name} AT (VERSION => ${snapshotId}))`
      expect(await theirs.rows(rowDigestSql(at)), name).toEqual(
        await readOurs(lake, name, snapshotId),
      )
    }
  })

  it('reads the heads without a snapshot being named', async () => {
    for (const { name } of stockLakeTables) {
      const snapshotId = BigInt(states.head[name] ?? '')
      expect(await theirs.rows(rowDigestSql(`lake.${name}`)), name).toEqual(
        await readOurs(lake, name, snapshotId),
      )
    }
  })
})

async function readOurs(lake: Lake, name: string, snapshotId: bigint): Promise<unknown> {
  const { metadata } = headOf(await loadHeads(lake), name)
  const plan = await planScan({ fileIO: lake.fileIO, metadata, snapshotId })
  const session = await lake.engine.connect()
  try {
    return await session.rows(rowDigestSql(await planRelation(lake, plan)))
  } finally {
    session.close()
  }
}

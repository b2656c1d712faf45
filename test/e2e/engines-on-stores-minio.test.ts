import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { servedCatalogOf } from '../../pipelines/lake/served-catalog-of.ts'
import { headOf, loadHeads, planRelation } from '../../pipelines/loop/loop-context.ts'
import { contentHashSql } from '../../shared-transforms/content-hash.ts'
import { startRestServer, type RestServer } from '../../tables/catalog/rest-server.ts'
import { planScan } from '../../tables/scan/plan-scan.ts'
import type { TableDefinition } from '../../tables/spec/table-definition.ts'
import { openForeignDuckDb, type ForeignDuckDb } from '../support/foreign-duckdb.ts'
import { missingFiles } from '../support/missing-files.ts'
import { openMixedStockLake, type MixedStockLake } from '../support/mixed-stock-lake.ts'
import {
  countOf,
  filesOf,
  hashPrints,
  loadPrints,
  printsSql,
  wholeRows,
  type PrintsHash,
} from '../support/print-table.ts'
import { runPython } from '../support/pyiceberg.ts'
import { describeWithService } from '../support/service.ts'
import { stockLakeTables } from '../support/stock-lake.ts'

/** Whose account an engine opens the store with: its own, or one that the catalog gives. */
const accounts = ['own', 'vended'] as const
const states = ['head', 'repaired', 'tagged'] as const

const onMinio = stockLakeTables.filter(({ name }) => /^(gold|sluice)\./.test(name)).map(wholeRows)

interface Answer {
  readonly reads: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>
  readonly made: readonly string[]
  readonly location: string
}

await describeWithService(
  ['pyiceberg', 'duckdb-iceberg', 'minio', 'hdfs'],
  'PyIceberg and the extension of DuckDB on MinIO',
  () => {
    let opened: MixedStockLake
    let folder: string
    let servers: Readonly<Record<(typeof accounts)[number], RestServer>>
    const failures: unknown[] = []

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'sluice-minio-'))
      opened = await openMixedStockLake()
      const { account, lake } = opened
      const catalog = servedCatalogOf(lake)
      const onFailure = (error: unknown) => failures.push(error)
      servers = {
        own: await startRestServer({ catalog, port: 0, onFailure }),
        vended: await startRestServer({
          ...{ catalog, port: 0, onFailure },
          vended: { ...account, isPathStyle: true },
        }),
      }
    })

    afterAll(async () => {
      await servers.own.close()
      await servers.vended.close()
      await opened.lake.close()
      await rm(folder, { recursive: true, force: true })
      expect(failures).toEqual([])
    })

    async function hashOurs(table: TableDefinition, snapshotId: bigint) {
      const { lake } = opened
      const { metadata } = headOf(await loadHeads(lake), table.name)
      const plan = await planScan({ fileIO: lake.fileIO, metadata, snapshotId })
      const session = await lake.engine.connect()
      try {
        const sql = contentHashSql(table, await planRelation(lake, plan))
        return await session.rows<PrintsHash>(sql)
      } finally {
        session.close()
      }
    }

    const snapshotsOf = ({ name }: TableDefinition) => [
      ...new Set(states.map((state) => opened.states[state][name] ?? '')),
    ]

    /** What another engine made on MinIO: it is whole, it lies there, and its purge ends it. */
    async function checkAndPurge(name: string): Promise<void> {
      const { lake, stores } = opened
      const loaded = await loadPrints(lake, name)
      const { location } = loaded.metadata
      expect(location.startsWith(`${stores.warehouses?.['gold']}/gold/`)).toBe(true)
      expect(await missingFiles(lake.fileIO, loaded)).toEqual([])
      const path = name.replace('.', '/tables/')
      const purge = `${servers.own.url}/v1/namespaces/${path}?purgeRequested=true`
      expect((await fetch(purge, { method: 'DELETE' })).status).toBe(204)
      expect(await filesOf(lake, location)).toEqual([])
    }

    it.each(accounts)('PyIceberg reads and writes alike, by its %s account', async (whose) => {
      const name = `gold.pyiceberg_${whose}`
      const tables = onMinio.map((table) => {
        const columns = table.columns
          .filter(({ type }) => type !== 'double')
          .map((column) => [column.name, column.type])
        return [table.name, { columns, snapshots: snapshotsOf(table) }] as const
      })
      const request = join(folder, `${whose}.json`)
      const properties = whose === 'own' ? pyIcebergStore(opened) : {}
      const { url } = servers[whose]
      const asked = { url, properties, tables: Object.fromEntries(tables), make: name }
      await writeFile(request, JSON.stringify(asked))
      const script = join(import.meta.dirname, 'engines-on-stores-minio.py')
      const answer = JSON.parse((await runPython(script, [request])).stdout) as Answer
      for (const table of onMinio) {
        for (const snapshot of snapshotsOf(table)) {
          const ours = totalOf(await hashOurs(table, BigInt(snapshot)))
          expect(answer.reads[table.name]?.[snapshot], `${table.name} ${snapshot}`).toEqual(ours)
        }
      }
      expect(totalOf(await hashPrints(opened.lake, name))).toEqual(answer.made)
      // 150 rows less 7 and 8, and ten more.
      expect(answer.made[0]).toBe('158')
      await checkAndPurge(name)
    })

    it.each(accounts)("DuckDB's extension does the same, by its %s account", async (whose) => {
      const { lake, account } = opened
      const store = whose === 'own' ? { s3: account } : { isVended: true }
      const duckdb = await openForeignDuckDb(servers[whose].url, store)
      try {
        for (const table of onMinio) {
          for (const snapshot of snapshotsOf(table)) {
            const at = `(SELECT * FROM lake.${table.name} AT (VERSION => ${snapshot}))`
            const theirs = await duckdb.rows(contentHashSql(table, at))
            expect(theirs, table.name).toEqual(await hashOurs(table, BigInt(snapshot)))
          }
        }
        const name = `gold.duckdb_${whose}`
        await writePrints(duckdb, `lake.${name}`)
        const ours = await hashPrints(lake, name)
        expect(ours).toEqual(await duckdb.rows(printsSql(`lake.${name}`, 'duckdb')))
        expect(countOf(ours)).toBe(135)
        await checkAndPurge(name)
      } finally {
        duckdb.close()
      }
    })
  },
)

async function writePrints(duckdb: ForeignDuckDb, table: string): Promise<void> {
  const insert = (from: number, until: number) =>
    duckdb.run(
      `INSERT INTO ${table} SELECT range, CASE WHEN range % 7 <> 0 THEN 'sÿm' || range % 5 END, ` +
        `range * 1.00000001, make_timestamptz(1735689600000001 + range * 1200000000) ` +
        `FROM range(${from}, ${until})`,
    )
  await duckdb.run(
    `CREATE TABLE ${table} (id BIGINT, symbol VARCHAR, price DECIMAL(18, 8), ts TIMESTAMPTZ) ` +
      'PARTITIONED BY (day(ts))',
  )
  await insert(0, 100)
  await insert(100, 150)
  await duckdb.run(`DELETE FROM ${table} WHERE id % 10 = 0`)
}

/** What PyIceberg's users set themselves, where the catalog gives no account. */
function pyIcebergStore({ account }: MixedStockLake): Readonly<Record<string, string>> {
  return {
    's3.endpoint': account.endpoint,
    's3.region': account.region,
    's3.access-key-id': account.accessKeyId,
    's3.secret-access-key': account.secretAccessKey,
  }
}

/** Of all days together. */
function totalOf(hashes: readonly PrintsHash[]): readonly string[] {
  const hash = hashes.reduce((sum, each) => sum + BigInt(String(each.hash)), 0n)
  return [String(countOf(hashes)), String(hash)]
}

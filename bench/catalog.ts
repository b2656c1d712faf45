import { join } from 'node:path'
import { startRestFixture } from '../stack/iceberg-java.ts'
import { ServiceMissing } from '../stack/service-missing.ts'
import type { Catalog, LoadedTable } from '../tables/catalog/catalog.ts'
import { openRestCatalog } from '../tables/catalog/rest-catalog.ts'
import { systemClock } from '../tables/clock.ts'
import { locationOfPath } from '../tables/file-io/local-location.ts'
import type { Benchmark } from './benchmark.ts'
import type { CatalogServerTask } from './catalog-server-task.ts'
import { startChild } from './child-process.ts'
import { commitMany, createBenchTable } from './commit-stream.ts'
import { hundredths } from './hundredths.ts'
import { measure } from './process-cost.ts'
import type { ProcessCost } from './process-cost.ts'
import { readCounts } from './read-counts.ts'

const NAMESPACE = ['bench']

interface CatalogCase {
  readonly name: string
  readonly clients: number
  readonly isShared?: boolean
}

/** Commits through the REST protocol: the server is a process of its own, the clients are ours. */
export const catalogBenchmark: Benchmark = {
  name: 'catalog',
  about: 'commits a second of the REST catalog, 1 client and 8, beside the reference server',
  run: async ({ args, scratchFolder, report }) => {
    const { counts } = readCounts(args, { commits: 800, clients: 8, warm: 400 })
    const cases: readonly CatalogCase[] = [
      { name: '1 client', clients: 1 },
      { name: `${counts.clients} clients, each its own table`, clients: counts.clients },
      { name: `${counts.clients} clients on one table`, clients: counts.clients, isShared: true },
    ]
    const ours = await measureOwn(join(scratchFolder, 'own'), cases, counts)
    const theirs = await measureReference(join(scratchFolder, 'reference'), cases, counts)
    for (const [index, { name }] of cases.entries()) {
      const own = ours.rates[index]
      const reference = theirs?.[index]
      if (own === undefined) throw new Error(`${name} was not measured`)
      report({
        name: `commits, ${name}`,
        value: own.commitsPerSecond,
        unit: 'commits/s',
        ...(reference === undefined
          ? {}
          : { peer: { name: PEER, value: reference.commitsPerSecond } }),
        facts: {
          commits: own.commits,
          retries: own.retries,
          ...(reference === undefined ? {} : { peer_retries: reference.retries }),
          server_cpu_s: hundredths(ours.server.cpuSeconds),
          server_rss_mb: hundredths(ours.server.rssMbPeak),
        },
      })
    }
  },
}

/** Both keep their pointers in SQLite; only ours forces each metadata file to the disk. */
const PEER = "Iceberg's REST fixture (Java) over SQLite"

interface Counts {
  readonly commits: number
  readonly warm: number
}

interface Rate {
  readonly commits: number
  readonly retries: number
  readonly commitsPerSecond: number
}

async function measureOwn(
  directory: string,
  cases: readonly CatalogCase[],
  counts: Counts,
): Promise<{ readonly rates: readonly Rate[]; readonly server: ProcessCost }> {
  const task: CatalogServerTask = { directory }
  const server = startChild<string, ProcessCost>('catalog-server', task)
  const rates = await measureCases(await server.nextNews(), cases, counts)
  server.tell('end')
  return { rates, server: await server.report }
}

/** Undefined where Java or its jars cannot be had. */
async function measureReference(
  directory: string,
  cases: readonly CatalogCase[],
  counts: Counts,
): Promise<readonly Rate[] | undefined> {
  try {
    const fixture = await startRestFixture({ warehouse: locationOfPath(directory) })
    try {
      return await measureCases(fixture.uri, cases, counts)
    } finally {
      await fixture.stop()
    }
  } catch (error) {
    if (error instanceof ServiceMissing) return undefined
    throw error
  }
}

async function measureCases(
  uri: string,
  cases: readonly CatalogCase[],
  { commits, warm }: Counts,
): Promise<readonly Rate[]> {
  const rates: Rate[] = []
  const [first] = cases
  // Both servers compile their code in the first requests.
  if (first !== undefined && warm > 0) await measureCase(uri, 'warm', first, warm)
  for (const [index, one] of cases.entries()) {
    rates.push(await measureCase(uri, `case_${index}`, one, commits))
  }
  return rates
}

async function measureCase(
  uri: string,
  prefix: string,
  { clients, isShared = false }: CatalogCase,
  commits: number,
): Promise<Rate> {
  const catalogs = await Promise.all(
    Array.from({ length: clients }, () => openRestCatalog({ uri, clock: systemClock })),
  )
  try {
    const [admin] = catalogs
    if (admin === undefined) throw new RangeError('a case has at least one client')
    const tables = await createTables(admin, prefix, isShared ? 1 : clients)
    const perClient = Math.ceil(commits / clients)
    const { result, wallSeconds } = await measure(() =>
      Promise.all(
        catalogs.map((catalog, index) => {
          const table = tables[index % tables.length]
          if (table === undefined) throw new RangeError('a case has at least one table')
          return commitMany(catalog, table, perClient)
        }),
      ),
    )
    const landed = result.reduce((sum, { landedCount }) => sum + landedCount, 0)
    const retries = result.reduce((sum, { conflictCount }) => sum + conflictCount, 0)
    return { commits: landed, retries, commitsPerSecond: landed / wallSeconds }
  } finally {
    await Promise.all(catalogs.map((catalog) => catalog.close()))
  }
}

async function createTables(
  catalog: Catalog,
  prefix: string,
  count: number,
): Promise<readonly LoadedTable[]> {
  const namespaces = await catalog.listNamespaces()
  if (namespaces.length === 0) await catalog.createNamespace(NAMESPACE)
  const tables: LoadedTable[] = []
  for (let index = 0; index < count; index += 1) {
    const identifier = { namespace: NAMESPACE, name: `${prefix}_${index}` }
    tables.push(await createBenchTable(catalog, identifier))
  }
  return tables
}

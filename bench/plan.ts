import { join } from 'node:path'
import { createManifestCache } from '../tables/scan/manifest-cache.ts'
import type { ManifestCache } from '../tables/scan/manifest-cache.ts'
import { planScan } from '../tables/scan/plan-scan.ts'
import type { ColumnPredicate } from '../tables/scan/plan-scan.ts'
import type { Benchmark, BenchmarkContext, Peer } from './benchmark.ts'
import { percentile } from './percentile.ts'
import { planByPyIceberg } from './plan-by-pyiceberg.ts'
import { DAY_US, makePlanTable } from './plan-table.ts'
import type { PlanTable } from './plan-table.ts'
import { measure } from './process-cost.ts'
import { readCounts } from './read-counts.ts'

/** How long it takes to find the files of a scan, from the metadata alone. */
export const planBenchmark: Benchmark = {
  name: 'plan',
  about: 'finding the files of a scan among 10,000, cold and warm, beside PyIceberg',
  run: async (context) => {
    const { counts } = readCounts(context.args, { files: 10_000, manifests: 100, runs: 9 })
    const folder = join(context.scratchFolder, 'table')
    const table = await makePlanTable(folder, counts.files, counts.manifests)
    await measurePlans(context, table, counts)
    await measureWeight(context, table, counts)
  },
}

interface Counts {
  readonly files: number
  readonly manifests: number
  readonly runs: number
}

async function measurePlans(
  { report }: BenchmarkContext,
  table: PlanTable,
  { files, manifests, runs }: Counts,
): Promise<void> {
  const facts = { files, manifests, runs }
  const peer = await measurePeer(table, runs)
  const warm = createManifestCache()
  const { startUs, symbols } = table
  const symbol = symbols[Math.floor(symbols.length / 2)] ?? ''
  const twoDays: readonly ColumnPredicate[] = [
    { column: 'event_ts', op: '>=', value: startUs + DAY_US },
    { column: 'event_ts', op: '<', value: startUs + 3n * DAY_US },
    { column: 'venue_symbol', op: '=', value: symbol },
  ]
  const cases = [
    { name: 'all files, nothing cached', filter: [], cache: undefined, peer },
    { name: 'all files, manifests cached', filter: [], cache: warm },
    { name: 'one symbol, manifests cached', filter: twoDays.slice(2), cache: warm },
    { name: 'one symbol and two days, nothing cached', filter: twoDays, cache: undefined },
    { name: 'one symbol and two days, manifests cached', filter: twoDays, cache: warm },
  ] as const
  for (const { name, filter, cache, ...rest } of cases) {
    const { times, planned } = await measurePlan(table, filter, cache, runs)
    report({
      name: `${name}, p50`,
      value: percentile(times, 0.5),
      unit: 'ms',
      ...('peer' in rest && rest.peer !== undefined ? { peer: rest.peer } : {}),
      facts: { ...facts, files_planned: planned, ms_max: Math.round(Math.max(...times)) },
    })
  }
}

/** One plan first that does not count: it compiles the code, and fills the cache if there is one. */
async function measurePlan(
  { fileIO, metadata }: PlanTable,
  filter: readonly ColumnPredicate[],
  cache: ManifestCache | undefined,
  runs: number,
): Promise<{ readonly times: readonly number[]; readonly planned: number }> {
  const request = { fileIO, metadata, filter, ...(cache ? { manifestCache: cache } : {}) }
  const { filesPlanned: planned } = await planScan(request)
  const times: number[] = []
  for (let run = 0; run < runs; run += 1) {
    const { wallSeconds } = await measure(() => planScan(request))
    times.push(wallSeconds * 1000)
  }
  return { times, planned }
}

async function measureWeight(
  { report }: BenchmarkContext,
  { fileIO, metadata }: PlanTable,
  { files, manifests }: Counts,
): Promise<void> {
  const manifestCache = createManifestCache({ sizeBytesMax: Number.MAX_SAFE_INTEGER })
  await planScan({ fileIO, metadata, manifestCache })
  report({
    name: 'manifests in the cache, by its own estimate',
    value: manifestCache.sizeBytes / 1e6,
    unit: 'MB',
    facts: { files, manifests, bytes_per_file: Math.round(manifestCache.sizeBytes / files) },
  })
}

/** PyIceberg plans a table that it has just opened; without it there is no peer. */
async function measurePeer(table: PlanTable, runs: number): Promise<Peer | undefined> {
  const plans = await planByPyIceberg(table.metadataLocation, runs)
  if (plans === undefined) return undefined
  return {
    name: 'PyIceberg, plan_files of a table just opened',
    value: percentile(plans.times, 0.5),
  }
}

import { allTables } from '../../shared-transforms/lake-tables.ts'
import { loadHeads } from '../../pipelines/loop/loop-context.ts'
import type { Lake } from '../../pipelines/lake/lake.ts'
import type { LoadedTable } from '../../tables/catalog/catalog.ts'
import { isLive } from '../../tables/commit/compose-manifests.ts'
import { partitionKey } from '../../tables/commit/snapshot-summary.ts'
import { createCountingFileIO, type CountingFileIO } from '../../tables/file-io/counting-file-io.ts'
import { decodeDeleteRecord } from '../../tables/maintain/delete-record.ts'
import { planScan } from '../../tables/scan/plan-scan.ts'
import { cutHistory, currentSnapshot, findSnapshot } from '../../tables/spec/cut-history.ts'
import type { ManifestEntry } from '../../tables/spec/manifest.ts'
import type { Snapshot } from '../../tables/spec/snapshot.ts'
import { parseTableMetadata } from '../../tables/spec/table-metadata-json.ts'
import { decodeManifest } from '../../tables/write/manifest-file.ts'
import { decodeManifestList } from '../../tables/write/manifest-list.ts'

/** What a stretch of cuts did to the store. */
export interface StretchCost {
  readonly bytesWritten: number
  /** Reads, and files handed to the engine. */
  readonly openCount: number
  /** Of table metadata, manifest lists and manifests; what caches answered is not in it. */
  readonly metadataBytesRead: number
}

/** The cost since the last call. */
export function takeCost(store: CountingFileIO): StretchCost {
  const counts = store.counts()
  store.resetCounts()
  const all = Object.values(counts)
  return {
    bytesWritten: all.reduce((sum, one) => sum + one.bytesWritten, 0),
    openCount: all.reduce((sum, one) => sum + one.openCount, 0),
    metadataBytesRead:
      counts['table-metadata'].bytesRead +
      counts['manifest-list'].bytesRead +
      counts.manifest.bytesRead,
  }
}

/** Metadata bytes that a process without any cache parses to plan a scan of every table. */
export async function readColdBytes(lake: Lake): Promise<number> {
  const fileIO = createCountingFileIO(lake.fileIO)
  for (const { metadataLocation } of (await loadHeads(lake)).values()) {
    const text = Buffer.from(await fileIO.read(metadataLocation)).toString('utf8')
    await planScan({ fileIO, metadata: parseTableMetadata(text) })
  }
  return takeCost(fileIO).metadataBytesRead
}

/** The size of a lake in things whose number must not grow with its cuts; maxima over tables. */
export interface LakeSize {
  /** Live data and delete files of one partition. */
  readonly liveFiles: number
  readonly manifests: number
  readonly snapshots: number
  readonly metadataLog: number
  /** Metadata files of one table in the store, those that wait to be deleted too. */
  readonly metadataFiles: number
  readonly deleteRecords: number
  /** Files that wait to be deleted. */
  readonly queuedDeletes: number
}

export async function readLakeSize(lake: Lake): Promise<LakeSize> {
  const heads = [...(await loadHeads(lake)).values()]
  const live = await Promise.all(heads.map((head) => readLive(lake, head)))
  const queued = await readQueued(lake)
  return {
    liveFiles: Math.max(...live.map(({ entries }) => largestPartition(entries))),
    manifests: Math.max(...live.map(({ manifestCount }) => manifestCount)),
    snapshots: Math.max(...heads.map(({ metadata }) => metadata.snapshots.length)),
    metadataLog: Math.max(...heads.map(({ metadata }) => metadata['metadata-log'].length)),
    metadataFiles: Math.max(
      ...(await Promise.all(
        heads.map(async ({ metadata }) => {
          const stored = await listLocations(lake, `${metadata.location}/metadata/`)
          return stored.filter((location) => location.endsWith('.metadata.json')).length
        }),
      )),
    ),
    deleteRecords: queued.recordCount,
    queuedDeletes: queued.locations.size,
  }
}

/** The larger one of each. */
export function largerSize(a: LakeSize, b: LakeSize): LakeSize {
  const names = Object.keys(a) as (keyof LakeSize)[]
  return Object.fromEntries(names.map((name) => [name, Math.max(a[name], b[name])])) as Record<
    keyof LakeSize,
    number
  >
}

/** Kept cuts that a table cannot be read at, each a sentence; and how many cuts are kept. */
export async function readKeptCuts(lake: Lake): Promise<{ count: number; unreadable: string[] }> {
  const heads = await loadHeads(lake)
  const cuts = heads.get('sluice.cuts')
  const history = cuts === undefined ? [] : cutHistory(cuts.metadata)
  const unreadable = history.flatMap((record) =>
    allTables
      .filter(({ name }) => {
        const snapshotId = name === 'sluice.cuts' ? record.snapshotId : record.heads.get(name)
        const metadata = heads.get(name)?.metadata
        if (snapshotId === undefined || metadata === undefined) return false
        return findSnapshot(metadata, snapshotId) === undefined
      })
      .map(({ name }) => `${name} cannot be read at cut ${record.cutNumber}`),
  )
  return { count: history.length, unreadable }
}

export interface FileAccount {
  /** In the store, but no table and no record of the delete queue names them. */
  readonly forgotten: readonly string[]
  /** Named by a kept snapshot or a metadata log, but not in the store. */
  readonly missing: readonly string[]
}

/** Compares what the tables and the delete queue name with what is in the store. */
export async function accountFiles(lake: Lake): Promise<FileAccount> {
  const named = new Set<string>()
  for (const head of (await loadHeads(lake)).values()) {
    for (const location of await namedBy(lake, head)) named.add(location)
  }
  const { locations: queued } = await readQueued(lake)
  const stored = new Set(await listLocations(lake, `${lake.location}/warehouse/`))
  return {
    forgotten: [...stored].filter((location) => !named.has(location) && !queued.has(location)),
    missing: [...named].filter((location) => !stored.has(location)),
  }
}

async function namedBy(lake: Lake, head: LoadedTable): Promise<string[]> {
  const { metadata, metadataLocation } = head
  const manifests = new Map<string, readonly ManifestEntry[]>()
  for (const snapshot of metadata.snapshots) {
    for (const manifest of await readManifestList(lake, snapshot)) {
      const path = manifest.manifestPath
      if (manifests.has(path)) continue
      manifests.set(path, decodeManifest(await lake.fileIO.read(path), manifest))
    }
  }
  const entries = [...manifests.values()].flat().filter(isLive)
  return [
    metadataLocation,
    ...metadata['metadata-log'].map((entry) => entry['metadata-file']),
    ...metadata.snapshots.map((snapshot) => snapshot['manifest-list']),
    ...manifests.keys(),
    ...entries.map(({ file }) => file.filePath),
  ]
}

async function readLive(lake: Lake, { metadata }: LoadedTable) {
  const snapshot = currentSnapshot(metadata)
  const manifests = snapshot === undefined ? [] : await readManifestList(lake, snapshot)
  const entries: ManifestEntry[] = []
  for (const manifest of manifests) {
    entries.push(...decodeManifest(await lake.fileIO.read(manifest.manifestPath), manifest))
  }
  return { manifestCount: manifests.length, entries: entries.filter(isLive) }
}

async function readManifestList(lake: Lake, snapshot: Snapshot) {
  return decodeManifestList(await lake.fileIO.read(snapshot['manifest-list']))
}

function largestPartition(entries: readonly ManifestEntry[]): number {
  const counts = new Map<string, number>()
  for (const { file } of entries) {
    const key = partitionKey(file.specId, file.partition)
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  return Math.max(0, ...counts.values())
}

async function readQueued(lake: Lake) {
  const records = await listLocations(lake, `${lake.location}/_sluice/deletes/`)
  const locations = new Set<string>()
  for (const record of records) {
    const { groups } = decodeDeleteRecord(record, await lake.fileIO.read(record))
    for (const location of groups.flatMap((group) => group.locations)) locations.add(location)
  }
  return { recordCount: records.length, locations }
}

async function listLocations(lake: Lake, prefix: string): Promise<string[]> {
  const locations: string[] = []
  for await (const { location } of lake.fileIO.list(prefix)) locations.push(location)
  return locations
}

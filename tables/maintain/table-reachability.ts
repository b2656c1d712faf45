import type { LoadedTable } from '../catalog/catalog.ts'
import { isLive } from '../commit/compose-manifests.ts'
import {
  loadEntries,
  loadManifests,
  type ManifestReader,
  mapBounded,
} from '../commit/snapshot-manifests.ts'
import type { Manifest } from '../spec/manifest.ts'
import type { Snapshot } from '../spec/snapshot.ts'

/** Files that no snapshot names any more. */
export interface UnreachableFiles {
  /**
   * Manifest lists, manifests, data, delete and statistics files: a query on an old snapshot may
   * use them.
   */
  readonly content: readonly string[]
  /** Metadata files that fell out of the log: only a reader that is just opening uses them. */
  readonly metadata: readonly string[]
}

export interface TableReachability {
  /**
   * Takes over the table's state. Reads the manifests of snapshots that it does not know; those of
   * our own commits are in the cache. Answers what became unreachable since the last call.
   */
  sync(table: LoadedTable): Promise<UnreachableFiles>
  /** Whether a snapshot, its statistics, the metadata log or the catalog's pointer names it. */
  isReachable(location: string): boolean
  /** Every location that is named. */
  locations(): Iterable<string>
}

/**
 * Which files a table's kept snapshots name, counted: snapshots name manifests, manifests name
 * files. A commit costs as much as it changes, never as much as the table has.
 *
 *   snapshot ──► manifest (how many snapshots name it) ──► file (how many manifests name it live)
 */
export function createTableReachability(reader: ManifestReader): TableReachability {
  const lists = new Map<bigint, { listPath: string; manifestPaths: readonly string[] }>()
  const listPaths = new Set<string>()
  const counts = createFileCounts()
  let metadataPaths: ReadonlySet<string> = new Set()
  let statisticsPaths: ReadonlySet<string> = new Set()

  async function add(snapshot: Snapshot): Promise<void> {
    const named = await loadManifests(reader, snapshot)
    const unseen = named.filter((manifest) => !counts.has(manifest.manifestPath))
    const read = await Promise.all(unseen.map((manifest) => liveFilePaths(reader, manifest)))
    for (const [index, { manifestPath }] of unseen.entries()) {
      counts.learn(manifestPath, read[index] ?? [])
    }
    const manifestPaths = named.map((manifest) => manifest.manifestPath)
    for (const path of manifestPaths) counts.take(path)
    const listPath = snapshot['manifest-list']
    lists.set(snapshot['snapshot-id'], { listPath, manifestPaths })
    listPaths.add(listPath)
  }

  function drop(snapshotId: bigint): string[] {
    const list = lists.get(snapshotId)
    if (list === undefined) return []
    lists.delete(snapshotId)
    listPaths.delete(list.listPath)
    return [list.listPath, ...list.manifestPaths.flatMap((path) => counts.release(path))]
  }

  return {
    async sync(table) {
      const { metadata } = table
      const current = new Set(metadata.snapshots.map((snapshot) => snapshot['snapshot-id']))
      const added = metadata.snapshots.filter((snapshot) => !lists.has(snapshot['snapshot-id']))
      await mapBounded(added, add)
      const expired = [...lists.keys()].filter((snapshotId) => !current.has(snapshotId))
      const content = expired.flatMap(drop)
      const before = metadataPaths
      const statisticsBefore = statisticsPaths
      statisticsPaths = new Set(
        [...(metadata.statistics ?? []), ...(metadata['partition-statistics'] ?? [])].map(
          (file) => file['statistics-path'],
        ),
      )
      content.push(...[...statisticsBefore].filter((path) => !statisticsPaths.has(path)))
      metadataPaths = new Set([
        table.metadataLocation,
        ...metadata['metadata-log'].map((entry) => entry['metadata-file']),
      ])
      // Files elsewhere were taken over from somebody else; they are not ours to delete.
      const isInTable = (path: string) => path.startsWith(`${metadata.location}/`)
      return {
        content: content.filter(isInTable),
        metadata: [...before].filter((path) => !metadataPaths.has(path) && isInTable(path)),
      }
    },
    isReachable: (location) =>
      counts.has(location) ||
      listPaths.has(location) ||
      metadataPaths.has(location) ||
      statisticsPaths.has(location),
    locations: () => [...counts.paths(), ...listPaths, ...metadataPaths, ...statisticsPaths],
  }
}

async function liveFilePaths(
  reader: ManifestReader,
  manifest: Manifest,
): Promise<readonly string[]> {
  const entries = await loadEntries(reader, manifest)
  return entries.filter(isLive).map((entry) => entry.file.filePath)
}

/** Counts who names a manifest, and a file. */
function createFileCounts() {
  const manifests = new Map<string, { count: number; filePaths: readonly string[] }>()
  const files = new Map<string, number>()
  return {
    has: (path: string) => manifests.has(path) || files.has(path),
    paths: () => [...manifests.keys(), ...files.keys()],
    /** Several snapshots are read at once: what another one learned meanwhile is not counted. */
    learn(manifestPath: string, filePaths: readonly string[]): void {
      if (manifests.has(manifestPath)) return
      manifests.set(manifestPath, { count: 0, filePaths })
      for (const path of filePaths) files.set(path, (files.get(path) ?? 0) + 1)
    },
    take(manifestPath: string): void {
      const held = manifests.get(manifestPath)
      if (held !== undefined) held.count += 1
    },
    /** One snapshot less; answers the manifest and the files that nothing names any more. */
    release(manifestPath: string): string[] {
      const held = manifests.get(manifestPath)
      if (held === undefined) return []
      held.count -= 1
      if (held.count > 0) return []
      manifests.delete(manifestPath)
      const gone = [manifestPath]
      for (const path of held.filePaths) {
        const count = (files.get(path) ?? 1) - 1
        if (count > 0) files.set(path, count)
        else if (files.delete(path)) gone.push(path)
      }
      return gone
    },
  }
}

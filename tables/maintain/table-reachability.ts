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
  /** Manifest lists, manifests, data and delete files: a query on an old snapshot may use them. */
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
  /** Whether a snapshot, the metadata log or the catalog's pointer names the file. */
  isReachable(location: string): boolean
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
  const manifests = new Map<string, { count: number; filePaths: readonly string[] }>()
  const files = new Map<string, number>()
  let metadataPaths: ReadonlySet<string> = new Set()

  async function filePathsOf(manifest: Manifest): Promise<readonly string[]> {
    const entries = await loadEntries(reader, manifest)
    return entries.filter(isLive).map((entry) => entry.file.filePath)
  }

  async function add(snapshot: Snapshot): Promise<void> {
    const named = await loadManifests(reader, snapshot)
    const unseen = named.filter((manifest) => !manifests.has(manifest.manifestPath))
    const read = await Promise.all(unseen.map(filePathsOf))
    // Several snapshots are read at once: what another one added meanwhile is not added twice.
    for (const [index, manifest] of unseen.entries()) {
      if (manifests.has(manifest.manifestPath)) continue
      const filePaths = read[index] ?? []
      manifests.set(manifest.manifestPath, { count: 0, filePaths })
      for (const path of filePaths) files.set(path, (files.get(path) ?? 0) + 1)
    }
    for (const manifest of named) {
      const held = manifests.get(manifest.manifestPath)
      if (held !== undefined) held.count += 1
    }
    const listPath = snapshot['manifest-list']
    const manifestPaths = named.map((manifest) => manifest.manifestPath)
    lists.set(snapshot['snapshot-id'], { listPath, manifestPaths })
    listPaths.add(listPath)
  }

  function drop(snapshotId: bigint, gone: string[]): void {
    const list = lists.get(snapshotId)
    if (list === undefined) return
    lists.delete(snapshotId)
    listPaths.delete(list.listPath)
    gone.push(list.listPath)
    for (const path of list.manifestPaths) {
      const held = manifests.get(path)
      if (held === undefined) continue
      held.count -= 1
      if (held.count > 0) continue
      manifests.delete(path)
      gone.push(path)
      for (const filePath of held.filePaths) {
        const count = (files.get(filePath) ?? 1) - 1
        if (count > 0) files.set(filePath, count)
        else if (files.delete(filePath)) gone.push(filePath)
      }
    }
  }

  return {
    async sync(table) {
      const { metadata } = table
      const current = new Set(metadata.snapshots.map((snapshot) => snapshot['snapshot-id']))
      const added = metadata.snapshots.filter((snapshot) => !lists.has(snapshot['snapshot-id']))
      await mapBounded(added, add)
      const content: string[] = []
      for (const snapshotId of [...lists.keys()]) {
        if (!current.has(snapshotId)) drop(snapshotId, content)
      }
      const before = metadataPaths
      metadataPaths = new Set([
        table.metadataLocation,
        ...metadata['metadata-log'].map((entry) => entry['metadata-file']),
      ])
      const isInTable = (path: string) => path.startsWith(`${metadata.location}/`)
      return {
        content: content.filter((path) => isInTable(path) && !files.has(path)),
        metadata: [...before].filter((path) => !metadataPaths.has(path) && isInTable(path)),
      }
    },
    isReachable: (location) =>
      files.has(location) ||
      manifests.has(location) ||
      listPaths.has(location) ||
      metadataPaths.has(location),
  }
}

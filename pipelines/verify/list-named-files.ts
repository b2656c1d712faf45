import type { LoadedTable } from '../../tables/catalog/catalog.ts'
import { isLive } from '../../tables/commit/compose-manifests.ts'
import {
  loadEntries,
  loadManifests,
  mapBounded,
  type ManifestReader,
} from '../../tables/commit/snapshot-manifests.ts'
import { SluiceError } from '../../tables/errors.ts'
import type { ManifestEntry } from '../../tables/spec/manifest.ts'
import type { Snapshot } from '../../tables/spec/snapshot.ts'

/** A file that a table's metadata names. */
export interface NamedFile {
  readonly location: string
  readonly role: 'metadata' | 'manifest list' | 'manifest' | 'data' | 'deletes' | 'statistics'
  /** What whoever names it says of its size. */
  readonly sizeBytes?: number
  /** The snapshot that brought it in. */
  readonly snapshotId?: bigint
  /** Rows of it are read at the pinned cut, or it leads to such a file; else only time travel. */
  readonly isLive: boolean
}

/** A manifest list or a manifest that is there and cannot be read. */
export interface UnreadableFile {
  readonly file: NamedFile
  readonly error: SluiceError
}

export interface NamedFiles {
  /** By location. */
  readonly files: ReadonlyMap<string, NamedFile>
  readonly unreadable: readonly UnreadableFile[]
  /** Live entries of the pinned snapshot. */
  readonly liveEntries: readonly ManifestEntry[]
}

/**
 * Every file that a table names: of all kept snapshots, of the metadata log and of the statistics.
 * Goes on behind files that cannot be read. Each manifest is read once.
 */
export async function listNamedFiles(
  reader: ManifestReader,
  { metadata, metadataLocation }: LoadedTable,
  pinnedId: bigint | undefined,
): Promise<NamedFiles> {
  const files = new Map<string, NamedFile>()
  const unreadable: UnreadableFile[] = []
  const liveEntries: ManifestEntry[] = []
  const readManifests = new Set<string>()
  const add = (file: NamedFile): void => {
    if (files.get(file.location)?.isLive !== true) files.set(file.location, file)
  }

  async function addSnapshot(snapshot: Snapshot): Promise<void> {
    const isPinned = snapshot['snapshot-id'] === pinnedId
    const snapshotId = snapshot['snapshot-id']
    const list: NamedFile = {
      ...{ location: snapshot['manifest-list'], role: 'manifest list', snapshotId },
      isLive: isPinned,
    }
    add(list)
    const manifests = await orUnreadable(list, unreadable, () => loadManifests(reader, snapshot))
    const wanted = manifests.filter(
      ({ manifestPath }) => isPinned || !readManifests.has(manifestPath),
    )
    for (const { manifestPath } of wanted) readManifests.add(manifestPath)
    await mapBounded(wanted, async (manifest) => {
      const file: NamedFile = {
        ...{ location: manifest.manifestPath, role: 'manifest', isLive: isPinned },
        ...{ sizeBytes: manifest.manifestLength, snapshotId: manifest.addedSnapshotId },
      }
      add(file)
      const entries = await orUnreadable(file, unreadable, () => loadEntries(reader, manifest))
      for (const entry of entries.filter(isLive)) {
        add(contentFile(entry, isPinned))
        if (isPinned) liveEntries.push(entry)
      }
    })
  }

  add({ location: metadataLocation, role: 'metadata', isLive: true })
  for (const entry of metadata['metadata-log']) {
    add({ location: entry['metadata-file'], role: 'metadata', isLive: false })
  }
  for (const each of [
    ...(metadata.statistics ?? []),
    ...(metadata['partition-statistics'] ?? []),
  ]) {
    const sizeBytes = each['file-size-in-bytes']
    add({ location: each['statistics-path'], role: 'statistics', sizeBytes, isLive: false })
  }
  // The pinned one first: a manifest that it shares with older ones is told as live.
  const isPinned = (each: Snapshot) => each['snapshot-id'] === pinnedId
  const ordered = [...metadata.snapshots].sort((a, b) => Number(isPinned(b)) - Number(isPinned(a)))
  for (const snapshot of ordered) await addSnapshot(snapshot)
  return { files, unreadable, liveEntries }
}

function contentFile({ file, snapshotId }: ManifestEntry, isLiveFile: boolean): NamedFile {
  return {
    location: file.filePath,
    role: file.content === 'data' ? 'data' : 'deletes',
    sizeBytes: file.fileSizeBytes,
    ...(snapshotId === null ? {} : { snapshotId }),
    isLive: isLiveFile,
  }
}

async function orUnreadable<T>(
  file: NamedFile,
  unreadable: UnreadableFile[],
  read: () => Promise<readonly T[]>,
): Promise<readonly T[]> {
  try {
    return await read()
  } catch (error) {
    if (!(error instanceof SluiceError) || error.kind !== 'corrupt-data') throw error
    // Named by several snapshots, a manifest would be told as often.
    if (!unreadable.some((one) => one.file.location === file.location)) {
      unreadable.push({ file, error })
    }
    return []
  }
}

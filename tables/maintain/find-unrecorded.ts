import type { LoadedTable } from '../catalog/catalog.ts'
import { decodeMetadataBytes, namingFile } from '../catalog/decode-metadata-bytes.ts'
import { isLive } from '../commit/compose-manifests.ts'
import {
  loadEntries,
  loadManifests,
  type ManifestReader,
  mapBounded,
} from '../commit/snapshot-manifests.ts'
import { isErrorKind } from '../errors.ts'
import type { Snapshot } from '../spec/snapshot.ts'
import { parseTableMetadata } from '../spec/table-metadata-json.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'
import type { TableReachability, UnreachableFiles } from './table-reachability.ts'

/**
 * What became unreachable in the commits that the metadata log still holds. A process that died
 * between a commit and its record left these files behind: they are found again at start.
 * @param reachability in step with `table`
 */
export async function findUnrecorded(
  reader: ManifestReader,
  table: LoadedTable,
  reachability: TableReachability,
): Promise<UnreachableFiles> {
  const earlier = await loadEarlier(reader, table)
  const content = new Set<string>()
  const add = (path: string) => {
    const isInTable = path.startsWith(`${table.metadata.location}/`)
    if (isInTable && !reachability.isReachable(path)) content.add(path)
  }
  const current = new Set(table.metadata.snapshots.map((one) => one['snapshot-id']))
  const gone = new Map<bigint, Snapshot>()
  for (const metadata of earlier) {
    for (const snapshot of metadata.snapshots) {
      if (!current.has(snapshot['snapshot-id'])) gone.set(snapshot['snapshot-id'], snapshot)
    }
  }
  for (const snapshot of gone.values()) {
    add(snapshot['manifest-list'])
    const manifests = (await ifThere(loadManifests(reader, snapshot))) ?? []
    for (const manifest of manifests) {
      if (reachability.isReachable(manifest.manifestPath)) continue
      add(manifest.manifestPath)
      const entries = (await ifThere(loadEntries(reader, manifest))) ?? []
      for (const entry of entries) if (isLive(entry)) add(entry.file.filePath)
    }
  }
  const metadata = await trimmedFiles(reader, earlier, reachability)
  return { content: await existing(reader, [...content]), metadata }
}

/** The metadata files of the log, as far as they are still there. */
async function loadEarlier(
  reader: ManifestReader,
  { metadata }: LoadedTable,
): Promise<TableMetadata[]> {
  const read = async ({ 'metadata-file': path }: { readonly 'metadata-file': string }) => {
    const bytes = await ifThere(reader.fileIO.read(path))
    if (bytes === undefined) return undefined
    const text = await decodeMetadataBytes(path, bytes)
    return namingFile(path, () => parseTableMetadata(text))
  }
  const read4 = await mapBounded(metadata['metadata-log'], read, 4)
  return read4.filter((one) => one !== undefined)
}

/** Metadata files that the oldest one of the log still names and the newest does not. */
async function trimmedFiles(
  reader: ManifestReader,
  earlier: readonly TableMetadata[],
  reachability: TableReachability,
): Promise<string[]> {
  const named = new Set(
    earlier.flatMap((one) => one['metadata-log'].map((entry) => entry['metadata-file'])),
  )
  return existing(
    reader,
    [...named].filter((path) => !reachability.isReachable(path)),
  )
}

async function existing(reader: ManifestReader, paths: readonly string[]): Promise<string[]> {
  const found = await mapBounded(paths, async (path) => {
    const stat = await reader.fileIO.stat(path)
    return stat === undefined ? undefined : path
  })
  return found.filter((path) => path !== undefined)
}

/** Undefined where the file is gone: it was deleted already. */
async function ifThere<T>(read: Promise<T>): Promise<T | undefined> {
  try {
    return await read
  } catch (error) {
    if (isErrorKind(error, 'corrupt-data')) return undefined
    throw error
  }
}

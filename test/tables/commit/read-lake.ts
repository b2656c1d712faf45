import { isLive } from '../../../tables/commit/compose-manifests.ts'
import { currentSnapshot } from '../../../tables/spec/cut-history.ts'
import type { Manifest, ManifestEntry } from '../../../tables/spec/manifest.ts'
import type { TableIdentifier } from '../../../tables/spec/table-identifier.ts'
import { decodeManifest } from '../../../tables/write/manifest-file.ts'
import { decodeManifestList } from '../../../tables/write/manifest-list.ts'
import type { CommitLake } from './commit-lake.ts'

export interface ReadManifest {
  readonly manifest: Manifest
  readonly entries: readonly ManifestEntry[]
}

/** A table's manifests as a foreign reader finds them: from the store, past every cache. */
export async function readManifests(
  lake: CommitLake,
  table: TableIdentifier,
): Promise<ReadManifest[]> {
  const { metadata } = await lake.load(table)
  const snapshot = currentSnapshot(metadata)
  if (snapshot === undefined) return []
  const { fileIO } = lake.context
  const manifests = decodeManifestList(await fileIO.read(snapshot['manifest-list']))
  return Promise.all(
    manifests.map(async (manifest) => ({
      manifest,
      entries: decodeManifest(await fileIO.read(manifest.manifestPath), manifest),
    })),
  )
}

/** Live entries, from the store. */
export async function readLive(lake: CommitLake, table: TableIdentifier): Promise<ManifestEntry[]> {
  const manifests = await readManifests(lake, table)
  return manifests.flatMap(({ entries }) => entries.filter(isLive))
}

/** Names of the live files, without folders and ending, sorted. */
export async function liveNames(lake: CommitLake, table: TableIdentifier): Promise<string[]> {
  const live = await readLive(lake, table)
  return live.map(({ file }) => nameOf(file.filePath)).sort()
}

export function nameOf(filePath: string): string {
  return filePath.slice(filePath.lastIndexOf('/') + 1).replace('.parquet', '')
}

/** The summary of a table's current snapshot. */
export async function readSummary(
  lake: CommitLake,
  table: TableIdentifier,
): Promise<Readonly<Record<string, string>>> {
  return currentSnapshot((await lake.load(table)).metadata)?.summary ?? {}
}

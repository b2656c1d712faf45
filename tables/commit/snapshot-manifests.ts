import type { Manifest, ManifestEntry } from '../spec/manifest.ts'
import type { Snapshot } from '../spec/snapshot.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'
import type { FileIO } from '../file-io/file-io.ts'
import { decodeManifest } from '../write/manifest-file.ts'
import { decodeManifestList } from '../write/manifest-list.ts'
import { readManifestBytes } from '../write/reading-file.ts'
import { isLive, liveCountOf } from './compose-manifests.ts'
import {
  ancestors,
  currentSnapshot,
  isOwnSnapshot,
  TAIL_MANIFEST_KEY,
} from '../spec/cut-history.ts'
import { entriesKey, type ManifestCache } from '../scan/manifest-cache.ts'
import { contentKey } from '../spec/content-key.ts'

/** What reading manifests needs; a `CommitContext` is one. */
export interface ManifestReader {
  readonly fileIO: FileIO
  readonly manifestCache: ManifestCache
}

/** Manifests read at once: enough to hide a store's latency, few enough for its sockets. */
const READ_AT_ONCE = 16

/** A snapshot's manifests, from the cache where they are there. */
export async function loadManifests(
  reader: ManifestReader,
  snapshot: Snapshot,
): Promise<readonly Manifest[]> {
  const path = snapshot['manifest-list']
  const held = reader.manifestCache.getManifests(path)
  if (held !== undefined) return held
  const manifests = decodeManifestList(await reader.fileIO.read(path), path)
  reader.manifestCache.putManifests(path, manifests)
  return manifests
}

/** A manifest's entries with inheritance applied, from the cache where they are there. */
export async function loadEntries(
  reader: ManifestReader,
  manifest: Manifest,
): Promise<readonly ManifestEntry[]> {
  const key = entriesKey(manifest)
  const held = reader.manifestCache.getEntries(key)
  if (held !== undefined) return held
  const entries = decodeManifest(await readManifestBytes(reader.fileIO, manifest), manifest)
  reader.manifestCache.putEntries(key, entries)
  return entries
}

/** Runs `load` over the items, so many at once, in order. */
export async function mapBounded<T, R>(
  items: readonly T[],
  load: (item: T) => Promise<R>,
  atOnce: number = READ_AT_ONCE,
): Promise<R[]> {
  const results: R[] = []
  for (let from = 0; from < items.length; from += atOnce) {
    results.push(...(await Promise.all(items.slice(from, from + atOnce).map(load))))
  }
  return results
}

/** All live entries of the current snapshot. */
export async function loadLiveEntries(
  reader: ManifestReader,
  metadata: TableMetadata,
): Promise<ManifestEntry[]> {
  const snapshot = currentSnapshot(metadata)
  if (snapshot === undefined) return []
  const manifests = await loadManifests(reader, snapshot)
  const loaded = await mapBounded(manifests, (manifest) => loadEntries(reader, manifest))
  return loaded.flatMap((entries) => entries.filter(isLive))
}

/** The manifest of the tail, where the current snapshot still has it. */
export function tailManifestOf(
  metadata: TableMetadata,
  manifests: readonly Manifest[],
): string | undefined {
  for (const snapshot of ancestors(metadata)) {
    // Foreign commits keep manifests that they do not touch, but not our summary keys.
    if (!isOwnSnapshot(snapshot)) continue
    const path = snapshot.summary[TAIL_MANIFEST_KEY]
    return manifests.some((manifest) => manifest.manifestPath === path) ? path : undefined
  }
  return undefined
}

/** The tail's data files by path; never compacted. */
export async function loadTailPaths(
  reader: ManifestReader,
  metadata: TableMetadata,
): Promise<ReadonlySet<string>> {
  const snapshot = currentSnapshot(metadata)
  if (snapshot === undefined) return new Set()
  const manifests = await loadManifests(reader, snapshot)
  const path = tailManifestOf(metadata, manifests)
  const tail = manifests.find((manifest) => manifest.manifestPath === path)
  if (tail === undefined) return new Set()
  const entries = await loadEntries(reader, tail)
  return new Set(entries.filter(isLive).map((entry) => entry.file.filePath))
}

/** Where files are live, by `contentKey`. */
export interface LocatedFiles {
  readonly entries: ReadonlyMap<string, ManifestEntry>
  /** Manifests that hold at least one of them. */
  readonly manifestPaths: ReadonlySet<string>
  readonly missing: readonly string[]
}

/**
 * Finds live files in a snapshot's manifests, newest manifests first: what a commit removes was
 * mostly written lately, so few manifests are read.
 */
export async function locateFiles(
  reader: ManifestReader,
  manifests: readonly Manifest[],
  keys: ReadonlySet<string>,
  tailManifestPath: string | undefined,
): Promise<LocatedFiles> {
  const entries = new Map<string, ManifestEntry>()
  const manifestPaths = new Set<string>()
  const rank = (manifest: Manifest) =>
    manifest.manifestPath === tailManifestPath ? Infinity : manifest.sequenceNumber
  const newestFirst = manifests
    .filter((manifest) => liveCountOf(manifest) > 0)
    .sort((a, b) => (rank(a) < rank(b) ? 1 : -1))
  for (let from = 0; from < newestFirst.length; from += READ_AT_ONCE) {
    if (entries.size === keys.size) break
    const part = newestFirst.slice(from, from + READ_AT_ONCE)
    await Promise.all(
      part.map(async (manifest) => {
        for (const entry of await loadEntries(reader, manifest)) {
          const key = contentKey(entry.file)
          if (!isLive(entry) || !keys.has(key)) continue
          entries.set(key, entry)
          manifestPaths.add(manifest.manifestPath)
        }
      }),
    )
  }
  return { entries, manifestPaths, missing: [...keys].filter((key) => !entries.has(key)) }
}

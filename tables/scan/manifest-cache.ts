import type { Manifest, ManifestEntry } from '../spec/manifest.ts'
import { createEntryCompactor } from './compact-entries.ts'

/**
 * Manifests and manifest lists that this process wrote or read, by location. Both are immutable
 * and their names are never used twice, so an entry can only be dropped, never be stale, and the
 * snapshots of a table share what they have in common.
 * Entries are held with inheritance applied: their snapshot id and sequence numbers are not null.
 */
export interface ManifestCache {
  /** By `entriesKey`. */
  getEntries(key: string): readonly ManifestEntry[] | undefined
  putEntries(key: string, entries: readonly ManifestEntry[]): void
  getManifests(manifestListPath: string): readonly Manifest[] | undefined
  putManifests(manifestListPath: string, manifests: readonly Manifest[]): void
  /** What all that is held weighs, by estimate. */
  readonly sizeBytes: number
}

/**
 * The key of a manifest's entries. A manifest that was written before its table had row ids gets
 * its first one from the list that names it, so its entries may be held in two forms.
 */
export function entriesKey(manifest: Pick<Manifest, 'manifestPath' | 'firstRowId'>): string {
  const { manifestPath, firstRowId } = manifest
  return firstRowId === undefined ? manifestPath : `${manifestPath}#${firstRowId}`
}

export interface ManifestCacheLimits {
  /** Of manifests and lists together. Default 64 MiB, which holds some 25,000 files. */
  readonly sizeBytesMax?: number
}

const SIZE_BYTES_MAX = 64 * 1024 * 1024

/** A cache that drops what was not used for longest. */
export function createManifestCache(limits: ManifestCacheLimits = {}): ManifestCache {
  const held = createBoundedMap(limits.sizeBytesMax ?? SIZE_BYTES_MAX)
  const compactor = createEntryCompactor()
  return {
    getEntries: (key) => held.get(`entries ${key}`)?.entries,
    putEntries: (key, value) => {
      const { entries, sizeBytes } = compactor.compact(value)
      held.put(`entries ${key}`, { entries, manifests: undefined, sizeBytes })
    },
    getManifests: (path) => held.get(`manifests ${path}`)?.manifests,
    putManifests: (path, manifests) => {
      const sizeBytes = manifests.reduce((sum, manifest) => sum + manifestBytes(manifest), 0)
      held.put(`manifests ${path}`, { entries: undefined, manifests, sizeBytes })
    },
    get sizeBytes() {
      return held.sizeBytes
    },
  }
}

/** A line of a manifest list with its numbers, as V8 holds them (measured). */
const MANIFEST_BYTES = 320
const SUMMARY_BYTES = 320

function manifestBytes({ manifestPath, partitions }: Manifest): number {
  return MANIFEST_BYTES + manifestPath.length + partitions.length * SUMMARY_BYTES
}

interface Held {
  readonly entries: readonly ManifestEntry[] | undefined
  readonly manifests: readonly Manifest[] | undefined
  readonly sizeBytes: number
}

interface BoundedMap {
  readonly sizeBytes: number
  get(key: string): Held | undefined
  put(key: string, value: Held): void
}

/** What a place in the map takes even where it holds an empty list. */
const PLACE_BYTES = 200

function createBoundedMap(sizeBytesMax: number): BoundedMap {
  const byKey = new Map<string, Held>()
  let sizeBytes = 0
  const weightOf = (key: string, value: Held): number => value.sizeBytes + key.length + PLACE_BYTES
  const drop = (key: string): void => {
    const held = byKey.get(key)
    if (held === undefined) return
    byKey.delete(key)
    sizeBytes -= weightOf(key, held)
  }
  return {
    get sizeBytes() {
      return sizeBytes
    },
    get(key) {
      const held = byKey.get(key)
      if (held === undefined) return undefined
      // A Map iterates in order of insertion: what is used goes to the end.
      byKey.delete(key)
      byKey.set(key, held)
      return held
    },
    put(key, value) {
      drop(key)
      // What can never fit does not throw all else out.
      if (weightOf(key, value) > sizeBytesMax) return
      byKey.set(key, value)
      sizeBytes += weightOf(key, value)
      for (const oldest of byKey.keys()) {
        if (sizeBytes <= sizeBytesMax) break
        drop(oldest)
      }
    },
  }
}

import type { Manifest, ManifestEntry } from '../spec/manifest.ts'

/**
 * Manifests and manifest lists that this process wrote or read, by location. Both are immutable
 * and their names are never used twice, so an entry can only be dropped, never be stale.
 * Entries are held with inheritance applied: their snapshot id and sequence numbers are not null.
 */
export interface ManifestCache {
  /** By `entriesKey`. */
  getEntries(key: string): readonly ManifestEntry[] | undefined
  putEntries(key: string, entries: readonly ManifestEntry[]): void
  getManifests(manifestListPath: string): readonly Manifest[] | undefined
  putManifests(manifestListPath: string, manifests: readonly Manifest[]): void
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
  /** Manifest entries over all manifests held; an entry with its bounds takes some kilobytes. */
  readonly entryCountMax?: number
  /** Manifest lines over all lists held. */
  readonly manifestCountMax?: number
}

/** A cache that drops what was not used for longest. */
export function createManifestCache(limits: ManifestCacheLimits = {}): ManifestCache {
  const entries = createBoundedMap<ManifestEntry>(limits.entryCountMax ?? 20_000)
  const manifests = createBoundedMap<Manifest>(limits.manifestCountMax ?? 20_000)
  return {
    getEntries: (path) => entries.get(path),
    putEntries: (path, value) => {
      entries.put(path, value)
    },
    getManifests: (path) => manifests.get(path),
    putManifests: (path, value) => {
      manifests.put(path, value)
    },
  }
}

interface BoundedMap<T> {
  get(key: string): readonly T[] | undefined
  put(key: string, value: readonly T[]): void
}

/** Bounded by the items of all lists together: one huge manifest weighs what it holds. */
function createBoundedMap<T>(itemCountMax: number): BoundedMap<T> {
  const byKey = new Map<string, readonly T[]>()
  let itemCount = 0
  // An empty list still takes a place, so that the number of keys is bounded too.
  const weightOf = (value: readonly T[]): number => value.length + 1
  const drop = (key: string): void => {
    const held = byKey.get(key)
    if (held === undefined) return
    byKey.delete(key)
    itemCount -= weightOf(held)
  }
  return {
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
      if (weightOf(value) > itemCountMax) return
      byKey.set(key, value)
      itemCount += weightOf(value)
      for (const oldest of byKey.keys()) {
        if (itemCount <= itemCountMax) break
        drop(oldest)
      }
    },
  }
}

import type { FileIO } from '../file-io/file-io.ts'
import type { Manifest, ManifestEntry } from '../spec/manifest.ts'
import type { Snapshot } from '../spec/snapshot.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'
import { specById } from '../write/current-layout.ts'
import { decodeManifest } from '../write/manifest-file.ts'
import { decodeManifestList } from '../write/manifest-list.ts'
import { readManifestBytes } from '../write/reading-file.ts'
import { entriesKey } from './manifest-cache.ts'
import type { ManifestCache } from './manifest-cache.ts'

/** Manifests read at once: enough to hide a store's latency, few enough for its sockets. */
const READ_AT_ONCE = 16

/** Reads manifests through the cache and counts what came from the store. */
export interface ManifestReader {
  readManifests(snapshot: Snapshot): Promise<readonly Manifest[]>
  /** Entries of every manifest, in the order of `manifests`, inheritance applied. */
  readEntries(manifests: readonly Manifest[]): Promise<readonly (readonly ManifestEntry[])[]>
  /** Bytes of manifest lists and manifests that were read from the store so far. */
  readonly bytesRead: number
}

export function createManifestReader(
  fileIO: FileIO,
  metadata: TableMetadata,
  cache: ManifestCache | undefined,
): ManifestReader {
  let bytesRead = 0
  const counted = (bytes: Uint8Array): Uint8Array => {
    bytesRead += bytes.byteLength
    return bytes
  }
  const readOne = async (manifest: Manifest): Promise<readonly ManifestEntry[]> => {
    const held = cache?.getEntries(entriesKey(manifest))
    if (held !== undefined) return held
    const entries = decodeManifest(
      counted(await readManifestBytes(fileIO, manifest)),
      manifest,
      specById(metadata, manifest.partitionSpecId),
    )
    cache?.putEntries(entriesKey(manifest), entries)
    // The form that the cache keeps takes less, and so does the plan that is made of it.
    return cache?.getEntries(entriesKey(manifest)) ?? entries
  }
  return {
    async readManifests(snapshot) {
      const path = snapshot['manifest-list']
      const held = cache?.getManifests(path)
      if (held !== undefined) return held
      const manifests = decodeManifestList(counted(await fileIO.read(path)), path)
      cache?.putManifests(path, manifests)
      return manifests
    },
    async readEntries(manifests) {
      const results: (readonly ManifestEntry[])[] = []
      for (let from = 0; from < manifests.length; from += READ_AT_ONCE) {
        results.push(
          ...(await Promise.all(manifests.slice(from, from + READ_AT_ONCE).map(readOne))),
        )
      }
      return results
    },
    get bytesRead() {
      return bytesRead
    },
  }
}

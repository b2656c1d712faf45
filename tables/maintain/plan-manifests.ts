import { isLive, liveCountOf } from '../commit/compose-manifests.ts'
import type { Manifest, ManifestEntry } from '../spec/manifest.ts'
import type { PartitionTuple, PartitionValue } from '../spec/partition-spec.ts'

/** When and how manifests are written anew. */
export interface ManifestRewriteRules {
  /** Size of a manifest, bytes (`commit.manifest.target-size-bytes` of the table). */
  readonly targetSizeBytes: number
  /** Whether manifests that are few enough already are put in order too. */
  readonly isForced?: boolean
}

/** 8 MiB, as the other engines have it. */
export const DEFAULT_MANIFEST_SIZE_BYTES = 8 * 1024 * 1024

/** Manifests of one content and spec that are written anew, as so many. */
export interface ManifestGroup {
  readonly content: 'data' | 'deletes'
  readonly specId: number
  readonly manifests: readonly Manifest[]
  readonly targetCount: number
}

/**
 * Which manifests of a snapshot are written anew: those of one content and partition spec, where
 * they are more than their entries need or name files that are gone. The tail's manifest keeps a
 * life of its own. Pure.
 */
export function planManifestGroups(
  manifests: readonly Manifest[],
  tailManifestPath: string | undefined,
  rules: ManifestRewriteRules,
): readonly ManifestGroup[] {
  const groups = new Map<string, Manifest[]>()
  for (const manifest of manifests) {
    if (manifest.manifestPath === tailManifestPath) continue
    const key = `${manifest.content} ${manifest.partitionSpecId}`
    const held = groups.get(key)
    if (held === undefined) groups.set(key, [manifest])
    else held.push(manifest)
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group
    if (first === undefined) return []
    const targetCount = countFor(group, rules.targetSizeBytes)
    const isDue =
      rules.isForced === true ||
      group.length > targetCount ||
      group.some((manifest) => manifest.deletedFilesCount > 0)
    if (!isDue) return []
    const { content, partitionSpecId: specId } = first
    return [{ content, specId, manifests: group, targetCount }]
  })
}

/** How many manifests the live entries fill; none where nothing is live. */
function countFor(manifests: readonly Manifest[], targetSizeBytes: number): number {
  let liveCount = 0
  let entryCount = 0
  let sizeBytes = 0
  for (const manifest of manifests) {
    liveCount += liveCountOf(manifest)
    entryCount += liveCountOf(manifest) + manifest.deletedFilesCount
    sizeBytes += manifest.manifestLength
  }
  if (liveCount === 0) return 0
  return Math.max(1, Math.ceil((sizeBytes * (liveCount / entryCount)) / targetSizeBytes))
}

/**
 * The live entries in even parts, files of a partition beside each other, so that a query for few
 * partitions reads few manifests. Every entry keeps the numbers of the commit that added it.
 */
export function clusterEntries(
  entries: readonly ManifestEntry[],
  partCount: number,
): readonly (readonly ManifestEntry[])[] {
  const live = entries
    .filter(isLive)
    .map((entry): ManifestEntry => ({ ...entry, status: 'existing' }))
  const sorted = live.sort(
    (a, b) =>
      compareTuples(a.file.partition, b.file.partition) ||
      compareValues(a.file.filePath, b.file.filePath),
  )
  const partSize = Math.ceil(sorted.length / Math.max(1, partCount))
  const parts: ManifestEntry[][] = []
  for (let from = 0; from < sorted.length; from += partSize) {
    parts.push(sorted.slice(from, from + partSize))
  }
  return parts
}

/** Tuples of one spec have the same members. */
function compareTuples(a: PartitionTuple, b: PartitionTuple): number {
  for (const name of Object.keys(a)) {
    const order = compareValues(a[name] ?? null, b[name] ?? null)
    if (order !== 0) return order
  }
  return 0
}

/** Null first; any order of one type serves, as long as equal values lie beside each other. */
function compareValues(a: PartitionValue, b: PartitionValue): number {
  if (a === b) return 0
  if (a === null) return -1
  if (b === null) return 1
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b)
  return a < b ? -1 : 1
}

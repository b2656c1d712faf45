import { contentKey } from '../spec/content-key.ts'
import type { ContentFile, Manifest, ManifestEntry } from '../spec/manifest.ts'

/**
 * Which manifests a new snapshot has, as plain data. Manifests are merged like the runs of a
 * log-structured tree: `fanIn` of one size class become one of the next, so that their number
 * grows with the logarithm of the files and each entry is rewritten only a few times.
 *
 *   tail         one manifest of its own, replaced whole: its old entries leave as `deleted`
 *   data         fresh and small ones, merged by size class
 *   deletes      the same, apart from data
 */
export interface ManifestSettings {
  /** So many manifests of one size class become one. */
  readonly fanIn: number
  /** Entries of a manifest at most; from half of it on a manifest is full and left alone. */
  readonly entryCountMax: number
  /** A manifest that loses files but keeps more than this is rewritten alone. */
  readonly aloneFrom: number
}

export const defaultManifestSettings: ManifestSettings = {
  fanIn: 8,
  entryCountMax: 2000,
  aloneFrom: 64,
}

/** A manifest to be written. */
export interface ManifestDraft {
  readonly content: 'data' | 'deletes'
  readonly specId: number
  readonly isTail: boolean
  /** Fresh entries have null sequence numbers, all others explicit ones. */
  readonly entries: readonly ManifestEntry[]
}

export interface ComposeRequest {
  readonly content: 'data' | 'deletes'
  readonly snapshotId: bigint
  /** All of the base's manifests of this content. */
  readonly manifests: readonly Manifest[]
  readonly tailManifestPath?: string
  readonly added: readonly ContentFile[]
  readonly tailPaths: ReadonlySet<string>
  /** Live files that go, by `contentKey`; `affectedPaths` names all manifests that hold one. */
  readonly removed: ReadonlySet<string>
  readonly affectedPaths: ReadonlySet<string>
}

/** Reads a manifest of the base. */
export type LoadEntries = (manifest: Manifest) => Promise<readonly ManifestEntry[]>

export interface ManifestComposition {
  /** Manifests of the base that stay as they are. */
  readonly kept: readonly Manifest[]
  readonly drafts: readonly ManifestDraft[]
}

/** Files of a manifest that are live. */
export function liveCountOf(manifest: Manifest): number {
  return manifest.addedFilesCount + manifest.existingFilesCount
}

/** True for entries that are part of the table. */
export function isLive(entry: ManifestEntry): boolean {
  return entry.status !== 'deleted'
}

/**
 * The manifests that a merge takes in beside the fresh entries, smallest class first.
 * @param candidates manifests of one content and spec that lose no file and are no tail
 * @param freshCount live entries that are written anyway
 */
export function chooseMerges(
  candidates: readonly Manifest[],
  freshCount: number,
  settings: ManifestSettings = defaultManifestSettings,
): Manifest[] {
  const classOf = (count: number) =>
    Math.floor(Math.log(Math.max(1, count)) / Math.log(settings.fanIn) + 1e-9)
  const open = candidates.filter((manifest) => liveCountOf(manifest) < settings.entryCountMax / 2)
  const chosen: Manifest[] = []
  let count = freshCount
  const classMax = classOf(settings.entryCountMax)
  for (let sizeClass = 0; sizeClass <= classMax; sizeClass++) {
    const peers = open.filter((manifest) => classOf(liveCountOf(manifest)) === sizeClass)
    const isOfClass = count > 0 && classOf(count) === sizeClass
    if (peers.length + (isOfClass ? 1 : 0) < settings.fanIn) continue
    chosen.push(...peers)
    for (const manifest of peers) count += liveCountOf(manifest)
  }
  return chosen
}

/** Builds the drafts; reads only the manifests that lose files or are merged, writes nothing. */
export async function composeManifests(
  request: ComposeRequest,
  load: LoadEntries,
  settings: ManifestSettings = defaultManifestSettings,
): Promise<ManifestComposition> {
  const { content, snapshotId, removed, tailPaths } = request
  const tailAdded = request.added.filter((file) => tailPaths.has(file.filePath))
  const isTail = (manifest: Manifest) => manifest.manifestPath === request.tailManifestPath
  const isRewritten = (manifest: Manifest) =>
    request.affectedPaths.has(manifest.manifestPath) || (isTail(manifest) && tailAdded.length > 0)
  const carry = async (manifest: Manifest) =>
    carriedEntries(await load(manifest), removed, snapshotId)

  const live = request.manifests.filter((manifest) => liveCountOf(manifest) > 0)
  const drafts: ManifestDraft[] = []
  const tailEntries = freshEntries(tailAdded, snapshotId)
  const pool = freshEntries(
    request.added.filter((file) => !tailPaths.has(file.filePath)),
    snapshotId,
  )
  for (const manifest of live.filter(isRewritten)) {
    const carried = await carry(manifest)
    if (isTail(manifest)) tailEntries.push(...carried)
    else if (carried.filter(isLive).length <= settings.aloneFrom) pool.push(...carried)
    else drafts.push(...draftsBySpec(content, false, carried, settings))
  }
  drafts.push(...draftsBySpec(content, true, tailEntries, settings))

  const kept = live.filter((manifest) => !isRewritten(manifest))
  const merged = new Set<Manifest>()
  for (const [specId, freshCount] of liveCountBySpec(pool)) {
    const candidates = kept.filter(
      (manifest) => !isTail(manifest) && manifest.partitionSpecId === specId,
    )
    for (const manifest of chooseMerges(candidates, freshCount, settings)) merged.add(manifest)
  }
  for (const manifest of merged) pool.push(...(await carry(manifest)))
  drafts.push(...draftsBySpec(content, false, pool, settings))
  return { kept: kept.filter((manifest) => !merged.has(manifest)), drafts }
}

function liveCountBySpec(entries: readonly ManifestEntry[]): Map<number, number> {
  const counts = new Map<number, number>()
  for (const entry of entries) {
    if (isLive(entry)) counts.set(entry.file.specId, (counts.get(entry.file.specId) ?? 0) + 1)
  }
  return counts
}

function freshEntries(files: readonly ContentFile[], snapshotId: bigint): ManifestEntry[] {
  return files.map((file) => ({
    status: 'added',
    snapshotId,
    sequenceNumber: null,
    fileSequenceNumber: null,
    file,
  }))
}

/** Entries as the new manifest has them: what left earlier is dropped, what leaves now is said. */
function carriedEntries(
  entries: readonly ManifestEntry[],
  removed: ReadonlySet<string>,
  snapshotId: bigint,
): ManifestEntry[] {
  return entries
    .filter(isLive)
    .map((entry) =>
      removed.has(contentKey(entry.file))
        ? { ...entry, status: 'deleted', snapshotId }
        : { ...entry, status: 'existing' },
    )
}

function draftsBySpec(
  content: 'data' | 'deletes',
  isTail: boolean,
  entries: readonly ManifestEntry[],
  settings: ManifestSettings,
): ManifestDraft[] {
  const bySpec = new Map<number, ManifestEntry[]>()
  for (const entry of entries) {
    const held = bySpec.get(entry.file.specId)
    if (held === undefined) bySpec.set(entry.file.specId, [entry])
    else held.push(entry)
  }
  return [...bySpec].flatMap(([specId, ofSpec]) =>
    splitEntries(ofSpec, settings.entryCountMax).map((part) => ({
      content,
      specId,
      isTail,
      entries: part,
    })),
  )
}

/** Even parts of at most `entryCountMax`, ordered by partition so that each part prunes well. */
function splitEntries(entries: ManifestEntry[], entryCountMax: number): ManifestEntry[][] {
  if (entries.length <= entryCountMax) return [entries]
  const keyed = entries.map((entry) => ({ entry, key: Object.values(entry.file.partition) }))
  keyed.sort((a, b) => compareTuples(a.key, b.key))
  const partSize = Math.ceil(entries.length / Math.ceil(entries.length / entryCountMax))
  const parts: ManifestEntry[][] = []
  for (let from = 0; from < keyed.length; from += partSize) {
    parts.push(keyed.slice(from, from + partSize).map(({ entry }) => entry))
  }
  return parts
}

function compareTuples(a: readonly unknown[], b: readonly unknown[]): number {
  for (const [index, left] of a.entries()) {
    const right = b[index]
    if (typeof left === 'number' && typeof right === 'number') {
      if (left !== right) return left - right
    } else if (String(left) !== String(right)) return String(left) < String(right) ? -1 : 1
  }
  return 0
}

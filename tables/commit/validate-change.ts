import type { LoadedTable } from '../catalog/catalog.ts'
import type { ContentFile, ManifestEntry } from '../spec/manifest.ts'
import type { Snapshot } from '../spec/snapshot.ts'
import { ancestors, currentSnapshot } from '../spec/cut-history.ts'
import {
  loadEntries,
  loadManifests,
  locateFiles,
  mapBounded,
  type ManifestReader,
  tailManifestOf,
} from './snapshot-manifests.ts'
import type { TableChange } from './table-change.ts'

/**
 * Whether a change still fits on a head that others may have moved since it was derived. Two
 * kinds of check, because requirements of the catalog only say THAT the head moved:
 *  - files: what the change removes or deletes from must still be live, and must not have lost
 *    rows to new delete files (a rewrite would bring them back);
 *  - content: what others added or removed must not touch what the change was derived from.
 */
export interface ChangeVerdict {
  readonly fits: boolean
  readonly missingPaths: readonly string[]
}

const FITS: ChangeVerdict = { fits: true, missingPaths: [] }

/** More commits than this since the base are not examined: the change is derived again. */
const FOREIGN_SNAPSHOT_COUNT_MAX = 64

/** @param baseId the head that the change was derived from; null: the table was empty. */
export async function validateChange(
  reader: ManifestReader,
  table: LoadedTable,
  change: TableChange,
  baseId: bigint | null,
): Promise<ChangeVerdict> {
  const head = currentSnapshot(table.metadata)
  const isMoved = (head?.['snapshot-id'] ?? null) !== baseId
  const missingPaths = await findMissing(reader, table, change, isMoved)
  if (missingPaths.length > 0) return { fits: false, missingPaths }
  if (!isMoved) return FITS
  const since = snapshotsSince(table, baseId)
  if (since === undefined) return { fits: false, missingPaths: [] }
  const entries = (await mapBounded(since, (snapshot) => entriesOf(reader, snapshot), 4)).flat()

  const rewritten = new Set(change.removePaths)
  // A data file has one deletion vector: a new one must hold what any other took out meanwhile.
  for (const file of change.addDeletes) {
    if (file.content === 'deletion-vector') rewritten.add(file.referencedDataFile)
  }
  const lost = deletedFrom(entries, rewritten)
  if (lost.length > 0) return { fits: false, missingPaths: lost }
  if (change.isTouchedByForeign === undefined) return FITS
  const contentIds = new Set(
    since
      .filter((snapshot) => snapshot.summary.operation !== 'replace')
      .map((snapshot) => snapshot['snapshot-id']),
  )
  const files = entries
    .filter((entry) => entry.snapshotId !== null && contentIds.has(entry.snapshotId))
    .map((entry) => entry.file)
  return files.length > 0 && change.isTouchedByForeign(files)
    ? { fits: false, missingPaths: [] }
    : FITS
}

/** Snapshots after the base, newest first; undefined where the head does not come from it. */
function snapshotsSince(table: LoadedTable, baseId: bigint | null): Snapshot[] | undefined {
  const since: Snapshot[] = []
  for (const snapshot of ancestors(table.metadata)) {
    if (snapshot['snapshot-id'] === baseId) return since
    since.push(snapshot)
    if (since.length > FOREIGN_SNAPSHOT_COUNT_MAX) return undefined
  }
  const oldest = since.at(-1)
  return baseId === null && oldest?.['parent-snapshot-id'] === undefined ? since : undefined
}

/** The entries that a snapshot itself added or removed. */
async function entriesOf(reader: ManifestReader, snapshot: Snapshot): Promise<ManifestEntry[]> {
  const snapshotId = snapshot['snapshot-id']
  const manifests = await loadManifests(reader, snapshot)
  const own = manifests.filter((manifest) => manifest.addedSnapshotId === snapshotId)
  const loaded = await mapBounded(own, (manifest) => loadEntries(reader, manifest))
  return loaded.flat().filter((entry) => entry.snapshotId === snapshotId)
}

async function findMissing(
  reader: ManifestReader,
  table: LoadedTable,
  change: TableChange,
  isMoved: boolean,
): Promise<readonly string[]> {
  const isBaseKnown = change.baseSnapshotId !== undefined
  const data = new Set(change.removePaths)
  if (isMoved || !isBaseKnown) for (const path of change.mustBeLive) data.add(path)
  const deletes = new Set(change.removeDeletePaths)
  if (data.size === 0 && deletes.size === 0) return []
  const head = currentSnapshot(table.metadata)
  if (head === undefined) return [...data, ...deletes]
  const manifests = await loadManifests(reader, head)
  const missing: string[] = []
  for (const [content, paths] of [
    ['data', data],
    ['deletes', deletes],
  ] as const) {
    const located = await locateFiles(
      reader,
      manifests.filter((manifest) => manifest.content === content),
      paths,
      tailManifestOf(table.metadata, manifests),
    )
    missing.push(...located.missing)
  }
  return missing
}

/** Files that go whole, or get a new deletion vector, though others deleted rows meanwhile. */
function deletedFrom(
  entries: readonly ManifestEntry[],
  rewritten: ReadonlySet<string>,
): readonly string[] {
  if (rewritten.size === 0) return []
  const lost = new Set<string>()
  for (const { status, file } of entries) {
    if (status !== 'added' || file.content === 'data') continue
    const referenced = referencedFileOf(file)
    // A delete file that names no file may take rows from any.
    if (referenced === undefined) for (const path of rewritten) lost.add(path)
    else if (rewritten.has(referenced)) lost.add(referenced)
  }
  return [...lost]
}

/** The one data file that a delete file names, as it says itself or by its path bounds. */
export function referencedFileOf(file: ContentFile): string | undefined {
  if (file.content === 'deletion-vector') return file.referencedDataFile
  if (file.content !== 'position-deletes') return undefined
  if (file.referencedDataFile !== undefined) return file.referencedDataFile
  const lower = file.lowerBounds.get(DELETE_FILE_PATH_ID)
  const upper = file.upperBounds.get(DELETE_FILE_PATH_ID)
  if (lower === undefined || upper === undefined) return undefined
  const text = Buffer.from(lower).toString('utf8')
  return text === Buffer.from(upper).toString('utf8') ? text : undefined
}

/** Reserved field id of `file_path` in position delete files (spec: position delete files). */
const DELETE_FILE_PATH_ID = 2147483546

import type { LoadedTable, TableCommit } from '../catalog/catalog.ts'
import { SluiceError } from '../errors.ts'
import { contentKey } from '../spec/content-key.ts'
import { HEAD_TAG, TAIL_MANIFEST_KEY } from '../spec/cut-history.ts'
import type { ContentFile, DataFile } from '../spec/manifest.ts'
import { MAIN_BRANCH, type Snapshot } from '../spec/snapshot.ts'
import { tableKey } from '../spec/table-identifier.ts'
import type { CommitContext } from './commit-context.ts'
import { loadEntries, loadManifests, mapBounded } from './snapshot-manifests.ts'
import { headRequirements, snapshotUpdates, stageTable } from './stage-table.ts'
import type { TableChange } from './table-change.ts'
import { referencedFileOf, validateChange } from './validate-change.ts'

/** Whether foreign files make a change of a table wrong, as `TableChange` has it. */
export type TouchCheck = TableChange['isTouchedByForeign']

/** The snapshot that a commit adds; undefined where it moves refs alone. */
export function stagedSnapshotOf(commit: TableCommit): Snapshot | undefined {
  for (const update of commit.updates) {
    if (update.action === 'add-snapshot') return update.snapshot
  }
  return undefined
}

/** The head of `main` that a commit was staged on; null where the table had none. */
export function assertedHeadOf(commit: TableCommit): bigint | null {
  for (const requirement of commit.requirements) {
    if (requirement.type !== 'assert-ref-snapshot-id') continue
    if (requirement.ref === MAIN_BRANCH) return requirement['snapshot-id']
  }
  return null
}

/** True where a commit can be sent as it was staged: nothing moved since. */
export function fitsAsStaged({ metadata }: LoadedTable, commit: TableCommit): boolean {
  if ((metadata['current-snapshot-id'] ?? null) !== assertedHeadOf(commit)) return false
  const snapshot = stagedSnapshotOf(commit)
  if (snapshot === undefined || metadata['format-version'] === 1) return true
  // Numbers are given out once a table, also by commits to branches and by those taken back.
  const isNew = snapshot['sequence-number'] > metadata['last-sequence-number']
  return isNew && (snapshot['first-row-id'] ?? 0) >= (metadata['next-row-id'] ?? 0)
}

/**
 * The same change on a newer head, with the same snapshot id and token: what the cut's own rows
 * name stays true. The change is read back from the manifests that were staged for it. Expiry and
 * tags of older cuts are left to the next cut.
 * @throws SluiceError `commit-conflict` where it does not fit any more.
 */
export async function restageCommit(
  context: CommitContext,
  table: LoadedTable,
  commit: TableCommit,
  isTouched: TouchCheck,
): Promise<TableCommit> {
  const staged = stagedSnapshotOf(commit)
  if (staged === undefined) throw doesNotFit(table)
  const change = await recoverChange(context, table, staged, isTouched)
  const verdict = await validateChange(context, table, change, change.baseSnapshotId ?? null)
  if (!verdict.fits) throw doesNotFit(table, verdict.missingPaths[0])
  const { snapshot } = await stageTable(context, {
    table,
    change,
    snapshotId: staged['snapshot-id'],
    timestampMs: Math.max(staged['timestamp-ms'], table.metadata['last-updated-ms']),
    summary: ownKeys(staged),
  })
  const kept = commit.updates.filter((update) => {
    const isHeadTag = update.action === 'set-snapshot-ref' && update['ref-name'] === HEAD_TAG
    return isHeadTag || update.action === 'set-properties'
  })
  return {
    identifier: commit.identifier,
    requirements: headRequirements(table),
    updates: [...snapshotUpdates(snapshot), ...kept],
  }
}

/** What a staged snapshot does, by the manifests that were written for it. */
async function recoverChange(
  context: CommitContext,
  table: LoadedTable,
  snapshot: Snapshot,
  isTouched: TouchCheck,
): Promise<TableChange> {
  const snapshotId = snapshot['snapshot-id']
  const manifests = await loadManifests(context, snapshot)
  const own = manifests.filter((manifest) => manifest.addedSnapshotId === snapshotId)
  const loaded = await mapBounded(own, async (manifest) => {
    const entries = await loadEntries(context, manifest)
    const isTail = manifest.manifestPath === snapshot.summary[TAIL_MANIFEST_KEY]
    return entries
      .filter((entry) => entry.snapshotId === snapshotId)
      .map((entry) => ({ ...entry, isTail }))
  })
  const entries = loaded.flat()
  const added = entries.filter((entry) => entry.status === 'added')
  const removed = entries.filter((entry) => entry.status === 'deleted').map(({ file }) => file)
  const deletes = added.flatMap(({ file }) => (isOwnDelete(file) ? [file] : []))
  const tail = added.filter((entry) => entry.isTail && entry.file.content === 'data')
  const baseSnapshotId = snapshot['parent-snapshot-id']
  return {
    identifier: table.identifier,
    operation: snapshot.summary.operation,
    addDataFiles: added.flatMap(({ file }) => (isDataFile(file) ? [file] : [])),
    tailPaths: new Set(tail.map((entry) => entry.file.filePath)),
    addDeletes: deletes,
    removePaths: removed.filter(isDataFile).map((file) => file.filePath),
    removeDeletePaths: removed.filter((file) => !isDataFile(file)).map(contentKey),
    mustBeLive: deletes.flatMap((file) => referencedFileOf(file) ?? []),
    ...(baseSnapshotId === undefined ? {} : { baseSnapshotId }),
    ...(isTouched === undefined ? {} : { isTouchedByForeign: isTouched }),
  }
}

type OwnDelete = TableChange['addDeletes'][number]

function isDataFile(file: ContentFile): file is DataFile {
  return file.content === 'data'
}

function isOwnDelete(file: ContentFile): file is OwnDelete {
  return file.content === 'position-deletes' || file.content === 'deletion-vector'
}

/** Counts are made anew, and the manifest of the tail may be another one. */
function ownKeys(snapshot: Snapshot): Readonly<Record<string, string>> {
  const kept = Object.entries(snapshot.summary).filter(
    ([key]) => key.startsWith('sluice.') && key !== TAIL_MANIFEST_KEY,
  )
  return Object.fromEntries(kept)
}

function doesNotFit(table: LoadedTable, missing?: string): SluiceError {
  const reason =
    missing === undefined
      ? 'foreign commits touched what it was derived from'
      : `a file that it names was changed: ${missing}`
  return new SluiceError(
    'commit-conflict',
    `The decided change of ${tableKey(table.identifier)} does not fit on its head any more: ` +
      `${reason}. It was not made. Derive it again from the table's head.`,
    { isRetryable: true, context: { table: tableKey(table.identifier) } },
  )
}

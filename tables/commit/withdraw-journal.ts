import type { LoadedTable, TableCommit } from '../catalog/catalog.ts'
import { isErrorKind, SluiceError } from '../errors.ts'
import { ancestors, cutNumberOf, findByToken, findSnapshot, HEAD_TAG } from '../spec/cut-history.ts'
import { MAIN_BRANCH, type Snapshot } from '../spec/snapshot.ts'
import { tableKey } from '../spec/table-identifier.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'
import type { TableUpdate } from '../spec/table-update.ts'
import type { CommitContext } from './commit-context.ts'
import type { CutJournal } from './cut-journal.ts'
import { assertedHeadOf, stagedSnapshotOf } from './restage-commit.ts'
import { headRequirements } from './stage-table.ts'

const TRIES_MAX = 10

/**
 * Takes a decided cut back that cannot be finished: a foreign commit took away what one of its
 * tables builds on. Tables that have their part already go back to the snapshot before it, then
 * the journal goes. No reader by cuts ever saw the cut: the cuts table comes last.
 * @throws SluiceError `data-loss` where somebody committed on top of a part that must go: nothing
 * was taken back, and a person decides.
 */
export async function withdrawJournal(
  context: CommitContext,
  journal: CutJournal,
  location: string,
  cause: SluiceError,
): Promise<void> {
  for (const commit of journal.commits) await undoOf(context, journal, commit, cause)
  for (const commit of [...journal.commits].reverse()) {
    await takeBack(context, journal, commit, cause)
  }
  await context.fileIO.delete(location)
}

async function takeBack(
  context: CommitContext,
  journal: CutJournal,
  commit: TableCommit,
  cause: SluiceError,
): Promise<void> {
  let failure: unknown
  for (let tries = 1; tries <= TRIES_MAX; tries += 1) {
    try {
      const undo = await undoOf(context, journal, commit, cause)
      if (undo === undefined) return
      await context.catalog.commitTransaction([undo])
      return
    } catch (error) {
      const isPassing =
        isErrorKind(error, 'commit-conflict') || isErrorKind(error, 'commit-state-unknown')
      if (!isPassing) throw error
      failure = error
    }
  }
  throw new SluiceError(
    'commit-state-unknown',
    `Cut ${journal.cutNumber} cannot be finished, and ${tableKey(commit.identifier)} could not be ` +
      `taken back in ${TRIES_MAX} tries. Its journal is kept. Start again once the catalog answers.`,
    { cause: failure },
  )
}

/** The commit that takes a table's part back; undefined where the table does not have it. */
async function undoOf(
  context: CommitContext,
  journal: CutJournal,
  commit: TableCommit,
  cause: SluiceError,
): Promise<TableCommit | undefined> {
  const table = await context.catalog.loadTable(commit.identifier)
  if (table === undefined) return undefined
  const updates =
    stagedSnapshotOf(commit) === undefined
      ? restoredHead(table, commit, journal, cause)
      : removedSnapshot(table, journal, cause)
  if (updates === undefined) return undefined
  return { identifier: commit.identifier, requirements: headRequirements(table), updates }
}

function removedSnapshot(
  table: LoadedTable,
  journal: CutJournal,
  cause: SluiceError,
): readonly TableUpdate[] | undefined {
  const { metadata } = table
  const own = findByToken(metadata, journal.token)
  if (own === undefined) return undefined
  const snapshotId = own['snapshot-id']
  const parentId = own['parent-snapshot-id']
  const isParentGone = parentId !== undefined && findSnapshot(metadata, parentId) === undefined
  if (metadata['current-snapshot-id'] !== snapshotId || isParentGone) {
    throw stuck(table, journal, snapshotId, cause)
  }
  const remove: TableUpdate = { action: 'remove-snapshots', 'snapshot-ids': [snapshotId] }
  if (parentId === undefined) return [...removeRefs([MAIN_BRANCH, HEAD_TAG]), remove]
  // The tag stood at the last cut that touched the table.
  const [, ...older] = ancestors(metadata)
  const lastCut = older.find((snapshot) => cutNumberOf(snapshot) !== undefined)
  return [
    setRef(MAIN_BRANCH, 'branch', parentId),
    ...(lastCut === undefined
      ? removeRefs([HEAD_TAG])
      : [setRef(HEAD_TAG, 'tag', lastCut['snapshot-id'])]),
    remove,
  ]
}

/** For a commit that only moved `main`, or took it away: back to where it was, the tag with it. */
function restoredHead(
  table: LoadedTable,
  commit: TableCommit,
  journal: CutJournal,
  cause: SluiceError,
): readonly TableUpdate[] | undefined {
  const moved = commit.updates.find(
    (update) => 'ref-name' in update && update['ref-name'] === MAIN_BRANCH,
  )
  if (moved === undefined) return undefined
  const { metadata } = table
  const target = 'snapshot-id' in moved ? moved['snapshot-id'] : null
  const before = assertedHeadOf(commit)
  const place = placeOfHead(metadata, before, target)
  if (place === 'before') return undefined
  if (place === 'beyond') throw stuckBehind(table, journal, before, cause)
  if (before === null) return removeRefs([MAIN_BRANCH, HEAD_TAG])
  const main = setRef(MAIN_BRANCH, 'branch', before)
  const lastCut = ancestorsOf(metadata, before).find((one) => cutNumberOf(one) !== undefined)
  return lastCut === undefined
    ? [main, ...removeRefs([HEAD_TAG])]
    : [main, setRef(HEAD_TAG, 'tag', lastCut['snapshot-id'])]
}

/**
 * Where `main` is: still where it was, foreign commits on top or not; `moved` by us; or `beyond`,
 * which is moved by us with foreign commits on top.
 */
function placeOfHead(
  metadata: TableMetadata,
  before: bigint | null,
  target: bigint | null,
): 'before' | 'moved' | 'beyond' {
  const head = metadata['current-snapshot-id'] ?? null
  if (head === before) return 'before'
  if (head === target) return 'moved'
  // One of both comes from the other: the nearer one is what the foreign commits stand on.
  const base = ancestorsOf(metadata, head).find((one) => {
    return one['snapshot-id'] === before || one['snapshot-id'] === target
  })
  return (base?.['snapshot-id'] ?? null) === before ? 'before' : 'beyond'
}

function ancestorsOf(metadata: TableMetadata, snapshotId: bigint | null): Snapshot[] {
  if (snapshotId === null) return []
  const main = { type: 'branch', 'snapshot-id': snapshotId } as const
  return [...ancestors({ ...metadata, refs: { [MAIN_BRANCH]: main } })]
}

function setRef(name: string, type: 'branch' | 'tag', snapshotId: bigint): TableUpdate {
  return { action: 'set-snapshot-ref', 'ref-name': name, type, 'snapshot-id': snapshotId }
}

function removeRefs(names: readonly string[]): TableUpdate[] {
  return names.map((name) => ({ action: 'remove-snapshot-ref', 'ref-name': name }))
}

function stuck(
  table: LoadedTable,
  journal: CutJournal,
  snapshotId: bigint,
  cause: SluiceError,
): SluiceError {
  const name = tableKey(table.identifier)
  return new SluiceError(
    'data-loss',
    `Cut ${journal.cutNumber} is half made: ${name} holds its rows (snapshot ${snapshotId}) with ` +
      `foreign commits on top, and it cannot be finished: ${cause.message} Nothing was taken back. ` +
      `Set main of ${name} to the parent of that snapshot and commit the foreign rows again, then ` +
      'start again.',
    { cause, context: { table: name, cut: journal.cutNumber, snapshotId } },
  )
}

function stuckBehind(
  table: LoadedTable,
  journal: CutJournal,
  before: bigint | null,
  cause: SluiceError,
): SluiceError {
  const name = tableKey(table.identifier)
  const where = before === null ? 'no snapshot' : `snapshot ${before}`
  return new SluiceError(
    'data-loss',
    `Cut ${journal.cutNumber}, a rollback, is half made: ${name} was set back and has foreign ` +
      `commits since, and it cannot be finished: ${cause.message} Nothing was taken back. Set main ` +
      `of ${name} to ${where} and commit the foreign rows again, then start again.`,
    { cause, context: { table: name, cut: journal.cutNumber } },
  )
}

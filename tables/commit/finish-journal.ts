import type { LoadedTable, TableCommit } from '../catalog/catalog.ts'
import { isErrorKind, SluiceError } from '../errors.ts'
import { committedCut, findByToken } from '../spec/cut-history.ts'
import { MAIN_BRANCH } from '../spec/snapshot.ts'
import { tableKey } from '../spec/table-identifier.ts'
import type { CommitContext } from './commit-context.ts'
import { type CutJournal, findJournal } from './cut-journal.ts'
import { loadTables, tableOf } from './fence.ts'
import { fitsAsStaged, restageCommit, stagedSnapshotOf, type TouchCheck } from './restage-commit.ts'
import { withdrawJournal } from './withdraw-journal.ts'

export interface FinishRequest {
  readonly journal: CutJournal
  readonly location: string
  /** The commits were staged a moment ago, so they are sent before the tables are looked at. */
  readonly isFresh: boolean
  /** The caller's own checks of what foreign commits touched, by dotted table name. */
  readonly touchChecks?: ReadonlyMap<string, TouchCheck>
}

const TRIES_MAX = 10
const FIRST_WAIT_MS = 20
const WAIT_MS_MAX = 2_000

/**
 * Makes a decided cut visible, table by table, the cuts table last, and removes its journal.
 * Safe to call again after a crash at any point, and by two processes at once: a table that has
 * the token is done, and every commit asserts the head that it was made for.
 *
 *   token there? done ─► staged head still there? send ─► else stage again on the new head ─► send
 *                                                            └─ does not fit: take the cut back
 *
 * @throws SluiceError `commit-conflict` (the cut was taken back, nothing of it is visible, or
 * another writer settled it), `commit-state-unknown` (decided, not finished: call again),
 * `data-loss` (half of it is made and can be neither finished nor taken back).
 */
export async function finishJournal(
  context: CommitContext,
  request: FinishRequest,
): Promise<readonly LoadedTable[]> {
  const { journal, location } = request
  const tables: LoadedTable[] = []
  try {
    for (const commit of journal.commits) {
      tables.push(await finishTable(context, request, commit))
      await context.hooks?.tableCommitted?.()
    }
  } catch (error) {
    if (!isErrorKind(error, 'commit-conflict') || error.context['settled'] !== undefined)
      throw error
    await withdrawJournal(context, journal, location, error)
    throw error
  }
  // The cut is visible: a journal that stays is found and removed by the next start.
  await context.fileIO.delete(location).catch(() => undefined)
  return tables
}

async function finishTable(
  context: CommitContext,
  request: FinishRequest,
  commit: TableCommit,
): Promise<LoadedTable> {
  let next = request.isFresh ? commit : undefined
  let failure: unknown
  for (let tries = 1; tries <= TRIES_MAX; tries += 1) {
    if (tries > 1) await wait(context, tries)
    try {
      if (next === undefined) {
        const refitted = await refit(context, request, commit)
        if (refitted.done !== undefined) return refitted.done
        next = refitted.next
      }
      const [committed] = await context.catalog.commitTransaction([next])
      if (committed !== undefined) return committed
    } catch (error) {
      // What does not fit was found by looking at the table; a refusal only says to look.
      const isFinal = next === undefined && isErrorKind(error, 'commit-conflict')
      if (isErrorKind(error, 'invalid-input')) throw cannotFinish(request.journal, error.message)
      if (isFinal || !isPassing(error)) throw error
      failure = error
    }
    next = undefined
  }
  throw unfinished(request.journal, commit, failure)
}

interface Refitted {
  /** The table where there is nothing left to do. */
  readonly done?: LoadedTable
  readonly next: TableCommit
}

/** What is still to be sent, after a look at the table as it is now. */
async function refit(
  context: CommitContext,
  request: FinishRequest,
  commit: TableCommit,
): Promise<Refitted> {
  const { journal } = request
  const key = tableKey(commit.identifier)
  const table = await context.catalog.loadTable(commit.identifier)
  if (table === undefined) throw cannotFinish(journal, `the table ${key} is gone`)
  if (isDone(journal, commit, table)) return { done: table, next: commit }
  // Asked after the table was read: were the cut finished before, the table would have its token.
  await checkOpen(context, request)
  if (!isSameTable(table, commit)) throw cannotFinish(journal, `${key} is another table now`)
  if (fitsAsStaged(table, commit)) return { next: commit }
  // Tags and expiry alone: the next cut sees to them.
  if (isHousekeeping(commit)) return { done: table, next: commit }
  const staged = stagedSnapshotOf(commit)
  const isAppend = staged?.summary.operation === 'append'
  // A change that another process derived: any foreign row may be one that it did not see.
  const touched = isAppend ? undefined : () => true
  const check = request.touchChecks?.has(key) === true ? request.touchChecks.get(key) : touched
  return { next: await restageCommit(context, table, commit, check) }
}

function isDone(journal: CutJournal, commit: TableCommit, { metadata }: LoadedTable): boolean {
  if (stagedSnapshotOf(commit) !== undefined) {
    return findByToken(metadata, journal.token) !== undefined
  }
  return commit.updates.every((update) => {
    if (update.action === 'set-snapshot-ref') {
      return metadata.refs[update['ref-name']]?.['snapshot-id'] === update['snapshot-id']
    }
    return update.action !== 'remove-snapshot-ref' || !(update['ref-name'] in metadata.refs)
  })
}

/** A commit that neither adds a snapshot nor moves `main`. */
function isHousekeeping(commit: TableCommit): boolean {
  return !commit.updates.some((update) => {
    if (update.action === 'add-snapshot') return true
    return 'ref-name' in update && update['ref-name'] === MAIN_BRANCH
  })
}

/** Throws where the cut was finished, or taken back, by another process. */
async function checkOpen(
  context: CommitContext,
  { journal, location }: FinishRequest,
): Promise<void> {
  const tables = await loadTables(context, [journal.cutsTable])
  const last = committedCut(tableOf(tables, journal.cutsTable).metadata)
  const current = await findJournal(context, location)
  if ((last?.cutNumber ?? 0) === journal.previousCut && current?.token === journal.token) return
  throw new SluiceError(
    'commit-conflict',
    `Cut ${journal.cutNumber} was settled by another writer while it was being finished. Nothing ` +
      'more was committed. Start again: the lake tells where it stands.',
    { context: { settled: journal.cutNumber } },
  )
}

function isSameTable({ metadata }: LoadedTable, commit: TableCommit): boolean {
  return commit.requirements.every((requirement) => {
    if (requirement.type !== 'assert-table-uuid') return true
    return requirement.uuid.toLowerCase() === metadata['table-uuid'].toLowerCase()
  })
}

/** Errors after which the table is looked at again. */
function isPassing(error: unknown): boolean {
  return (
    isErrorKind(error, 'commit-conflict') ||
    isErrorKind(error, 'commit-state-unknown') ||
    isErrorKind(error, 'storage-unavailable')
  )
}

async function wait(context: CommitContext, tries: number): Promise<void> {
  const waitMs = Math.min(WAIT_MS_MAX, FIRST_WAIT_MS * 2 ** (tries - 2))
  const sleep = context.sleep ?? ((ms: number) => new Promise((done) => setTimeout(done, ms)))
  await sleep(waitMs)
}

function unfinished(journal: CutJournal, commit: TableCommit, cause: unknown): SluiceError {
  return new SluiceError(
    'commit-state-unknown',
    `Cut ${journal.cutNumber} is decided, but ${tableKey(commit.identifier)} did not take its part ` +
      `in ${TRIES_MAX} tries. No file was deleted. Start again once the catalog answers: the start ` +
      'finishes the cut.',
    { cause },
  )
}

function cannotFinish(journal: CutJournal, reason: string): SluiceError {
  return new SluiceError(
    'data-loss',
    `Cut ${journal.cutNumber} is decided and cannot be finished: ${reason}. Nothing more of it was ` +
      'committed. Bring the table back, and start again.',
  )
}

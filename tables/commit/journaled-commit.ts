import type { LoadedTable, TableCommit } from '../catalog/catalog.ts'
import { isErrorKind, SluiceError } from '../errors.ts'
import { committedCut } from '../spec/cut-history.ts'
import { type TableIdentifier, tableKey } from '../spec/table-identifier.ts'
import type { AttemptRequest } from './attempt-commit.ts'
import type { CommitContext } from './commit-context.ts'
import {
  type CutJournal,
  encodeJournal,
  findJournal,
  journalFolder,
  journalLocation,
} from './cut-journal.ts'
import { fencedOff, loadTables, tableOf } from './fence.ts'
import { finishJournal } from './finish-journal.ts'
import { stagedSnapshotOf, type TouchCheck } from './restage-commit.ts'
import type { TableChange } from './table-change.ts'

export interface JournaledCut {
  readonly cutsTable: TableIdentifier
  readonly previousCut: number
  readonly cutNumber: number
  readonly token: string
  /** The changes that the commits were staged for. */
  readonly changes: () => readonly TableChange[]
}

/**
 * How a cut is sent to a catalog that commits one table at a time: journal, then table by table.
 * @throws SluiceError `unsupported` where there is no place for a journal.
 */
export function journaledCommit(
  context: CommitContext,
  cut: JournaledCut,
): Pick<AttemptRequest<unknown>, 'send' | 'beforeRetry'> {
  const location = journalLocation(journalFolder(context), cut.cutNumber)
  const touchChecks = (): ReadonlyMap<string, TouchCheck> => {
    return new Map(
      cut.changes().map((change) => [tableKey(change.identifier), change.isTouchedByForeign]),
    )
  }
  return {
    send: async (commits) => {
      const { cutNumber, previousCut, token, cutsTable } = cut
      const ordered = inOrder(commits, cutsTable)
      const journal: CutJournal = { cutNumber, previousCut, token, cutsTable, commits: ordered }
      await decide(context, journal, location)
      await context.hooks?.journalWritten?.()
      await checkFence(context, journal, location)
      return finishJournal(context, {
        journal,
        location,
        isFresh: true,
        touchChecks: touchChecks(),
      })
    },
    // An earlier try of this very cut may be decided: it is finished before anything else.
    beforeRetry: async () => {
      const journal = await findJournal(context, location)
      if (journal?.token !== cut.token) return
      await finishJournal(context, {
        journal,
        location,
        isFresh: false,
        touchChecks: touchChecks(),
      })
    },
  }
}

/**
 * Changes that build on what a table holds come first: it is they that a foreign commit can make
 * wrong, and as long as no other table has its part nothing has to be taken back.
 */
function inOrder(commits: readonly TableCommit[], cutsTable: TableIdentifier): TableCommit[] {
  const rank = (commit: TableCommit): number => {
    if (tableKey(commit.identifier) === tableKey(cutsTable)) return 2
    return stagedSnapshotOf(commit)?.summary.operation === 'append' ? 1 : 0
  }
  return [...commits].sort((a, b) => rank(a) - rank(b))
}

/** Makes the journal. Where it returns, the cut is decided. */
async function decide(
  context: CommitContext,
  journal: CutJournal,
  location: string,
): Promise<void> {
  try {
    await context.fileIO.write(location, encodeJournal(journal), { ifAbsent: true })
  } catch (error) {
    const found = await findJournal(context, location).catch(() => undefined)
    // The answer was lost and the file is there: it is ours.
    if (found?.token === journal.token) return
    if (!isErrorKind(error, 'commit-conflict')) throw error
    throw new SluiceError(
      'commit-conflict',
      `Cut ${journal.cutNumber} was decided by another writer` +
        (found === undefined ? '' : `, with token ${found.token}`) +
        '. Nothing of this one was committed. Another writer owns the lake: stop this one, or ' +
        'start it again after the other ended.',
      { cause: error, context: { settled: journal.cutNumber } },
    )
  }
}

/**
 * The fence, asked once more behind the journal. A writer that slept since it staged finds the
 * place of its journal free again, after another's cut of that number was finished.
 */
async function checkFence(
  context: CommitContext,
  journal: CutJournal,
  location: string,
): Promise<void> {
  const tables = await loadTables(context, [journal.cutsTable])
  const last = committedCut(tableOf(tables, journal.cutsTable).metadata)
  if ((last?.cutNumber ?? 0) === journal.previousCut) return
  await context.fileIO.delete(location)
  throw fencedOff(`cut ${journal.cutNumber}`, journal.previousCut, last)
}

/** One table after the other, for commits that need not be visible together. */
export async function commitOneByOne(
  context: CommitContext,
  commits: readonly TableCommit[],
): Promise<readonly LoadedTable[]> {
  const tables: LoadedTable[] = []
  for (const commit of commits) {
    // A table that takes part by its head alone was looked at when the commit was staged.
    if (commit.updates.length === 0) continue
    tables.push(...(await context.catalog.commitTransaction([commit])))
    await context.hooks?.tableCommitted?.()
  }
  return tables
}

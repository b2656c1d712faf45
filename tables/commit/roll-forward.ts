import { isErrorKind, SluiceError } from '../errors.ts'
import { committedCut, findByToken } from '../spec/cut-history.ts'
import type { CommitContext } from './commit-context.ts'
import { type CutJournal, findJournal, listJournals } from './cut-journal.ts'
import { loadTables, tableOf } from './fence.ts'
import { finishJournal } from './finish-journal.ts'

/**
 * What became of a cut that an earlier writer had decided:
 * `finished` it is visible now, or was already; `withdrawn` it did not fit any more and was taken
 * back; `void` another writer's cut had its place before it was decided.
 */
export interface SettledCut {
  readonly cutNumber: number
  readonly token: string
  readonly outcome: 'finished' | 'withdrawn' | 'void'
}

/**
 * Settles the cuts that a crash left decided and not finished. To be called by a writer before it
 * reads where the lake stands; where nothing is left over it lists one folder. A lake whose catalog
 * is atomic has no journals.
 * @throws SluiceError `data-loss` where a cut can be neither finished nor taken back,
 * `commit-state-unknown` where the catalog does not answer, `corrupt-data` for a broken journal.
 */
export async function rollForward(context: CommitContext): Promise<readonly SettledCut[]> {
  const { journalFolder: folder } = context
  if (folder === undefined || context.catalog.capabilities.atomicMultiTable) return []
  const settled: SettledCut[] = []
  for (const location of await listJournals(context, folder)) {
    const journal = await findJournal(context, location)
    if (journal === undefined) continue
    const outcome = await settle(context, journal, location)
    settled.push({ cutNumber: journal.cutNumber, token: journal.token, outcome })
  }
  return settled
}

async function settle(
  context: CommitContext,
  journal: CutJournal,
  location: string,
): Promise<SettledCut['outcome']> {
  const tables = await loadTables(context, [journal.cutsTable])
  const { metadata } = tableOf(tables, journal.cutsTable)
  const last = committedCut(metadata)?.cutNumber ?? 0
  if (last >= journal.cutNumber) {
    await context.fileIO.delete(location)
    return findByToken(metadata, journal.token) === undefined ? 'void' : 'finished'
  }
  if (last !== journal.previousCut) throw misplaced(journal, location, last)
  try {
    await finishJournal(context, { journal, location, isFresh: false })
    return 'finished'
  } catch (error) {
    const isWithdrawn =
      isErrorKind(error, 'commit-conflict') && error.context['settled'] === undefined
    if (isWithdrawn) return 'withdrawn'
    throw error
  }
}

function misplaced(journal: CutJournal, location: string, last: number): SluiceError {
  return new SluiceError(
    'data-loss',
    `${location} decides cut ${journal.cutNumber} after cut ${journal.previousCut}, but the last ` +
      `cut of the lake is ${last}. Nothing was committed. The cuts table was rolled back, or the ` +
      'file belongs to another lake: put that right, then start again.',
    { context: { location, cut: journal.cutNumber } },
  )
}

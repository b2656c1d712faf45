import type { LoadedTable } from '../../tables/catalog/catalog.ts'
import { commitCut, type CommittedCut } from '../../tables/commit/commit-cut.ts'
import type { ManifestReader } from '../../tables/commit/snapshot-manifests.ts'
import type { TableChange } from '../../tables/commit/table-change.ts'
import type { HasModel } from '../../shared-transforms/lake-model.ts'
import { tableId, tableKey } from '../../tables/spec/table-identifier.ts'
import type { WriteContext } from '../../tables/write/write-context.ts'
import { writeDataFiles } from '../../tables/write/write-data-files.ts'
import type { PartProgress } from '../sources/source.ts'
import { commitContext } from './commit-context.ts'
import type { CutCounts } from './cut-receipt.ts'
import { CUT_ROWS_TABLE, fillCutRows } from './cut-rows.ts'
import type { GoldTable } from '../../shared-transforms/gold-tables.ts'
import { headOf, type LoopContext } from './loop-context.ts'
import { encodePositions, POSITIONS_PROPERTY, type LoopState } from './loop-state.ts'
import { withAddedColumns } from './own-columns.ts'
import { stepsText, type StepLayer } from './steps-text.ts'
import { writeRevisions } from './write-revisions.ts'

const CUTS = 'sluice.cuts'

/** One cut before it is committed: what changes, and what its receipt says. */
export interface CutPlan {
  /** What the mode of its rows in sluice.cuts is: `live`, `backfill`, … */
  readonly mode: string
  readonly after: LoopState
  /** Part states by `partKey` after the cut, finished files too. */
  readonly parts: LoopState['parts']
  /** The parts that moved; none where the cut only derives anew what is there. */
  readonly progress: readonly PartProgress[]
  readonly changes: readonly TableChange[]
  /** Gold tables whose sealed windows change: their `<state>_revised` has them. Absent: none. */
  readonly revised?: readonly GoldTable[]
  /** By `partKey`. */
  readonly counts: ReadonlyMap<string, CutCounts>
  readonly total: CutCounts
  /** Days that it derived anew, and which layers of them. */
  readonly derived?: DerivedDays
  readonly removed?: RemovedMessages
}

/** What left bronze for its age. */
export interface RemovedMessages {
  /** By `partKey`. */
  readonly counts: ReadonlyMap<string, number>
  /** The first UTC day of which bronze has all that ever came. */
  readonly wholeFromDay: string
}

/** Whole UTC days as these steps give them: `from` the first, `until` the one behind the last. */
export interface DerivedDays {
  readonly fromDay: string
  readonly untilDay: string
  readonly layers: readonly StepLayer[]
}

export interface CommittedPlan extends CommittedCut {
  /** Those of the plan, and versions of sealed windows beside them. */
  readonly changes: readonly TableChange[]
}

/**
 * Commits a plan on top of the context's state and heads: its cut is the next one, or nothing is
 * committed.
 * @throws SluiceError as `commitCut`.
 */
export async function commitPlan(context: LoopContext, plan: CutPlan): Promise<CommittedPlan> {
  const { options, session, state, heads } = context
  const { lake } = options
  const token = lake.ids.uuid()
  const committedUs = lake.clock.nowUs()
  const { mode, after, parts, progress, counts, total, derived, removed } = plan
  const { writer } = options
  const steps = stepsText(lake, derived?.layers)
  const rows = {
    ...{ before: state, after, committedUs, token, writer, mode, progress, counts, total, parts },
    ...{ steps, fromDay: derived?.fromDay, untilDay: derived?.untilDay ?? removed?.wholeFromDay },
    removed: removed?.counts,
  }
  const cutsMetadata = headOf(heads, CUTS).metadata
  const files = writeContext(context)
  const revisions = await writeRevisions(context, files, plan.revised ?? [], committedUs)
  const changes = [...plan.changes, ...revisions]
  const committed = await commitCut(commitContext(options), {
    cutsTable: tableId(CUTS),
    lakeTables: lake.model.tables.map(({ name }) => tableId(name)),
    previousCut: state.cutNumber,
    cutNumber: after.cutNumber,
    token,
    committedUs,
    changes,
    cutRows: async ({ snapshotIds }) => {
      await fillCutRows(session, rows, snapshotIds)
      const query = withAddedColumns(lake, CUTS, cutsMetadata, `SELECT * FROM ${CUT_ROWS_TABLE}`)
      return writeDataFiles(files, cutsMetadata, query, { isRepeated: !session.isLarge() })
    },
    cutsProperties: { [POSITIONS_PROPERTY]: encodePositions(after) },
    summary: { 'sluice.messages': String(total.messageCount), 'sluice.steps': steps },
  })
  return { ...committed, changes }
}

/** What the loop's file writers work with. */
export type LakeWriteContext = WriteContext & ManifestReader & HasModel

export function writeContext(context: LoopContext): LakeWriteContext {
  const { fileIO, ids, scratchDir, manifestCache, model } = context.options.lake
  return { session: context.session, fileIO, ids, scratchDir, manifestCache, model }
}

/** The heads after a cut: those that it committed, and the others as they were. */
export function headsAfter(
  context: LoopContext,
  committed: CommittedCut,
): ReadonlyMap<string, LoadedTable> {
  return new Map([...context.heads, ...committed.tables])
}

/** Rows that changes add, by the dotted name of their table. */
export function rowsByTable(changes: readonly TableChange[]): Record<string, number> {
  const rows: Record<string, number> = {}
  for (const change of changes) {
    const added = change.addDataFiles.reduce((sum, file) => sum + file.recordCount, 0)
    rows[tableKey(change.identifier)] = added
  }
  return rows
}

import { adoptTwinFiles } from '../../../tables/commit/adopt-twin-files.ts'
import type { CommittedCut } from '../../../tables/commit/commit-cut.ts'
import type { TableChange } from '../../../tables/commit/table-change.ts'
import { sqlName } from '../../../tables/engine/sql-text.ts'
import { isErrorKind, SluiceError } from '../../../tables/errors.ts'
import type { Kind } from '../../../shared-transforms/kind.ts'
import { advanceState, type AdvancedState } from '../../loop/advance-state.ts'
import { commitPlan } from '../../loop/commit-plan.ts'
import type { CutCounts } from '../../loop/cut-receipt.ts'
import { mergeGaps } from '../../loop/merge-gaps.ts'
import { isMadeOf } from '../../../shared-transforms/gold-tables.ts'
import type { NewRows } from '../../loop/gold-tail.ts'
import { headOf, planHead, planRelation, type LoopContext } from '../../loop/loop-context.ts'
import { setLoopTimes } from '../../loop/loop-times.ts'
import { mergeGold } from '../../loop/merge-gold.ts'
import { totalCounts } from '../../loop/observe-batch.ts'
import { restoreLoop } from '../../loop/restore-loop.ts'
import { columnsOf } from '../../loop/step-session.ts'
import { againstHead, plainChange, silverTable } from '../../loop/write-cut-files.ts'
import type { PartProgress } from '../../sources/source.ts'
import type { PartFacts } from './count-by-trino.ts'
import type { ScratchRun } from './scratch-run.ts'
import { statesName } from './transform-by-trino.ts'

/** What another engine has made of the messages of a cut. */
export interface DerivedCut {
  readonly run: ScratchRun
  /** Kinds with rows that were accepted or refused. */
  readonly kinds: readonly Kind[]
  /** Tables of the lake that have a twin. */
  readonly targets: readonly string[]
  readonly facts: PartFacts
  readonly progress: readonly PartProgress[]
  readonly ingestedUs: bigint
  /** The format leaves no number out between trades. */
  readonly isNumbered: boolean
}

export interface AdoptedCut {
  readonly committed: CommittedCut
  readonly after: AdvancedState['after']
  readonly changes: readonly TableChange[]
  readonly total: CutCounts
}

/** Tries at one cut when others keep committing to gold alone. */
const MAX_TRIES = 5

/**
 * Commits a cut of files that are there already: those of bronze and silver are adopted, gold is
 * merged by the loop's own rules from the states of its windows. Where others changed gold alone
 * meanwhile, it is merged again; all that was asked of the other engine still holds.
 * @throws SluiceError `commit-conflict` where anybody else moved the lake: nothing is committed.
 * Also as `adoptTwinFiles` and `commitCut`.
 */
export async function adoptCut(context: LoopContext, derived: DerivedCut): Promise<AdoptedCut> {
  const appends = await adoptedChanges(context, derived)
  const added = await readNewRows(context, derived)
  let current = context
  for (let tries = 1; ; tries++) {
    try {
      return await commitOnce(current, derived, appends, added)
    } catch (error) {
      const isForeign = isErrorKind(error, 'commit-conflict') && error.isRetryable
      if (!isForeign || tries === MAX_TRIES) throw error
      current = await restoreLoop(context.options, context.session)
      if (!hasSameGround(context, current, derived.kinds)) throw lostGround(error)
    }
  }
}

async function commitOnce(
  context: LoopContext,
  { progress, facts, ingestedUs, isNumbered }: DerivedCut,
  appends: readonly TableChange[],
  added: ReadonlyMap<Kind, NewRows>,
): Promise<AdoptedCut> {
  const advanced = await advanceByParts(context, progress, facts, ingestedUs)
  const numbered = isNumbered ? added.get('trade')?.rows : undefined
  const gaps = await mergeGaps(context, advanced.after, numbered)
  const gold = await mergeGold(context, advanced.after.watermarkUs, gaps.facts, (kind) =>
    added.get(kind),
  )
  const gapChanges = gaps.change === undefined ? [] : [gaps.change]
  const changes = [...appends, ...gapChanges, ...gold.changes]
  const total = totalCounts(facts.counts.values())
  const { counts } = facts
  const { mode } = context.options
  const committed = await commitPlan(context, {
    mode,
    progress,
    counts,
    total,
    changes,
    revised: gold.revised,
    ...advanced,
  })
  return { committed, after: advanced.after, changes: committed.changes, total }
}

/**
 * Positions and watermark as if each part had been a cut: a file that was read whole does not hold
 * the watermark for those behind it, however many of them are in one cut.
 */
async function advanceByParts(
  context: LoopContext,
  progress: readonly PartProgress[],
  { seen }: PartFacts,
  ingestedUs: bigint,
): Promise<AdvancedState> {
  const { session, state } = context
  let after = { ...state, ingestedUs }
  const parts = new Map(state.parts)
  for (const moved of progress) {
    const step = { progress: [moved], seen, ingestedUs }
    const advanced = await advanceState({ ...context, state: after }, step)
    after = advanced.after
    for (const [key, part] of advanced.parts) parts.set(key, part)
  }
  const cutNumber = state.cutNumber + 1
  const afterUs = after.watermarkUs
  await setLoopTimes(session, { cutNumber, beforeUs: state.watermarkUs, afterUs })
  return { after: { ...after, cutNumber }, parts }
}

async function adoptedChanges(
  { options, heads }: LoopContext,
  { run, targets }: DerivedCut,
): Promise<readonly TableChange[]> {
  const { fileIO, manifestCache } = options.lake
  const isCompared = new Set(options.lake.model.kinds.map(silverTable))
  const changes: TableChange[] = []
  for (const name of targets) {
    const original = headOf(heads, name)
    const twin = await run.load(run.twinName(name))
    const addDataFiles = await adoptTwinFiles({ fileIO, manifestCache }, original, twin)
    if (addDataFiles.length === 0) continue
    const change = plainChange(name, 'append', addDataFiles)
    changes.push(isCompared.has(name) ? againstHead(heads, change) : change)
  }
  return changes
}

/** The states into the engine; the rows are read where they lie, and only if they are needed. */
async function readNewRows(
  { options, session }: LoopContext,
  { run, kinds }: DerivedCut,
): Promise<ReadonlyMap<Kind, NewRows>> {
  const { lake } = options
  const relationOf = async (name: string) =>
    planRelation(lake, await planHead(lake, await run.load(name), []))
  const added = new Map<Kind, NewRows>()
  for (const kind of kinds) {
    const state = lake.model.goldTables.find((gold) => isMadeOf(gold, kind))?.state
    if (state === undefined) continue
    const states = `${state}_adopted_${kind}`
    const columns = (await columnsOf(session, `empty_${state}`)).map(sqlName).join(', ')
    await session.run(`CREATE OR REPLACE TABLE ${states} AS SELECT * FROM empty_${state}`)
    await session.run(
      `INSERT INTO ${states} BY NAME SELECT ${columns} ` +
        `FROM ${await relationOf(statesName(state, kind))}`,
    )
    added.set(kind, { kind, rows: await relationOf(run.twinName(silverTable(kind))), states })
  }
  return added
}

/** Whether all that the other engine read is still what the lake holds. */
function hasSameGround(before: LoopContext, now: LoopContext, kinds: readonly Kind[]): boolean {
  const headId = ({ heads }: LoopContext, table: string) =>
    headOf(heads, table).metadata['current-snapshot-id']
  return (
    before.state.cutNumber === now.state.cutNumber &&
    kinds.every((kind) => headId(before, silverTable(kind)) === headId(now, silverTable(kind)))
  )
}

function lostGround(cause: SluiceError): SluiceError {
  return new SluiceError(
    'commit-conflict',
    `Somebody else changed silver, or committed a cut, while Trino derived this one from what the ` +
      `lake held before. Nothing of it was committed. Start again. (${cause.message})`,
    { cause },
  )
}

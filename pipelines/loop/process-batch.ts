import type { LoadedTable } from '../../tables/catalog/catalog.ts'
import { tableKey } from '../../tables/spec/table-identifier.ts'
import type { Kind } from '../../shared-transforms/kind.ts'
import type { MicroBatch } from '../sources/source.ts'
import { advanceState } from './advance-state.ts'
import { commitPlan, headsAfter, rowsByTable, writeContext, type CutPlan } from './commit-plan.ts'
import { silverLookup } from './committed-rows.ts'
import { readCutFigures } from './cut-figures.ts'
import type { CutReceipt } from './cut-receipt.ts'
import { hasMoved } from './cut-rows.ts'
import { decideDuplicates, verdictTable } from './decide-duplicates.ts'
import { rememberAccepted, type DedupeMemory } from './dedupe-memory.ts'
import { deriveBatch, mayHaveIds, type BatchKinds } from './derive-batch.ts'
import { frameBatch } from './frame-batch.ts'
import { leaveOut } from './leave-out.ts'
import { adoptGaps, areNumbered, mergeGaps, type GapChange } from './merge-gaps.ts'
import { adoptTail, type TailChange } from './gold-tail.ts'
import { loopDefaults, type LoopContext } from './loop-context.ts'
import { nextIngestedUs, type LoopState } from './loop-state.ts'
import { mergeGold } from './merge-gold.ts'
import { countReplacedRows } from './replaced-sources.ts'
import { countParts, observeParts, receivedQuantiles, totalCounts } from './observe-batch.ts'
import type { StepSession } from './step-session.ts'
import { tailFilesOf, writeAppends } from './write-cut-files.ts'

export interface ProcessedBatch {
  readonly context: LoopContext
  readonly receipt: CutReceipt
  /** The tables that took part in the cut. */
  readonly tables: readonly LoadedTable[]
  /** Files of attempts that did not land. */
  readonly abandonedPaths: readonly string[]
}

/** What a batch was derived into. */
interface DerivedBatch extends BatchKinds {
  /** The verdicts of each decoded kind, as a relation: see `decideDuplicates`. */
  readonly verdicts: ReadonlyMap<Kind, string>
  /** As of `CutReceipt`. */
  readonly uncountedCount: number
}

interface BatchPlan extends CutPlan {
  /** One for each tail of the context. */
  readonly tailChanges: readonly TailChange[]
  readonly gapChange: GapChange
  readonly present: DerivedBatch
}

/**
 * One micro-batch into one cut: derive, merge, write, commit. Answers with the context to go on
 * from; undefined where all of its messages are of days that are not taken: then nothing is
 * committed, and its progress goes on into the next batch's, unless it `isLast`. Where it throws,
 * nothing of the batch is committed (but `commit-state-unknown`, which a restart settles), and the
 * context must be restored before the next try.
 */
export async function processBatch(
  context: LoopContext,
  batch: MicroBatch,
  isLast = true,
): Promise<ProcessedBatch | undefined> {
  const { session, options } = context
  const { lake } = options
  const clockMs = () => Number(lake.clock.nowUs() / 1000n)
  const startedMs = clockMs()
  const { progress } = batch
  const ingestedUs = nextIngestedUs(context.state, lake.clock.nowUs())
  const present = await deriveRows(context, batch, ingestedUs)
  await options.hooks?.rowsDerived?.()
  if (!isLast && present.isLeftOut) return undefined
  const seen = await observeParts(session)
  const advanced = await advanceState(context, { progress, seen, ingestedUs })
  const counts = await countParts(session, (kind) => verdictsOf(present, kind))
  const total = totalCounts(counts.values())
  const derivedMs = clockMs()
  const quantiles = await receivedQuantiles(session)
  const files = await writeFiles(context, batch, advanced.after, { present, total })
  const plan = { mode: options.mode, progress, counts, total, present, ...advanced, ...files }
  const writtenMs = clockMs()
  const committed = await commitPlan(context, plan)
  const next = await goOn(context, plan, headsAfter(context, committed))
  const committedMs = clockMs()
  const figures = await readCutFigures(next, total, progress)
  const receipt: CutReceipt = {
    ...total,
    uncountedCount: present.uncountedCount,
    cutNumber: plan.after.cutNumber,
    committedUs: lake.clock.nowUs(),
    watermarkUs: plan.after.watermarkUs,
    rowsByTable: rowsByTable(committed.changes),
    receivedUsQuantiles: quantiles,
    figures,
    timings: {
      derive: derivedMs - startedMs,
      write: writtenMs - derivedMs,
      commit: committedMs - writtenMs,
      total: committedMs - startedMs,
    },
  }
  const { abandonedPaths } = committed
  return { context: next, receipt, tables: [...committed.tables.values()], abandonedPaths }
}

/**
 * From bytes to verdicts: typed rows, each accepted, a duplicate, or in conflict. Left out is a
 * batch of which no message is of the days that are taken.
 */
async function deriveRows(
  context: LoopContext,
  batch: MicroBatch,
  ingestedUs: bigint,
): Promise<DerivedBatch & { readonly isLeftOut: boolean }> {
  const { session, options } = context
  const framed = await frameBatch(session, batch, ingestedUs)
  const formatNames = new Set(batch.segments.map((segment) => segment.format))
  const present = await deriveBatch(session, [...formatNames], framed)
  const leftOutCount = options.takenRanges === undefined ? 0 : await leaveOut(session)
  const verdicts = new Map<Kind, string>()
  const lookup = silverLookup(context)
  const hasReplaced = context.replacedCount > 0
  let uncountedCount = 0
  for (const memory of context.memories) {
    const { kind } = memory
    if (!present.decoded.has(kind)) continue
    const facts = { hasIds: mayHaveIds(session, formatNames, kind), hasReplaced }
    const decided = await decideDuplicates(session, memory, lookup, facts)
    verdicts.set(kind, decided)
    if (hasReplaced) uncountedCount += await countReplacedRows(session, kind, decided)
  }
  const isLeftOut = options.takenRanges !== undefined && leftOutCount === batch.messageCount
  return { ...present, verdicts, uncountedCount, isLeftOut }
}

async function writeFiles(
  context: LoopContext,
  batch: MicroBatch,
  after: LoopState,
  { present, total }: Pick<BatchPlan, 'present' | 'total'>,
): Promise<Pick<BatchPlan, 'changes' | 'tailChanges' | 'revised' | 'gapChange'>> {
  const parts = batch.progress.filter(hasMoved).map(({ part }) => part)
  const acceptedOf = (kind: Kind) => acceptedRows(present, kind)
  const facts = { present, acceptedOf, counts: total, parts, isLarge: context.session.isLarge() }
  const appends = await writeAppends(writeContext(context), context.heads, facts)
  await dropMessages(context.session, present)
  const isNumbered =
    present.decoded.has('trade') &&
    areNumbered(
      context.session,
      batch.segments.map(({ format }) => format),
    )
  const gapChange = await mergeGaps(context, after, isNumbered ? acceptedOf('trade') : undefined)
  const gold = await mergeGold(context, after.watermarkUs, gapChange.facts, (kind) =>
    present.decoded.has(kind) ? { kind, rows: acceptedOf(kind) } : undefined,
  )
  const gapChanges = gapChange.change === undefined ? [] : [gapChange.change]
  return { ...gold, gapChange, changes: [...appends, ...gapChanges, ...gold.changes] }
}

/** Of a large batch, what gold has no use for: it would be held beside the windows. */
async function dropMessages(session: StepSession, { verdicts }: DerivedBatch): Promise<void> {
  if (!session.isLarge()) return
  await session.clear('routed', 'SELECT * FROM empty_routed')
  for (const [kind, relation] of verdicts) {
    // Else the decoded rows are the verdicts: see `decideDuplicates`.
    if (relation !== verdictTable(kind)) continue
    await session.clear(`decoded_${kind}`, `SELECT * FROM empty_decoded_${kind}`)
  }
}

function acceptedRows(derived: DerivedBatch, kind: Kind): string {
  return `(SELECT * FROM ${verdictsOf(derived, kind)} WHERE verdict = 'accepted')`
}

/** Of a kind that the batch does not hold, the empty table. */
function verdictsOf({ verdicts }: DerivedBatch, kind: Kind): string {
  return verdicts.get(kind) ?? verdictTable(kind)
}

/** Takes the committed cut as the ground for the next one. */
async function goOn(
  context: LoopContext,
  plan: BatchPlan,
  heads: ReadonlyMap<string, LoadedTable>,
): Promise<LoopContext> {
  const { session, options } = context
  const { watermarkUs } = plan.after
  const maxRows = options.dedupeMemoryRows ?? loopDefaults.dedupeMemoryRows
  const memories: DedupeMemory[] = []
  for (const memory of context.memories) {
    if (!plan.present.decoded.has(memory.kind)) {
      memories.push(memory)
      continue
    }
    const accepted = acceptedRows(plan.present, memory.kind)
    memories.push(await rememberAccepted(session, memory, accepted, watermarkUs, maxRows))
  }
  const tails = []
  for (const [index, tail] of context.tails.entries()) {
    const change = plan.tailChanges[index]
    const written = plan.changes.find(({ identifier }) => tableKey(identifier) === tail.gold.name)
    if (change === undefined) throw new RangeError(`${tail.gold.name} was left out of the cut`)
    const files = written === undefined ? tail.files : tailFilesOf(written)
    tails.push(await adoptTail(session, tail, change, files, watermarkUs))
  }
  const gaps = await adoptGaps(session, plan.gapChange)
  return { ...context, heads, state: plan.after, memories, tails, gaps }
}

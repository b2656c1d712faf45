import { isFencedOff } from '../../tables/commit/fence.ts'
import type { CommittedCut } from '../../tables/commit/commit-cut.ts'
import { rollForward } from '../../tables/commit/roll-forward.ts'
import type { Session } from '../../tables/engine/engine.ts'
import { isErrorKind } from '../../tables/errors.ts'
import { tableKey } from '../../tables/spec/table-identifier.ts'
import { findStaleDays } from '../lake/find-stale-days.ts'
import { commitContext } from '../loop/commit-context.ts'
import { createInstrumentsTable } from '../loop/instruments.ts'
import type { LoopContext, LoopOptions } from '../loop/loop-context.ts'
import { stepLayers } from '../loop/steps-text.ts'
import { restoreLoop } from '../loop/restore-loop.ts'
import { requireClosedDays } from './closed-days.ts'
import { commitChunk } from './commit-chunk.ts'
import { compareSilver } from './compare-silver.ts'
import { deriveOn, startDerivation, type Derivation } from './derive-range.ts'
import { judgeRange } from './judge-range.ts'
import { readInstruments } from './keep-instruments.ts'
import { planChunk, type ChunkPlan } from './plan-chunk.ts'
import { loopOptionsOf, modeOf, type ReplayOptions } from './replay-options.ts'
import { growForMoves } from './grow-for-moves.ts'
import { applyTakeOver } from './take-over-change.ts'
import type { ComparedSilver } from './held-silver.ts'
import { dayText, type DayRange } from '../lake/utc-days.ts'

/** Tries at one chunk while others commit: from the second on live is asked to wait. */
const MAX_TRIES = 10

export interface ReplayedChunk {
  /** May be longer than asked for, where rows moved between days. */
  readonly range: DayRange
  /** Messages of bronze that were read. */
  readonly messageCount: number
  /** The cut; undefined where nothing differed, and that was known of these steps. */
  readonly committed: CommittedCut | undefined
  /** Tables that changed. */
  readonly tables: readonly string[]
  /** Days of silver that were replaced, ascending. */
  readonly replacedDays: readonly bigint[]
  readonly tryCount: number
}

/** A range as it is to be, in the engine: derived and judged, or nothing where gold alone is. */
export interface DerivedRange {
  readonly context: LoopContext
  readonly derivation: Derivation
  /** Undefined where gold alone is derived. */
  readonly compared: ComparedSilver | undefined
}

/**
 * Derives one range and replaces it in one cut, or in none where nothing differs. What live takes
 * in or commits meanwhile makes the cut conflict: then that alone is derived on top, and tried
 * again.
 * @throws SluiceError `commit-conflict` after too many tries (nothing of the range was changed),
 * and as `deriveChunk` and `commitCut`.
 */
export async function replayChunk(
  options: ReplayOptions,
  session: Session,
  asked: DayRange,
  signal?: AbortSignal,
): Promise<ReplayedChunk> {
  let derived = await deriveChunk(options, session, asked, signal)
  const { range } = derived.derivation
  let giveBack: (() => Promise<void>) | undefined
  try {
    for (let tryCount = 1; ; tryCount++) {
      const { context, derivation, compared } = derived
      const plan = await planChunk(context, range, { compared, takeOver: options.takeOver })
      try {
        const committed = await commitDerived(options, context, plan, range)
        return { ...describe(derivation, plan), committed, tryCount }
      } catch (error) {
        if (!isLostRace(error) || tryCount === MAX_TRIES) throw error
      }
      giveBack ??= await options.takeTurn?.()
      derived = await deriveAgain(options, session, derived.derivation, signal)
    }
  } finally {
    await giveBack?.()
  }
}

/**
 * The cut of what differs. Where nothing does and it was not known of the range yet that these
 * steps give it, a cut that changes no table says so.
 */
async function commitDerived(
  { lake, layers }: ReplayOptions,
  context: LoopContext,
  plan: ChunkPlan,
  range: DayRange,
): Promise<CommittedCut | undefined> {
  const derived = layers === 'gold' ? (['gold'] as const) : stepLayers
  const { session, heads } = context
  if (plan.changes.length === 0) {
    const stale = await findStaleDays({ lake, session, heads, range, layers: derived })
    if (stale.length === 0) return undefined
  }
  const days = { fromDay: dayText(range.fromDay), untilDay: dayText(range.toDay) }
  return commitChunk(context, plan, { ...days, layers: derived })
}

/** What a range should hold, ready to be compared; grown where rows move between days. */
export async function deriveChunk(
  options: ReplayOptions,
  session: Session,
  asked: DayRange,
  signal?: AbortSignal,
): Promise<DerivedRange> {
  let range = asked
  for (;;) {
    const context = await restoreForRange(options, session, range)
    const empty = await startDerivation(context, range)
    if (options.layers === 'gold') return { context, derivation: empty, compared: undefined }
    await options.hooks?.batchFetched?.()
    const derivation = await deriveOn(context, empty, signal)
    await judgeRange(context, derivation)
    await options.hooks?.rowsDerived?.()
    const compared = await compareSilver(context, range)
    const grown = await growForMoves(context, range, compared, options.range)
    if (grown === undefined) return { context, derivation, compared }
    range = grown
  }
}

async function deriveAgain(
  options: ReplayOptions,
  session: Session,
  before: Derivation,
  signal?: AbortSignal,
): Promise<DerivedRange> {
  const context = await restoreForRange(options, session, before.range)
  if (options.layers === 'gold') return { context, derivation: before, compared: undefined }
  const derivation = await deriveOn(context, before, signal)
  if (derivation !== before) await judgeRange(context, derivation)
  const compared = await compareSilver(context, before.range)
  // A row that came meanwhile and moves: the same command again derives its days together.
  await growForMoves(context, before.range, compared, before.range)
  return { context, derivation, compared }
}

/** The lake as it stands, after what others had decided; its days must be closed. */
async function restoreForRange(
  options: ReplayOptions,
  session: Session,
  range: DayRange,
): Promise<LoopContext> {
  const loopOptions: LoopOptions = loopOptionsOf(options, modeOf(options))
  await rollForward(commitContext(loopOptions))
  const context = await restoreLoop(loopOptions, session)
  if (options.takesOpenDays !== true) requireClosedDays(range, context.state.watermarkUs)
  if (options.instruments === undefined && options.layers !== 'gold') {
    await createInstrumentsTable(context.session, await readInstruments(context, range))
  }
  if (options.takeOver === undefined) return context
  return { ...context, replacedCount: await applyTakeOver(session, options.takeOver, range) }
}

/** Another cut came first, or foreign rows where the change was derived from. */
function isLostRace(error: unknown): boolean {
  return isErrorKind(error, 'commit-conflict') && (error.isRetryable || isFencedOff(error))
}

function describe(
  { range, messageCount }: Derivation,
  { changes, replaced }: ChunkPlan,
): Omit<ReplayedChunk, 'committed' | 'tryCount'> {
  const days = new Set([...replaced.values()].flat())
  return {
    range,
    messageCount,
    tables: changes.map(({ identifier }) => tableKey(identifier)),
    replacedDays: [...days].sort((a, b) => Number(a - b)),
  }
}

import { isFencedOff } from '../../tables/commit/fence.ts'
import { rollForward } from '../../tables/commit/roll-forward.ts'
import { verifyHeads } from '../../tables/commit/verify-heads.ts'
import type { Session } from '../../tables/engine/engine.ts'
import { isErrorKind, SluiceError } from '../../tables/errors.ts'
import { CUTS_TABLE } from '../lake/lake-commit-context.ts'
import { commitContext } from '../loop/commit-context.ts'
import { commitPlan } from '../loop/commit-plan.ts'
import { NO_COUNTS } from '../loop/cut-rows.ts'
import { mergeGaps } from '../loop/merge-gaps.ts'
import type { LoopContext, LoopOptions } from '../loop/loop-context.ts'
import { nextIngestedUs } from '../loop/loop-state.ts'
import { setLoopTimes } from '../loop/loop-times.ts'
import { mergeGold } from '../loop/merge-gold.ts'
import { restoreLoop } from '../loop/restore-loop.ts'
import { isoTimeUs } from '../producers/iso-time.ts'
import { loopOptionsOf, type ReplayOptions } from './replay-options.ts'

export interface SealOptions extends Pick<
  ReplayOptions,
  'lake' | 'writer' | 'retention' | 'hooks' | 'sleep'
> {
  /** The new watermark, µs of event time. */
  readonly untilUs: bigint
}

export interface Sealed {
  readonly cutNumber: number
  /** The watermark before; undefined: there was none. */
  readonly beforeUs: bigint | undefined
  readonly watermarkUs: bigint
}

const MAX_TRIES = 10

/**
 * Moves the watermark of a stream that rests, in a cut of its own: windows behind it are sealed,
 * days behind it are closed. What still comes from before it is late, as always.
 * @throws SluiceError `invalid-input` where the time is not ahead of the watermark, or in the
 * future (everything that came then would be late); `commit-conflict` after too many tries.
 */
export async function sealUntil(options: SealOptions): Promise<Sealed> {
  const { lake, untilUs } = options
  const session = await lake.engine.connect()
  const loopOptions = loopOptionsOf(options, 'seal')
  try {
    for (let tryCount = 1; ; tryCount++) {
      const context = await restoreSealable(loopOptions, session, untilUs)
      const beforeUs = context.state.watermarkUs
      try {
        const cutNumber = await commitSeal(context, untilUs)
        return { cutNumber, beforeUs, watermarkUs: untilUs }
      } catch (error) {
        const isRace = isErrorKind(error, 'commit-conflict') && error.isRetryable
        if (!(isRace || isFencedOff(error)) || tryCount === MAX_TRIES) throw error
      }
    }
  } finally {
    session.close()
  }
}

async function restoreSealable(
  options: LoopOptions,
  session: Session,
  untilUs: bigint,
): Promise<LoopContext> {
  const commit = commitContext(options)
  await rollForward(commit)
  const context = await restoreLoop(options, session)
  await verifyHeads(commit, [...context.heads.values()], CUTS_TABLE)
  const { watermarkUs } = context.state
  if (watermarkUs !== undefined && untilUs <= watermarkUs) {
    throw refused(
      untilUs,
      `the watermark is ${isoTimeUs(watermarkUs)} already, and it never goes back. Give a later ` +
        'time, or none: all before it is sealed',
    )
  }
  const nowUs = options.lake.clock.nowUs()
  if (untilUs <= nowUs) return context
  throw refused(
    untilUs,
    `that is in the future, it is ${isoTimeUs(nowUs)} now: all that comes until then would be ` +
      'late. Give a time that is past',
  )
}

async function commitSeal(context: LoopContext, untilUs: bigint): Promise<number> {
  const { state, session, options } = context
  const cutNumber = state.cutNumber + 1
  await setLoopTimes(session, { cutNumber, beforeUs: state.watermarkUs, afterUs: untilUs })
  const after = {
    ...state,
    cutNumber,
    ingestedUs: nextIngestedUs(state, options.lake.clock.nowUs()),
    watermarkUs: untilUs,
  }
  const gaps = await mergeGaps(context, after, undefined)
  const { changes, revised } = await mergeGold(context, untilUs, gaps.facts, () => undefined)
  await commitPlan(context, {
    mode: 'seal',
    after,
    parts: state.parts,
    progress: [],
    changes: gaps.change === undefined ? changes : [gaps.change, ...changes],
    revised,
    counts: new Map(),
    total: NO_COUNTS,
  })
  return cutNumber
}

function refused(untilUs: bigint, why: string): SluiceError {
  return new SluiceError(
    'invalid-input',
    `The lake cannot be sealed until ${isoTimeUs(untilUs)}: ${why}. Nothing was changed.`,
  )
}

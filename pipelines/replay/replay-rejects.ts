import { rollForward } from '../../tables/commit/roll-forward.ts'
import type { Session } from '../../tables/engine/engine.ts'
import type { RejectFilter } from '../lake/read-rejects.ts'
import { commitContext } from '../loop/commit-context.ts'
import { restoreLoop } from '../loop/restore-loop.ts'
import { findMendable, type MendableRejects } from './find-mendable.ts'
import { isWhole, readRemoved } from './require-bronze.ts'
import { replay } from './replay.ts'
import type { ReplayedChunk } from './replay-chunk.ts'
import { loopOptionsOf, type ReplayOptions } from './replay-options.ts'
import { DAY_US, joinRanges, type DayRange } from '../lake/utc-days.ts'

export interface RejectsReplayOptions extends Omit<ReplayOptions, 'range' | 'layers'> {
  /** Which refusals are tried again. */
  readonly filter: RejectFilter
  /** Only what lies on these days. */
  readonly within?: DayRange | undefined
}

export interface RejectsPlan extends Pick<MendableRejects, 'reasons'> {
  /** Closed days that are derived again, each range in a cut. */
  readonly ranges: readonly DayRange[]
  /** Days that are still open: their refusals stay for now. */
  readonly openRanges: readonly DayRange[]
  /** Days whose messages left bronze for their age: their refusals stay. */
  readonly goneRanges: readonly DayRange[]
}

export interface ReplayedRejects extends RejectsPlan {
  readonly chunks: readonly ReplayedChunk[]
  /** Refusals of the filter that are left. */
  readonly leftCount: number
  readonly isComplete: boolean
}

/** Which refusals would reach silver now, and which days are derived again for them. */
export async function planRejects(options: RejectsReplayOptions): Promise<RejectsPlan> {
  const session = await options.lake.engine.connect()
  try {
    return await planIn(options, session)
  } finally {
    session.close()
  }
}

/**
 * Derives the days again on which refused messages decode now: of each such range of days silver,
 * gold, refusals and receipts change in one cut, as in a replay of it. So what else is refused on
 * these days and decodes now comes along. What still fails stays; a second run changes nothing.
 * @throws SluiceError as `replay`; ranges before it are committed.
 */
export async function replayRejects(
  options: RejectsReplayOptions,
  signal: AbortSignal,
  onChunk?: (chunk: ReplayedChunk) => void,
): Promise<ReplayedRejects> {
  const plan = await planRejects(options)
  const chunks: ReplayedChunk[] = []
  let isComplete = true
  for (const range of plan.ranges) {
    const done = await replay({ ...options, range, layers: 'silver,gold' }, signal, onChunk)
    chunks.push(...done.chunks)
    isComplete = done.isComplete
    if (!isComplete) break
  }
  const after = chunks.length === 0 ? plan : await planRejects(options)
  const leftCount = after.reasons.reduce((sum, { messageCount }) => sum + messageCount, 0)
  return { ...plan, chunks, leftCount, isComplete }
}

async function planIn(options: RejectsReplayOptions, session: Session): Promise<RejectsPlan> {
  const loopOptions = loopOptionsOf(options, 'replay')
  await rollForward(commitContext(loopOptions))
  const context = await restoreLoop(loopOptions, session)
  const release = options.lake.holdCopies()
  try {
    const { reasons, ranges, needsAnyDay } = await findMendable(context, options.filter)
    const closedDay = (context.state.watermarkUs ?? 0n) / DAY_US
    const { within } = options
    const wanted = ranges.filter((range) => within === undefined || isWithin(range, within))
    const removed = await readRemoved(context)
    const isHeld = (range: DayRange) => removed === undefined || isWhole(range, removed)
    const closed = wanted.filter((range) => range.toDay <= closedDay && isHeld(range))
    // Refusals without a day are judged again wherever days are derived.
    const lastDay = { fromDay: closedDay - 1n, toDay: closedDay }
    const isFree = within === undefined && needsAnyDay && closed.length === 0
    const takesLast = isFree && closedDay > 0n && isHeld(lastDay)
    return {
      reasons,
      ranges: takesLast ? [lastDay] : joinRanges(closed, 'touching'),
      goneRanges: joinRanges(
        wanted.filter((range) => !isHeld(range)),
        'touching',
      ),
      openRanges: joinRanges(
        wanted.filter(({ toDay }) => toDay > closedDay),
        'touching',
      ),
    }
  } finally {
    release()
  }
}

function isWithin(range: DayRange, within: DayRange): boolean {
  return range.fromDay >= within.fromDay && range.toDay <= within.toDay
}

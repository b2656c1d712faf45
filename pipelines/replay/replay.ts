import { rollForward } from '../../tables/commit/roll-forward.ts'
import { verifyHeads } from '../../tables/commit/verify-heads.ts'
import type { Session } from '../../tables/engine/engine.ts'
import { createLakeDeleteQueue } from '../lake/lake-delete-queue.ts'
import { CUTS_TABLE } from '../lake/lake-commit-context.ts'
import { commitContext } from '../loop/commit-context.ts'
import { restoreLoop } from '../loop/restore-loop.ts'
import { requireClosedDays } from './closed-days.ts'
import { planBronze } from './plan-bronze.ts'
import { requireWholeBronze } from './require-bronze.ts'
import { replayChunk, type ReplayedChunk } from './replay-chunk.ts'
import { loopOptionsOf, modeOf, type ReplayOptions } from './replay-options.ts'
import { daysOf, type DayRange } from '../lake/utc-days.ts'

/** Messages of bronze that one cut derives anew; they are in the engine all at once. */
const CHUNK_MESSAGES = 4_000_000

export interface ReplayResult {
  readonly chunks: readonly ReplayedChunk[]
  /** False where the signal came first: started again, it goes on from there. */
  readonly isComplete: boolean
}

/** How a range is cut up. */
export interface ReplayPlan {
  readonly chunks: readonly DayRange[]
  /** Messages of the files of bronze that will be read, at most. */
  readonly messageCount: number
}

/**
 * Derives whole days anew from bronze (or gold alone from silver) and replaces what differs, a cut
 * a chunk of days; nothing is committed where nothing differs. Stopped at any point and started
 * again it goes on: chunks that are right already are compared and left alone.
 * @throws SluiceError `invalid-input` for a day that is open or whose messages left bronze, `data-loss` where bronze no longer
 * holds the messages of silver's rows, `commit-conflict` where others kept winning. The chunks
 * before it are committed, nothing of the chunk in hand is.
 */
export async function replay(
  options: ReplayOptions,
  signal: AbortSignal,
  onChunk?: (chunk: ReplayedChunk) => void,
): Promise<ReplayResult> {
  const { lake } = options
  const session = await lake.engine.connect()
  // A stream beside it maintains the lake.
  const queue = createLakeDeleteQueue(lake, options.maxQueryDurationMs, true)
  const chunks: ReplayedChunk[] = []
  try {
    const plan = await planReplay(options, session)
    await queue.start()
    let doneTo = options.range.fromDay
    for (const chunk of plan.chunks) {
      if (signal.aborted) break
      // A chunk before it may have grown over it.
      if (chunk.toDay <= doneTo) continue
      const release = lake.holdCopies()
      try {
        const done = await replayChunk(options, session, chunk, signal)
        chunks.push(done)
        doneTo = done.range.toDay
        onChunk?.(done)
        if (done.committed !== undefined) {
          const { cutNumber, tables, abandonedPaths } = done.committed
          await queue.noteCommit({ cutNumber, tables: tables.values(), abandonedPaths })
        }
      } finally {
        release()
      }
    }
    await queue.flush()
  } catch (error) {
    if (!signal.aborted || error !== signal.reason) throw error
  } finally {
    session.close()
  }
  return { chunks, isComplete: !signal.aborted }
}

/** How the range would be cut up, without deriving anything. */
export async function planReplay(options: ReplayOptions, session: Session): Promise<ReplayPlan> {
  const loopOptions = loopOptionsOf(options, modeOf(options))
  const commit = commitContext(loopOptions)
  await rollForward(commit)
  const context = await restoreLoop(loopOptions, session)
  await verifyHeads(commit, [...context.heads.values()], CUTS_TABLE)
  if (options.takesOpenDays !== true) {
    requireClosedDays(options.range, context.state.watermarkUs)
  }
  if (options.layers !== 'gold') await requireWholeBronze(context, options.range)
  const plans = options.layers === 'gold' ? [] : await planBronze(context, options.range)
  const messageCount = plans
    .flatMap(({ tasks }) => tasks)
    .reduce((sum, { file }) => sum + file.recordCount, 0)
  return { chunks: chunksOf(options, messageCount), messageCount }
}

function chunksOf({ range, chunkDays }: ReplayOptions, messageCount: number): DayRange[] {
  const days = daysOf(range).length
  const fitting = Math.floor((CHUNK_MESSAGES * days) / Math.max(messageCount, 1))
  const size = BigInt(chunkDays ?? Math.min(Math.max(fitting, 1), days))
  const chunks: DayRange[] = []
  for (let { fromDay } = range; fromDay < range.toDay; fromDay += size) {
    const toDay = fromDay + size < range.toDay ? fromDay + size : range.toDay
    chunks.push({ fromDay, toDay })
  }
  return chunks
}

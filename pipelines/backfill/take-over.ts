import { isFencedOff } from '../../tables/commit/fence.ts'
import { rollForward } from '../../tables/commit/roll-forward.ts'
import { verifyHeads } from '../../tables/commit/verify-heads.ts'
import type { Session } from '../../tables/engine/engine.ts'
import { isErrorKind } from '../../tables/errors.ts'
import type { Lake } from '../lake/lake.ts'
import { takeCommitTurn } from '../lake/commit-turn.ts'
import { CUTS_TABLE } from '../lake/lake-commit-context.ts'
import { createLakeDeleteQueue } from '../lake/lake-delete-queue.ts'
import { commitContext } from '../loop/commit-context.ts'
import { commitPlan, type CommittedPlan } from '../loop/commit-plan.ts'
import { NO_COUNTS } from '../loop/cut-rows.ts'
import { loadHeads } from '../loop/loop-context.ts'
import { nextIngestedUs } from '../loop/loop-state.ts'
import { restingParts } from '../loop/resting-parts.ts'
import { restoreLoop } from '../loop/restore-loop.ts'
import { createStepSession } from '../loop/step-session.ts'
import { planReplay, replay } from '../replay/replay.ts'
import { loopOptionsOf, modeOf, type ReplayOptions } from '../replay/replay-options.ts'
import { writeTakeOver } from '../replay/take-over-change.ts'
import { dayText, type DayRange } from '../lake/utc-days.ts'
import type { BackfillOptions, BackfillResult } from './backfill.ts'
import { readHeldRanges } from './find-overlaps.ts'
import {
  ANNOUNCED,
  readTakenOver,
  TURNED,
  WITHDRAWN,
  type TakenOverDay,
} from './find-take-overs.ts'
import type { PlannedTakeOver } from './plan-take-over.ts'

/** Tries at the announcement while others commit: from the second on a stream is asked to wait. */
const MAX_TRIES = 10

/**
 * Says in a cut of its own which files of the input do not count yet on the days that they take
 * over: what the load brings of them stays out of silver until `turnTakeOver`, so that nobody sees
 * both sources, or a part of one. What an earlier run brought of them leaves silver until then, by
 * a replay of its days. No cut where there is nothing to say. False where `signal` came first:
 * nothing may be loaded then.
 * @throws SluiceError as `planReplay`, before anything is committed, where the days cannot be
 * derived again; and as `commitCut`.
 */
export async function announceTakeOver(
  options: BackfillOptions,
  { ranges, withdrawnRanges }: PlannedTakeOver,
  signal: AbortSignal,
): Promise<boolean> {
  if (ranges.length === 0) return true
  const { lake, maxQueryDurationMs } = options
  const session = await lake.engine.connect()
  const release = lake.holdCopies()
  const queue = createLakeDeleteQueue(lake, maxQueryDurationMs, true)
  try {
    for (const range of ranges) await planReplay(replayOptionsOf(options, range), session)
    const [count] = await session.rows<{ n: bigint }>(`SELECT count(*) AS n FROM ${ANNOUNCED}`)
    if ((count?.n ?? 0n) > 0n) {
      await queue.start()
      const { cutNumber, tables, abandonedPaths } = await commitAnnounced(options, session)
      await queue.noteCommit({ cutNumber, tables: tables.values(), abandonedPaths })
      await queue.flush()
    }
  } finally {
    release()
    session.close()
  }
  for (const range of withdrawnRanges) {
    if (signal.aborted) return false
    await replay({ ...replayOptionsOf(options, range), takeOver: WITHDRAWN }, signal)
  }
  return !signal.aborted
}

/**
 * Derives the days that the input takes over again, and with them turns round who counts on them:
 * one cut a run of days, as a replay of it. Answers with what was turned and the days of silver that
 * changed; where `signal` came first the rest is left to the next run.
 * @throws SluiceError as `replay`.
 */
export async function turnTakeOver(
  options: BackfillOptions,
  { ranges }: PlannedTakeOver,
  signal: AbortSignal,
): Promise<Pick<BackfillResult, 'takenOverDays' | 'takenOver'>> {
  const days = new Set<bigint>()
  const done: DayRange[] = []
  for (const range of ranges) {
    if (signal.aborted) break
    const { chunks } = await replay(replayOptionsOf(options, range), signal)
    for (const chunk of chunks) {
      done.push(chunk.range)
      for (const day of chunk.replacedDays) days.add(day)
    }
  }
  const takenOverDays = [...days].sort((a, b) => Number(a - b)).map(dayText)
  return { takenOverDays, takenOver: await readTurned(options.lake, done) }
}

async function readTurned(lake: Lake, done: readonly DayRange[]): Promise<readonly TakenOverDay[]> {
  if (done.length === 0) return []
  const connection = await lake.engine.connect()
  const release = lake.holdCopies()
  try {
    const session = createStepSession(connection, lake.model)
    await readHeldRanges(lake, session, await loadHeads(lake))
    return await readTakenOver(session, done)
  } finally {
    release()
    connection.close()
  }
}

async function commitAnnounced(options: BackfillOptions, session: Session): Promise<CommittedPlan> {
  const replayOptions = replayOptionsOf(options, { fromDay: 0n, toDay: 0n })
  const loopOptions = loopOptionsOf(replayOptions, modeOf(replayOptions))
  const commit = commitContext(loopOptions)
  let giveBack: (() => Promise<void>) | undefined
  try {
    for (let tryCount = 1; ; tryCount++) {
      await rollForward(commit)
      const context = await restoreLoop(loopOptions, session)
      await verifyHeads(commit, [...context.heads.values()], CUTS_TABLE)
      const { state } = context
      const after = {
        ...state,
        cutNumber: state.cutNumber + 1,
        ingestedUs: nextIngestedUs(state, options.lake.clock.nowUs()),
      }
      try {
        return await commitPlan(context, {
          ...{ mode: loopOptions.mode, after, counts: new Map(), total: NO_COUNTS },
          ...restingParts([]),
          changes: await writeTakeOver(context, ANNOUNCED, after.ingestedUs),
        })
      } catch (error) {
        const isRace = isErrorKind(error, 'commit-conflict') && error.isRetryable
        if (!(isRace || isFencedOff(error)) || tryCount === MAX_TRIES) throw error
      }
      giveBack ??= await replayOptions.takeTurn?.()
    }
  } finally {
    await giveBack?.()
  }
}

function replayOptionsOf(options: BackfillOptions, range: DayRange): ReplayOptions {
  const { lake, writer, instruments, retention, maxQueryDurationMs, hooks } = options
  const { directory, clock, ids } = lake
  return {
    ...{ lake, writer, range, layers: 'silver,gold', takeOver: TURNED },
    takesOpenDays: options.isBeside !== true,
    ...(instruments === undefined ? {} : { instruments }),
    ...(retention === undefined ? {} : { retention }),
    ...(maxQueryDurationMs === undefined ? {} : { maxQueryDurationMs }),
    ...(hooks === undefined ? {} : { hooks }),
    ...(directory === undefined
      ? {}
      : {
          takeTurn: () => takeCommitTurn({ by: 'range', directory, purpose: writer, clock, ids }),
        }),
  }
}

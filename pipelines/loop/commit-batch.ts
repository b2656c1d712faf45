import { isFencedOff } from '../../tables/commit/fence.ts'
import { rollForward } from '../../tables/commit/roll-forward.ts'
import { isErrorKind } from '../../tables/errors.ts'
import type { DeleteQueue } from '../../tables/maintain/delete-queue.ts'
import { awaitCommitTurn, takeCommitTurn } from '../lake/commit-turn.ts'
import type { MicroBatch } from '../sources/source.ts'
import { commitContext } from './commit-context.ts'
import type { LoopContext, LoopOptions } from './loop-context.ts'
import { hasLostItsPlace } from './lost-place.ts'
import { processBatch } from './process-batch.ts'
import { restoreLoop } from './restore-loop.ts'

/** Tries at one batch when foreign commits keep touching what it merges into. */
const MAX_TRIES = 5
/** A stream wins every race against what takes longer; it waits from the second try on. */
const MAX_TRIES_BESIDE = 10

/**
 * A batch as a cut; undefined as `processBatch`. After a foreign commit, or the cut of a writer
 * beside, the loop's state is read again and the batch is retried.
 */
export async function commitBatch(
  context: LoopContext,
  batch: MicroBatch,
  queue: DeleteQueue,
  isLast: boolean,
): Promise<LoopContext | undefined> {
  const { options, session } = context
  const maxTries = options.isBeside === true ? MAX_TRIES_BESIDE : MAX_TRIES
  const turns = createTurns(options)
  let current = context
  try {
    for (let tries = 1; ; tries++) {
      try {
        await turns.wait()
        const done = await processBatch(current, batch, isLast)
        if (done === undefined) return undefined
        const { cutNumber } = done.receipt
        options.onCut?.(done.receipt)
        await options.source.committed(batch)
        const { tables, abandonedPaths } = done
        await queue.noteCommit({ cutNumber, tables, abandonedPaths })
        return done.context
      } catch (error) {
        const isForeign = isErrorKind(error, 'commit-conflict') && error.isRetryable
        if (!(isForeign || isFencedOff(error)) || tries === maxTries) throw error
        await turns.take()
        // A writer beside this loop may have decided a cut that is not finished yet.
        await rollForward(commitContext(options))
        current = await restoreLoop(options, session)
        if (await hasLostItsPlace(current, batch)) throw error
      }
    }
  } finally {
    await turns.giveBack()
  }
}

/**
 * Whose the next cut is. Who lost a race asks for it, and the other writer waits: neither can be
 * starved by one that is quicker. One that loads ranges does not wait while the turn is its own.
 */
function createTurns({ lake, writer, isBeside }: LoopOptions) {
  const { directory, clock, ids } = lake
  const [own, other] =
    isBeside === true ? (['range', 'stream'] as const) : (['stream', 'range'] as const)
  let giveBack: (() => Promise<void>) | undefined
  return {
    wait: async () => {
      const isOurs = own === 'range' && giveBack !== undefined
      if (directory !== undefined && !isOurs) await awaitCommitTurn({ directory, clock, of: other })
    },
    take: async () => {
      if (directory === undefined) return
      // Like the locks it is courtesy: without it the cut may conflict once more.
      giveBack ??= await takeCommitTurn({ directory, purpose: writer, clock, ids, by: own }).catch(
        () => undefined,
      )
    },
    giveBack: async () => giveBack?.(),
  }
}

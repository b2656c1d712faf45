import { rollForward } from '../../tables/commit/roll-forward.ts'
import { verifyHeads } from '../../tables/commit/verify-heads.ts'
import type { DeleteQueue } from '../../tables/maintain/delete-queue.ts'
import { tableId } from '../../tables/spec/table-identifier.ts'
import { createLakeDeleteQueue } from '../lake/lake-delete-queue.ts'
import { foldProgress } from '../sources/fold-progress.ts'
import type { MicroBatch, PartProgress } from '../sources/source.ts'
import { acceptLosses } from './accept-losses.ts'
import { checkLastMessages } from './check-last-messages.ts'
import { hasMoved } from './cut-rows.ts'
import type { LoopContext, LoopOptions } from './loop-context.ts'
import { commitBatch } from './commit-batch.ts'
import { commitContext } from './commit-context.ts'
import { maintainLake } from './maintain-lake.ts'
import { restoreLoop } from './restore-loop.ts'

/**
 * THE loop: micro-batches from a source, each derived, merged and committed as one cut. Live,
 * demo and backfill are settings of it. While the engine works on a batch, the source reads the
 * next one.
 *
 * Resolves when the source ends, or when `signal` aborts: the cut in hand is finished first.
 * @throws SluiceError `commit-conflict` where another writer moved the lake (nothing of the batch
 * was committed), `data-loss` where the lake no longer holds what sluice.cuts promises, or the
 * source another log than the one that was read.
 */
export async function runMicroBatches(options: LoopOptions, signal: AbortSignal): Promise<void> {
  const { lake, source, limits } = options
  const session = await lake.engine.connect()
  const queue = createLakeDeleteQueue(lake, options.maxQueryDurationMs, options.isBeside)
  let next: Promise<MicroBatch | undefined> | undefined
  try {
    // Cuts that an earlier writer had decided come before all that is read of the lake.
    await rollForward(commitContext(options))
    let context = await restoreLoop(options, session)
    await verifyHeads(commitContext(options), [...context.heads.values()], tableId('sluice.cuts'))
    if (options.acceptsLoss === true) context = await acceptLosses(context)
    await queue.start()
    await source.open(new Map([...context.state.parts].map(([key, part]) => [key, part.endOffset])))
    await checkLastMessages(context)
    next = source.next(limits, signal)
    // Of batches of which nothing was taken: their cut is the one of the next batch.
    let carried: readonly PartProgress[] = []
    while (!signal.aborted) {
      const batch = await next
      if (batch === undefined) break
      next = source.next(limits, signal)
      // It is awaited above; until then a failure must not count as unhandled.
      next.catch(() => undefined)
      const progress = foldProgress(carried, batch.progress)
      if (progress.some(hasMoved)) {
        await options.hooks?.batchFetched?.()
        const taken = await takeBatch(context, { ...batch, progress }, queue, false)
        carried = taken === undefined ? progress : []
        context = taken ?? context
      }
      await source.release(batch)
    }
    if (!signal.aborted && carried.length > 0) {
      await takeBatch(context, { ...nothing, progress: carried }, queue, true)
    }
    await queue.flush()
  } finally {
    await source.close()
    await next?.catch(() => undefined)
    session.close()
  }
}

const nothing: Omit<MicroBatch, 'progress'> = { segments: [], messageCount: 0, sizeBytes: 0 }

/** A batch into a cut, and the lake looked after; undefined as `processBatch`. */
async function takeBatch(
  context: LoopContext,
  batch: MicroBatch,
  queue: DeleteQueue,
  isLast: boolean,
): Promise<LoopContext | undefined> {
  const release = context.options.lake.holdCopies()
  try {
    const taken = await commitBatch(context, batch, queue, isLast)
    if (taken === undefined || context.options.isBeside === true) return taken
    return await maintainLake(taken, queue)
  } finally {
    release()
  }
}

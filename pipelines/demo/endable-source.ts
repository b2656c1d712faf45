import type { Source } from '../sources/source.ts'

export interface EndableSource extends Source {
  /** From now on the source ends where it would otherwise wait for more. */
  endWhenRead(): void
}

/**
 * A source without an end that can be given one: once nobody writes any more, what is there is
 * still read, and the first empty batch that is at the end of every part is the end. On a busy
 * machine a batch is also empty because its time was over before anything was read.
 */
export function createEndableSource(source: Source): EndableSource {
  let isEnding = false
  return {
    ...source,
    next: async (limits, signal) => {
      // Only a call that began after the last message was written proves that there is no more.
      const isLastCall = isEnding
      const batch = await source.next(limits, signal)
      if (!isLastCall || batch === undefined || signal.aborted) return batch
      if (batch.messageCount > 0 || !batch.progress.every(({ isAtEnd }) => isAtEnd)) return batch
      await source.release(batch)
      return undefined
    },
    endWhenRead: () => {
      isEnding = true
    },
  }
}

import type { Source } from '../sources/source.ts'

export interface EndableSource extends Source {
  /** From now on the source ends where it would otherwise wait for more. */
  endWhenRead(): void
}

/**
 * A source without an end that can be given one: once nobody writes any more, what is there is
 * still read, and the first batch that comes back empty is the end.
 */
export function createEndableSource(source: Source): EndableSource {
  let isEnding = false
  return {
    ...source,
    next: async (limits, signal) => {
      // Only a call that began after the last message was written proves that there is no more.
      const isLastCall = isEnding
      const batch = await source.next(limits, signal)
      const isEmpty = batch !== undefined && batch.messageCount === 0
      if (!isLastCall || !isEmpty || signal.aborted) return batch
      await source.release(batch)
      return undefined
    },
    endWhenRead: () => {
      isEnding = true
    },
  }
}

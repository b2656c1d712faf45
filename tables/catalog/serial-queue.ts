import { SluiceError } from '../errors.ts'

/** Runs asynchronous works one after the other, in the order in which they came. */
export type SerialQueue = <T>(work: () => Promise<T>) => Promise<T>

/** Throws `storage-unavailable` where more than `maxWaiting` works are waiting. */
export function createSerialQueue(maxWaiting: number): SerialQueue {
  let last: Promise<unknown> = Promise.resolve()
  let waitingCount = 0
  return async (work) => {
    if (waitingCount >= maxWaiting) {
      throw new SluiceError(
        'storage-unavailable',
        `${waitingCount} commits are waiting already. Nothing was committed; try again later.`,
        { isRetryable: true },
      )
    }
    waitingCount += 1
    const turn = last.then(work)
    last = turn.catch(() => undefined)
    try {
      return await turn
    } finally {
      waitingCount -= 1
    }
  }
}

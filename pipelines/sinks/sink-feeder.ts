import { setTimeout as delay } from 'node:timers/promises'
import type { Lake } from '../lake/lake.ts'
import type { Logger } from '../sources/logger.ts'
import { followCuts, type FollowedSink } from './follow-cuts.ts'
import { createSinkPositions, type SinkPositions } from './sink-position.ts'

/** Feeds sinks beside the loop: a sink that is slow or away holds up nobody but itself. */
export interface SinkFeeder {
  /** A cut was committed. Returns at once. */
  notify(): void
  /** Gives the sinks what is pending, for so long at most, and closes them. */
  stop(drainMs: number): Promise<void>
}

/** Waits after failures: twice as long each time, up to the last. */
const FIRST_WAIT_MS = 500
const LONGEST_WAIT_MS = 30_000

/** Each sink goes by itself, from the position that the lake has of it. */
export function createSinkFeeder(
  lake: Lake,
  sinks: readonly FollowedSink[],
  logger: Logger,
): SinkFeeder {
  const positions = createSinkPositions(lake.fileIO, lake.location)
  const feeds = sinks.map((sink) => createFeed(lake, positions, sink, logger))
  return {
    notify: () => {
      for (const feed of feeds) feed.wake()
    },
    stop: async (drainMs) => {
      await Promise.all(feeds.map((feed) => feed.stop(drainMs)))
    },
  }
}

interface Feed {
  wake(): void
  stop(drainMs: number): Promise<void>
}

function createFeed(
  lake: Lake,
  positions: SinkPositions,
  followed: FollowedSink,
  logger: Logger,
): Feed {
  const sink = followed.settings.name
  const ending = new AbortController()
  const stopping = new AbortController()
  let hasWork = true
  let failures = 0
  let wakeUp: (() => void) | undefined

  const wake = (): void => {
    hasWork = true
    wakeUp?.()
  }

  /** Until there is work, or the end. */
  const untilWork = (): Promise<void> =>
    new Promise((resolve) => {
      wakeUp = () => {
        wakeUp = undefined
        resolve()
      }
      if (hasWork) wakeUp()
    })

  const feed = async (): Promise<void> => {
    hasWork = false
    try {
      const cut = await followCuts(lake, positions, followed, stopping.signal)
      if (failures > 0) logger.info({ sink, cut }, 'sink goes on')
      failures = 0
    } catch (error) {
      hasWork = true
      const waitMs = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** failures)
      failures += 1
      logger.warn({ sink, err: error, waitMs }, 'sink failed; its rows are given again')
      await delay(waitMs, undefined, { signal: ending.signal }).catch(() => undefined)
    }
  }

  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      if (hasWork) await feed()
      // What failed last is given at the next start.
      else if (ending.signal.aborted) return
      else await untilWork()
      if (ending.signal.aborted && failures > 0) return
    }
  }

  const running = run()
  return {
    wake,
    stop: async (drainMs) => {
      ending.abort()
      wake()
      const drained = new AbortController()
      // A closed sink gives up a delivery that hangs.
      const giveUp = delay(drainMs, undefined, { signal: drained.signal }).then(
        async () => {
          stopping.abort()
          await followed.sink.close()
        },
        () => undefined,
      )
      await running
      drained.abort()
      await giveUp
      await followed.sink.close()
    },
  }
}

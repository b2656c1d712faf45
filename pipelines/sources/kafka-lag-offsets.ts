import type { Consumer } from 'kafkajs'
import { topicOf } from './kafka-part.ts'
import type { Logger } from './logger.ts'
import type { PartProgress } from './source.ts'

/** Writes what is committed as the group's offsets, for tools that show the lag. */
export interface LagOffsets {
  /** Notes the ends and writes them in the background; the newest of a part wins. */
  add(progress: readonly PartProgress[]): void
  /** Resolves when nothing is being written. */
  settled(): Promise<void>
}

/** Never throws and never makes the loop wait: nothing but lag tools reads these offsets. */
export function createLagOffsets(options: {
  readonly consumer: () => Consumer | undefined
  readonly logger: Logger
}): LagOffsets {
  const waiting = new Map<string, { topic: string; partition: number; offset: string }>()
  let writing: Promise<void> | undefined

  const writeAll = async () => {
    while (waiting.size > 0) {
      const offsets = [...waiting.values()]
      waiting.clear()
      try {
        await options.consumer()?.commitOffsets(offsets)
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error)
        options.logger.info({ reason }, 'group offsets were not written; the lake is not concerned')
      }
    }
    writing = undefined
  }

  return {
    add: (progress) => {
      for (const { part, startOffset, endOffset } of progress) {
        if (endOffset === startOffset) continue
        const topic = topicOf(part.source)
        const { partition } = part
        waiting.set(`${topic}#${partition}`, { topic, partition, offset: String(endOffset) })
      }
      if (waiting.size > 0) writing ??= writeAll()
    },
    settled: () => writing ?? Promise.resolve(),
  }
}

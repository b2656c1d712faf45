import { openLocalLog } from '../pipelines/producers/local-log.ts'
import type { ProducedMessage } from '../pipelines/producers/simulator.ts'

const RECORDS_PER_APPEND = 10_000

/** Writes messages, which come in blocks, into a new log folder. */
export async function fillLog(
  directory: string,
  blocks: Iterable<readonly ProducedMessage[]>,
): Promise<void> {
  const log = await openLocalLog({ directory, name: 'bench', shouldSync: false })
  try {
    let waiting: ProducedMessage[] = []
    for (const messages of blocks) {
      waiting.push(...messages)
      if (waiting.length < RECORDS_PER_APPEND) continue
      await log.append(waiting)
      waiting = []
    }
    await log.append(waiting)
  } finally {
    await log.close()
  }
}

import { openLocalLog } from '../pipelines/producers/local-log.ts'
import type { ProducedMessage } from '../pipelines/producers/simulator.ts'
import { makeStockMessages } from './stock-messages.ts'

const RECORDS_PER_APPEND = 10_000

/** Writes `count` messages into a new log folder. */
export async function fillLog(directory: string, count: number): Promise<void> {
  const log = await openLocalLog({ directory, name: 'bench', shouldSync: false })
  try {
    let waiting: ProducedMessage[] = []
    for (const messages of makeStockMessages(count)) {
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

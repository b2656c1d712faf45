import type { CutReceipt } from '../../pipelines/loop/cut-receipt.ts'
import { runMicroBatches } from '../../pipelines/loop/run-micro-batches.ts'
import type { Lake } from '../../pipelines/lake/lake.ts'
import { createListSource, type ListedMessage } from './list-source.ts'

/** Takes a list of messages into a lake by the whole loop, in batches of these sizes. */
export async function runList(
  lake: Lake,
  messages: readonly ListedMessage[],
  batchSizes: readonly number[],
): Promise<CutReceipt[]> {
  const receipts: CutReceipt[] = []
  const { scratchDir, ids } = lake
  await runMicroBatches(
    {
      lake,
      source: createListSource({ messages, batchSizes, scratchDir, ids }),
      mode: 'live',
      writer: 'test',
      limits: { rows: 1_000_000, bytes: 1_000_000_000, timeMs: 1 },
      onCut: (receipt) => receipts.push(receipt),
    },
    new AbortController().signal,
  )
  return receipts
}

import { expect, it } from 'vitest'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import { kinds } from '../../../shared-transforms/kind.ts'
import { RECEIVED_US } from '../../shared-transforms/messages.ts'
import { poisons } from '../../shared-transforms/poisons.ts'
import { readContentHashes, readRows } from '../../support/lake-content.ts'
import type { ListedMessage } from '../../support/list-source.ts'
import { createTestClock, openMemoryLake } from '../../support/memory-lake.ts'
import { readTotals, receiptProblems } from '../../support/receipts.ts'
import { runList } from '../../support/run-list.ts'
import { goodMessages } from './good-messages.ts'

/** Batches of 20,000 are large: their messages and, without ids, their verdicts are in no table. */
const LARGE = [42_000]
const SMALL = [6_000]

/** Good messages of a format, each thousandth a poison, and each hundredth one that came before. */
function messagesOf(format: string, source: string, count: number): ListedMessage[] {
  const bad = poisons.filter((poison) => poison.format === format)
  const good = goodMessages[format]
  if (good === undefined) throw new Error(`no good messages of ${format}`)
  return Array.from({ length: count }, (_, index): ListedMessage => {
    const poison = index % 1000 === 999 ? bad[((index / 1000) % bad.length) | 0] : undefined
    const message = poison ?? good(index % 100 === 50 ? index - 7 : index)
    const { payload, headers, receivedUs = RECEIVED_US } = message
    return {
      ...{ part: { source, partition: 0 }, format, offset: BigInt(index), payload },
      ...(receivedUs === null ? {} : { receivedUs }),
      ...(headers === undefined || headers === null ? {} : { headers }),
    }
  })
}

/** Everything that a lake holds of its messages, but for when it took them. */
async function contentOf(messages: readonly ListedMessage[], batchSizes: readonly number[]) {
  const lake = await openMemoryLake({ clock: createTestClock(RECEIVED_US + 3_600_000_000n) })
  try {
    const receipts = await runList(lake, messages, batchSizes)
    expect(await receiptProblems(lake)).toEqual([])
    return {
      cutCount: receipts.length,
      totals: await readTotals(lake),
      hashes: await readContentHashes(lake),
      bronze: await bronzeOf(lake),
    }
  } finally {
    await lake.close()
  }
}

async function bronzeOf(lake: Lake): Promise<unknown[]> {
  const messages = []
  for (const kind of kinds) {
    const rows = await readRows(
      lake,
      `bronze.${kind}_messages`,
      'SELECT source, count(*) AS n, count(DISTINCT source_offset) AS offsets, ' +
        'sum(hash(source_offset, message_key, headers, payload, payload_encoding, received_ts, ' +
        'event_ts, is_ignored, format)) AS content FROM t GROUP BY source ORDER BY source',
    )
    messages.push(rows)
  }
  return messages
}

it.each([
  ['rows without ids, of a file', [['lean-trades', 'file:abc:1:20131007_spy_Trade_Tick.csv']]],
  ['rows with ids', [['stock-json', 'test:stock']]],
  [
    'several formats and sources',
    [
      ['lean-trades', 'file:abc:1:20131007_spy_Trade_Tick.csv'],
      ['binance-frames', 'test:binance'],
    ],
  ],
] as const)('a large batch of %s gives what small ones give', async (_, inputs) => {
  const messages = inputs.flatMap(([format, source]) => messagesOf(format, source, 21_000))
  const { cutCount, ...large } = await contentOf(messages, LARGE)
  const { cutCount: smallCutCount, ...small } = await contentOf(messages, SMALL)
  expect(cutCount).toBe(1)
  expect(smallCutCount).toBeGreaterThan(3)
  expect(small.totals.rejected_count).toBeGreaterThan(10n)
  expect(large).toEqual(small)
})

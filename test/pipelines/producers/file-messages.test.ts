import { expect, it } from 'vitest'
import { readFileMessages } from '../../../pipelines/producers/file-messages.ts'
import type { TopicMessage } from '../../../pipelines/producers/kafka-producer.ts'
import { readArchiveParts } from '../../../pipelines/sources/archive-parts.ts'
import { dataPath } from '../../support/data.ts'
import { describeWithService } from '../../support/service.ts'

async function readAll(path: string, format: string): Promise<TopicMessage[]> {
  const [part] = await readArchiveParts([dataPath(path)])
  if (part === undefined) throw new Error('no part')
  const messages: TopicMessage[] = []
  for await (const batch of readFileMessages(part, format)) messages.push(...batch)
  return messages
}
const keyCounts = (messages: readonly TopicMessage[]) => {
  const counts: Record<string, number> = {}
  for (const { key } of messages) {
    const name = key === null ? 'none' : Buffer.from(key).toString()
    counts[name] = (counts[name] ?? 0) + 1
  }
  return counts
}

await describeWithService('data', 'messages of a file', () => {
  it('are keyed by the symbol of the stream; the bare snapshot has no key', async () => {
    const messages = await readAll(
      'binance-ws-capture/spot-btcusdt_20240808.jsonl.gz',
      'binance-frames',
    )
    expect(keyCounts(messages)).toEqual({ btcusdt: 41_248, none: 1 })
    expect(messages[0]?.receivedUs).toBe(1723161253937085n)
    expect(Buffer.from(messages[0]?.payload ?? []).toString()).toMatch(/^\{"stream":"btcusdt@depth/)
    expect(messages[0]?.headers).toBeUndefined()
  })

  it('carry the entry of a Lean zip as a header and its symbol as the key', async () => {
    const messages = await readAll('lean-us-equity/tick/ibm_20131011_trade.zip', 'lean-trades')
    expect(keyCounts(messages)).toEqual({ ibm: 19_264 })
    expect(messages.at(-1)?.headers).toEqual({ entry: '20131011_ibm_Trade_Tick.csv' })
    expect(messages.every(({ receivedUs }) => receivedUs === undefined)).toBe(true)
  })
})

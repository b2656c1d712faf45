import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import { followCuts } from '../../../pipelines/sinks/follow-cuts.ts'
import { createKafkaSink } from '../../../pipelines/sinks/kafka-sink.ts'
import { createSinkPositions } from '../../../pipelines/sinks/sink-position.ts'
import { createKafkaSource } from '../../../pipelines/sources/kafka-source.ts'
import { silentLogger } from '../../../pipelines/sources/logger.ts'
import { startKafka, type KafkaBroker } from '../../support/kafka.ts'
import { readRows } from '../../support/lake-content.ts'
import { openMemoryLake } from '../../support/memory-lake.ts'
import { describeWithService } from '../../support/service.ts'
import { makeStockHours } from '../../support/stock-hours.ts'
import { clockAfter, runStockHours } from '../../support/stock-hours-loop.ts'
import { kafkaOptions, makeScratch, readMessages } from '../sources/kafka-rig.ts'

const TOPIC = 'crypto.prices.processed'
const hours = makeStockHours(6, new Map())
const { signal } = new AbortController()

interface TradeMessage {
  readonly instrument_id: string
  readonly trade_id: string
  readonly price: string
}

await describeWithService('kafka', 'a topic as a sink', () => {
  let broker: KafkaBroker
  let lake: Lake
  const scratch = makeScratch()
  beforeAll(async () => {
    broker = await startKafka()
    const clock = clockAfter(hours)
    lake = await openMemoryLake({ clock })
    await runStockHours(lake, clock, hours)
  })
  afterAll(async () => {
    await lake.close()
    await broker.stop()
    scratch.remove()
  })

  const sinkOf = (topic: string) => {
    const connection = { brokers: broker.brokers, clientId: 'test' }
    return createKafkaSink({ connection, topic, logger: silentLogger })
  }
  const follow = async (name: string, topic: string): Promise<void> => {
    const sink = sinkOf(topic)
    const positions = createSinkPositions(lake.fileIO, lake.location)
    const settings = { name, table: 'silver.trades', start: 'earliest' } as const
    try {
      await followCuts(lake, positions, { settings, sink }, signal)
    } finally {
      await sink.close()
    }
  }

  it('has a message a row, by the instrument, with what a consumer tells doubles by', async () => {
    await broker.createTopic(TOPIC, 2)
    await follow('first', TOPIC)
    // Given a second time, as after a crash.
    await follow('second', TOPIC)
    const expected = await readRows<{ id: string; price: string }>(
      lake,
      'silver.trades',
      "SELECT instrument_id || '/' || trade_id AS id, price::VARCHAR AS price FROM t ORDER BY id",
    )
    const source = createKafkaSource(
      kafkaOptions(broker.brokers, scratch.path, {
        topics: [{ topic: TOPIC, format: 'stock-json' }],
      }),
    )
    await source.open(new Map())
    const { messages } = await readMessages(source, expected.length * 2)
    await source.close()
    const once = new Map<string, { id: string; price: string }>()
    for (const { payload, headers, key } of messages) {
      const row = JSON.parse(payload ?? '') as TradeMessage
      const told = JSON.parse(headers ?? '{}') as Record<string, string>
      expect(key).toBe(row.instrument_id)
      expect(told['sluice-table']).toBe('silver.trades')
      const seen = { id: `${row.instrument_id}/${row.trade_id}`, price: row.price }
      const identity = `${told['sluice-cut']} ${told['sluice-row']}`
      expect(once.get(identity) ?? seen).toEqual(seen)
      once.set(identity, seen)
    }
    expect(messages).toHaveLength(expected.length * 2)
    expect([...once.values()].sort((a, b) => (a.id < b.id ? -1 : 1))).toEqual(expected)
  })

  it('says which topic is not there', async () => {
    await expect(follow('nowhere', 'no-such-topic')).rejects.toMatchObject({
      kind: 'storage-unavailable',
      message: expect.stringContaining('no topic "no-such-topic"') as string,
    })
  })
})

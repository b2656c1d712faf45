import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import type { Lake } from '../../pipelines/lake/lake.ts'
import { runMicroBatches } from '../../pipelines/loop/run-micro-batches.ts'
import { createKafkaRecordReader } from '../../pipelines/sources/kafka-record-reader.ts'
import { createKafkaSource } from '../../pipelines/sources/kafka-source.ts'
import type { KafkaTopic } from '../../pipelines/sources/kafka-positions.ts'
import type { Source } from '../../pipelines/sources/source.ts'
import { verifyLake } from '../../pipelines/verify/verify-lake.ts'
import { systemClock } from '../../tables/clock.ts'
import { kafkaClient, kafkaOptions, send } from '../pipelines/sources/kafka-rig.ts'
import { startKafka, type KafkaBroker } from '../support/kafka.ts'
import { readRows } from '../support/lake-content.ts'
import { openMemoryLake } from '../support/memory-lake.ts'
import { describeWithService } from '../support/service.ts'

const MARK = { partition: 0 }

await describeWithService('kafka', 'offsets that hold no message', () => {
  let broker: KafkaBroker
  let lake: Lake
  beforeAll(async () => {
    broker = await startKafka({ settings: { 'log.cleaner.backoff.ms': '100' } })
  })
  afterAll(() => broker.stop())
  beforeEach(async () => {
    lake = await openMemoryLake({ clock: systemClock })
  })
  afterEach(() => lake.close())

  /** Runs the loop until partition 0 of the topic is committed up to an end. */
  const readUpTo = async (topic: KafkaTopic, endOffset: bigint): Promise<void> => {
    const stop = new AbortController()
    const source = createKafkaSource(
      kafkaOptions(broker.brokers, lake.scratchDir, { topics: [topic] }),
    )
    const watched: Source = {
      ...source,
      committed: async (batch) => {
        if (batch.progress.some((moved) => moved.endOffset >= endOffset)) stop.abort()
        await source.committed(batch)
      },
    }
    const limits = { rows: 100_000, bytes: 64 * 1024 * 1024, timeMs: 300 }
    await runMicroBatches(
      { lake, source: watched, mode: 'live', writer: 'test', limits },
      stop.signal,
    )
  }
  const readBronze = async () =>
    (
      await readRows<{ source_offset: bigint; payload: string | null }>(
        lake,
        'bronze.trade_messages',
        'SELECT source_offset, payload FROM t ORDER BY source_offset',
      )
    ).map(({ source_offset: offset, payload }) => `${offset} ${payload}`)
  const readReceipts = () =>
    readRows<{ start_offset: bigint; end_offset: bigint; message_count: bigint }>(
      lake,
      'sluice.cuts',
      'SELECT start_offset, end_offset, message_count FROM t WHERE source IS NOT NULL ' +
        'ORDER BY cut_number',
    )
  const expectWhole = async () => {
    const report = await verifyLake({ lake, isDeep: true })
    expect(report.checks.flatMap(({ findings }) => findings)).toEqual([])
    expect(report.isFine).toBe(true)
  }

  it('are no gaps where transactions were committed and aborted', async () => {
    await broker.createTopic('transacted', 1)
    const producer = kafkaClient(broker.brokers).producer({
      transactionalId: 'holes',
      idempotent: true,
      maxInFlightRequests: 1,
    })
    await producer.connect()
    const transact = async (values: readonly string[], end: 'commit' | 'abort') => {
      const transaction = await producer.transaction()
      const messages = values.map((value) => ({ value, ...MARK }))
      await transaction.send({ topic: 'transacted', messages })
      await transaction[end]()
    }
    const topic = { topic: 'transacted', format: 'stock-json' }
    await transact(['a', 'b'], 'commit') // 0 1, marker 2
    await transact(['x', 'y'], 'abort') // 3 4, marker 5
    await transact(['c'], 'commit') // 6, marker 7
    await readUpTo(topic, 8n)
    expect(await readBronze()).toEqual(['0 a', '1 b', '6 c'])
    // Nothing but what is passed over: the position moves by a cut without messages.
    await transact(['z'], 'abort') // 8, marker 9
    await readUpTo(topic, 10n)
    expect((await readReceipts()).at(-1)).toMatchObject({ end_offset: 10n, message_count: 0n })
    await transact(['d'], 'commit') // 10, marker 11
    await producer.disconnect()
    await readUpTo(topic, 12n)
    expect(await readBronze()).toEqual(['0 a', '1 b', '6 c', '10 d'])
    const receipts = await readReceipts()
    expect(receipts.reduce((sum, row) => sum + row.message_count, 0n)).toBe(4n)
    const starts = receipts.map(({ start_offset: start }) => start)
    expect(starts).toEqual([0n, ...receipts.slice(0, -1).map(({ end_offset: end }) => end)])
    await expectWhole()
  })

  it('are no gaps where a log was compacted, and reading may begin in one', async () => {
    await broker.createTopic('compacted', 1, {
      'cleanup.policy': 'compact',
      'segment.ms': '100',
      'min.cleanable.dirty.ratio': '0.01',
      'max.compaction.lag.ms': '100',
    })
    for (const round of [1, 2, 3]) {
      const keys = ['k0', 'k1', 'k2', 'k3']
      await send(
        broker.brokers,
        'compacted',
        keys.map((key) => ({ key, value: `${key} ${round}` })),
      )
    }
    const end = await untilCompacted(broker, 'compacted', 12n)
    expect((await logEnds(broker, 'compacted'))[0]).toMatchObject({ low: '0', high: `${end}` })
    await readUpTo({ topic: 'compacted', format: 'stock-json' }, end)
    const bronze = await readBronze()
    expect(bronze).toEqual(expect.arrayContaining(['8 k0 3', '9 k1 3', '10 k2 3', '11 k3 3']))
    expect(bronze).not.toContain('0 k0 1')
    const receipts = await readReceipts()
    expect(receipts.at(-1)?.end_offset).toBe(end)
    const counted = receipts.reduce((sum, row) => sum + row.message_count, 0n)
    expect(counted).toBe(BigInt(bronze.length))
    expect(counted).toBeLessThan(end)
    await expectWhole()

    const other = await openMemoryLake({ clock: systemClock })
    await lake.close()
    lake = other
    const start = { offsets: new Map([[0, 1n]]) }
    await readUpTo({ topic: 'compacted', format: 'stock-json', start }, end)
    expect(await readBronze()).toEqual(bronze)
    expect((await readReceipts())[0]?.start_offset).toBe(1n)
  })
})

/**
 * Sends on, which closes segments, until the first records are gone; then waits until the cleaner
 * has no more to do, at most a minute each. It leaves the newest message that each key has in closed
 * segments: of the messages sent here that one, and the one in the open segment.
 * @param from the offset of the first of these
 * @returns the end of the log
 */
async function untilCompacted(
  { brokers }: KafkaBroker,
  topic: string,
  from: bigint,
): Promise<bigint> {
  const reader = createKafkaRecordReader(kafkaClient(brokers))
  const isGone = async (offset: bigint) =>
    (await reader.readAt({ topic, partition: 0, offset })) === undefined
  const until = async (isReached: () => Promise<boolean>, before?: () => Promise<void>) => {
    for (let tries = 0; tries < 200; tries += 1) {
      await before?.()
      if (await isReached()) return
      await delay(300)
    }
    throw new Error(`${topic} was not compacted`)
  }
  let end = from
  const sendNext = async () => {
    await send(brokers, topic, [{ key: 'filler', value: String(end) }])
    end += 1n
  }
  try {
    // Of three the cleaner has one to take away, and with it all that came before.
    await until(async () => end - from >= 3n && (await isGone(0n)), sendNext)
    await until(async () => {
      let left = 0
      for (let offset = from; offset < end; offset += 1n) if (!(await isGone(offset))) left += 1
      return left <= 2
    })
    return end
  } finally {
    await reader.close()
  }
}

async function logEnds({ brokers }: KafkaBroker, topic: string) {
  const admin = kafkaClient(brokers).admin()
  await admin.connect()
  try {
    return await admin.fetchTopicOffsets(topic)
  } finally {
    await admin.disconnect()
  }
}

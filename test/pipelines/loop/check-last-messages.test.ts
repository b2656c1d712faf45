import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import { runMicroBatches } from '../../../pipelines/loop/run-micro-batches.ts'
import { createKafkaSource } from '../../../pipelines/sources/kafka-source.ts'
import type { MessageContent, Source, SourcePart } from '../../../pipelines/sources/source.ts'
import { partKey } from '../../../pipelines/sources/source.ts'
import { randomIds, systemClock } from '../../../tables/clock.ts'
import type { KafkaBroker } from '../../support/kafka.ts'
import { startKafka } from '../../support/kafka.ts'
import { readRows } from '../../support/lake-content.ts'
import { createListSource, type ListedMessage } from '../../support/list-source.ts'
import { openMemoryLake } from '../../support/memory-lake.ts'
import { describeWithService } from '../../support/service.ts'
import { kafkaClient, kafkaOptions, send } from '../sources/kafka-rig.ts'

let lake: Lake
beforeEach(async () => {
  lake = await openMemoryLake({ clock: systemClock })
})
afterEach(async () => {
  await lake.close()
})

/** Runs the loop until it has committed so many messages, or the source ends. */
async function runLoop(source: Source, messageCount = Number.POSITIVE_INFINITY): Promise<void> {
  const stop = new AbortController()
  let committed = 0
  await runMicroBatches(
    {
      lake,
      source,
      mode: 'live',
      writer: 'test',
      limits: { rows: 100_000, bytes: 64 * 1024 * 1024, timeMs: 300 },
      onCut: (receipt) => {
        committed += receipt.messageCount
        if (committed >= messageCount) stop.abort()
      },
    },
    stop.signal,
  )
}

async function readPayloads(): Promise<(string | null)[]> {
  const rows = await readRows<{ payload: string | null }>(
    lake,
    'bronze.trade_messages',
    'SELECT payload FROM t ORDER BY source, source_partition, source_offset',
  )
  return rows.map(({ payload }) => payload)
}

const part = (partition: number): SourcePart => ({ source: 'log:again', partition })
const text = (payload: string, key?: string): MessageContent => ({
  key,
  payload,
  payloadEncoding: 'utf-8',
})
const listed = (
  partition: number,
  offset: bigint,
  payload: ListedMessage['payload'],
  key?: string,
): ListedMessage => ({
  part: part(partition),
  format: 'stock-json',
  offset,
  payload,
  ...(key === undefined ? {} : { key }),
})

describe('at its start the loop', () => {
  const first = [
    listed(0, 0n, 'a'),
    listed(0, 7n, 'b', 'AAPL'),
    listed(1, 0n, null),
    listed(2, 3n, new Uint8Array([0xff, 0xfe])),
  ]
  const more = [...first, listed(0, 8n, 'c')]
  /** What the same log holds at the last position of each part. */
  const held: Readonly<Record<string, MessageContent>> = {
    'log:again#0 7': text('b', 'AAPL'),
    'log:again#1 0': { key: undefined, payload: undefined, payloadEncoding: 'utf-8' },
    'log:again#2 3': { key: undefined, payload: '//4=', payloadEncoding: 'base64' },
  }
  const asked: string[] = []
  const sourceOf = (
    messages: readonly ListedMessage[],
    log: Readonly<Record<string, MessageContent>>,
  ): Source => ({
    ...createListSource({
      messages,
      batchSizes: [100],
      scratchDir: lake.scratchDir,
      ids: randomIds,
    }),
    readMessageAt: async (of, offset) => {
      asked.push(`${partKey(of)} ${offset}`)
      return log[asked.at(-1) ?? '']
    },
  })
  beforeEach(async () => {
    asked.length = 0
    await runLoop(sourceOf(first, {}))
  })

  it('asks for the last message of each part, and goes on where it is the same', async () => {
    expect(asked).toEqual([])
    await runLoop(sourceOf(more, held))
    expect(asked.sort()).toEqual(Object.keys(held))
    expect(await readPayloads()).toEqual(['a', 'b', 'c', null, '//4='])
  })

  it('goes on where the source no longer holds it', async () => {
    await runLoop(sourceOf(more, {}))
    expect(await readPayloads()).toContain('c')
  })

  it.each([
    ['another payload', { 'log:again#0 7': text('x', 'AAPL') }],
    ['another key', { 'log:again#0 7': text('b', 'MSFT') }],
    ['no key', { 'log:again#0 7': text('b') }],
    ['a payload for a tombstone', { 'log:again#1 0': text('') }],
    ['text for bytes', { 'log:again#2 3': text('//4=') }],
  ])('refuses a log that holds %s there, and takes nothing of it', async (_, other) => {
    await expect(runLoop(sourceOf(more, { ...held, ...other }))).rejects.toMatchObject({
      kind: 'data-loss',
      message: expect.stringMatching(
        /log:again partition \d holds another message at offset \d .*Nothing was.*use a topic of/,
      ) as string,
    })
    expect(await readPayloads()).toEqual(['a', 'b', null, '//4='])
  })
})

await describeWithService('kafka', 'a topic at the start of the loop', () => {
  let broker: KafkaBroker
  beforeAll(async () => {
    broker = await startKafka()
  })
  afterAll(() => broker.stop())

  const sourceOf = (topic: string): Source =>
    createKafkaSource(
      kafkaOptions(broker.brokers, lake.scratchDir, {
        topics: [{ topic, format: 'stock-json' }],
        metadataMaxAgeMs: 500,
      }),
    )
  const withAdmin = async (
    work: (admin: ReturnType<ReturnType<typeof kafkaClient>['admin']>) => Promise<unknown>,
  ) => {
    const admin = kafkaClient(broker.brokers).admin()
    await admin.connect()
    await work(admin)
    await admin.disconnect()
  }
  const numbered = (word: string, count: number) =>
    Array.from({ length: count }, (_, index) => ({ key: 'k', value: `${word}${index}` }))

  it('that was made again with other messages is refused', async () => {
    await broker.createTopic('again', 1)
    await send(broker.brokers, 'again', numbered('old', 3))
    await runLoop(sourceOf('again'), 3)
    await withAdmin((admin) => admin.deleteTopics({ topics: ['again'] }))
    await broker.createTopic('again', 1)
    await send(broker.brokers, 'again', numbered('new', 10))
    await expect(runLoop(sourceOf('again'), 10)).rejects.toMatchObject({
      kind: 'data-loss',
      message: expect.stringMatching(
        /kafka:again partition 0 holds another message at offset 2 .*made again/,
      ) as string,
    })
    expect(await readPayloads()).toEqual(['old0', 'old1', 'old2'])
  })

  it('is read on where nothing but markers of transactions lies behind the last message', async () => {
    await broker.createTopic('marked', 1)
    const producer = kafkaClient(broker.brokers).producer({
      transactionalId: 'check',
      idempotent: true,
    })
    await producer.connect()
    for (const value of ['m0', 'm2']) {
      const transaction = await producer.transaction()
      await transaction.send({ topic: 'marked', messages: [{ value }] })
      await transaction.commit()
    }
    await runLoop(sourceOf('marked'), 2)
    await send(broker.brokers, 'marked', [{ value: 'm4' }])
    await runLoop(sourceOf('marked'), 1)
    await producer.disconnect()
    expect(await readPayloads()).toEqual(['m0', 'm2', 'm4'])
  })

  it('is read on where retention has taken the last message', async () => {
    await broker.createTopic('retained', 1)
    await send(broker.brokers, 'retained', numbered('m', 3))
    await runLoop(sourceOf('retained'), 3)
    await withAdmin(async (admin) => {
      await admin.fetchTopicMetadata({ topics: ['retained'] })
      const partitions = [{ partition: 0, offset: '3' }]
      await admin.deleteTopicRecords({ topic: 'retained', partitions })
    })
    await send(broker.brokers, 'retained', [{ value: 'm3' }])
    await runLoop(sourceOf('retained'), 1)
    expect(await readPayloads()).toEqual(['m0', 'm1', 'm2', 'm3'])
  })
})

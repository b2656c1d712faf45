import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import type { Lake } from '../../pipelines/lake/lake.ts'
import { rollBackLake } from '../../pipelines/loop/roll-back-lake.ts'
import { runMicroBatches } from '../../pipelines/loop/run-micro-batches.ts'
import { createKafkaSource } from '../../pipelines/sources/kafka-source.ts'
import { verifyLake } from '../../pipelines/verify/verify-lake.ts'
import { systemClock } from '../../tables/clock.ts'
import { kafkaClient, kafkaOptions, send } from '../pipelines/sources/kafka-rig.ts'
import { startKafka, type KafkaBroker } from '../support/kafka.ts'
import { readRows } from '../support/lake-content.ts'
import { openMemoryLake } from '../support/memory-lake.ts'
import { describeWithService } from '../support/service.ts'

await describeWithService('kafka', 'messages that a topic no longer holds', () => {
  let broker: KafkaBroker
  let lake: Lake
  const losses: string[] = []
  beforeAll(async () => {
    broker = await startKafka()
  })
  afterAll(() => broker.stop())
  beforeEach(async () => {
    lake = await openMemoryLake({ clock: systemClock })
    losses.length = 0
  })
  afterEach(() => lake.close())

  /** Runs the loop until it has committed so many messages. */
  const read = async (topic: string, messageCount: number, acceptsLoss = false): Promise<void> => {
    const stop = new AbortController()
    let committed = 0
    const topics = [{ topic, format: 'stock-json' }]
    await runMicroBatches(
      {
        lake,
        source: createKafkaSource(kafkaOptions(broker.brokers, lake.scratchDir, { topics })),
        mode: 'live',
        writer: 'test',
        limits: { rows: 100_000, bytes: 64 * 1024 * 1024, timeMs: 300 },
        acceptsLoss,
        onLoss: (what) => losses.push(what),
        onCut: (receipt) => {
          committed += receipt.messageCount
          if (committed >= messageCount) stop.abort()
        },
      },
      stop.signal,
    )
  }
  const withAdmin = async (
    work: (admin: ReturnType<ReturnType<typeof kafkaClient>['admin']>) => Promise<unknown>,
  ) => {
    const admin = kafkaClient(broker.brokers).admin()
    await admin.connect()
    await work(admin)
    await admin.disconnect()
  }
  const numbered = (word: string, count: number, partition = 0) =>
    Array.from({ length: count }, (_, index) => ({ value: `${word}${index}`, partition }))
  const readBronze = async () =>
    (
      await readRows<{ source: string; p: number; source_offset: bigint; payload: string }>(
        lake,
        'bronze.trade_messages',
        'SELECT source, source_partition AS p, source_offset, payload FROM t ORDER BY ALL',
      )
    ).map(({ source, p, source_offset: offset, payload }) => `${source}#${p} ${offset} ${payload}`)
  const readAccepted = async () =>
    (
      await readRows<{
        source: string
        p: number
        start_offset: bigint
        end_offset: bigint
        is_finished: boolean
      }>(
        lake,
        'sluice.cuts',
        'SELECT source, source_partition AS p, start_offset, end_offset, is_finished FROM t ' +
          "WHERE mode = 'accept-loss' AND source IS NOT NULL AND message_count = 0 ORDER BY ALL",
      )
    ).map((row) => {
      const { source, p, start_offset: start, end_offset: end, is_finished: isFinished } = row
      return `${source}#${p} ${start}-${end}${isFinished ? ' finished' : ''}`
    })
  const expectWhole = async () => {
    const report = await verifyLake({ lake, isDeep: true })
    expect(report.checks.flatMap(({ findings }) => findings)).toEqual([])
  }

  it('before they were read are given up by name, and kept as the range of a cut', async () => {
    await broker.createTopic('trimmed', 2)
    await send(broker.brokers, 'trimmed', [...numbered('a', 3), ...numbered('b', 1, 1)])
    await read('trimmed', 4)
    await send(broker.brokers, 'trimmed', numbered('c', 9))
    await withAdmin(async (admin) => {
      await admin.fetchTopicMetadata({ topics: ['trimmed'] })
      const partitions = [{ partition: 0, offset: '10' }]
      await admin.deleteTopicRecords({ topic: 'trimmed', partitions })
    })
    await expect(read('trimmed', 1)).rejects.toMatchObject({
      kind: 'data-loss',
      message: expect.stringMatching(
        /kafka:trimmed partition 0 no longer holds offsets 3 to 9: .*`sluice live --accept-loss`/,
      ) as string,
    })
    await read('trimmed', 2, true)
    expect(losses).toEqual([
      'kafka:trimmed partition 0: offsets 3 to 9 were deleted before they were read; it goes on at 10',
    ])
    expect(await readAccepted()).toEqual(['kafka:trimmed#0 3-10'])
    expect((await readBronze()).slice(3, 5)).toEqual([
      'kafka:trimmed#0 10 c7',
      'kafka:trimmed#0 11 c8',
    ])
    await expectWhole()
    await send(broker.brokers, 'trimmed', numbered('d', 1))
    await read('trimmed', 1, true)
    expect(losses).toHaveLength(1)
  })

  it('as it was made again are given up, and the new ones are another part', async () => {
    await broker.createTopic('remade', 1)
    await send(broker.brokers, 'remade', numbered('old', 3))
    await read('remade', 3)
    const remake = async (word: string, partitions: number, count: number) => {
      await withAdmin((admin) => admin.deleteTopics({ topics: ['remade'] }))
      await broker.createTopic('remade', partitions)
      await send(broker.brokers, 'remade', numbered(word, count))
    }
    await remake('new', 2, 5)
    await expect(read('remade', 1)).rejects.toMatchObject({
      kind: 'data-loss',
      message: expect.stringMatching(/another message at offset 2 .*--accept-loss/) as string,
    })
    await read('remade', 5, true)
    expect(losses).toEqual([
      'kafka:remade partition 0: it ends at 3; what followed there is gone',
      'kafka:remade@2 partition 0: read from 0 on, as the topic was made again',
      'kafka:remade@2 partition 1: read from 0 on, as the topic was made again',
    ])
    expect(await readAccepted()).toEqual([
      'kafka:remade#0 3-3 finished',
      'kafka:remade@2#0 0-0',
      'kafka:remade@2#1 0-0',
    ])
    const bronze = await readBronze()
    expect(bronze.slice(0, 4)).toEqual([
      'kafka:remade#0 0 old0',
      'kafka:remade#0 1 old1',
      'kafka:remade#0 2 old2',
      'kafka:remade@2#0 0 new0',
    ])
    // It is read on without a word, from where the new one was left.
    await send(broker.brokers, 'remade', numbered('more', 1, 1))
    await read('remade', 1)
    expect((await readBronze()).at(-1)).toBe('kafka:remade@2#1 0 more0')
    await expectWhole()

    await remake('third', 1, 1)
    await expect(read('remade', 1)).rejects.toMatchObject({ kind: 'data-loss' })
    await read('remade', 1, true)
    expect((await readBronze()).at(-1)).toBe('kafka:remade@3#0 0 third0')
    await expectWhole()
  })

  it('stay given up when the lake goes back behind that: the new topic is read again', async () => {
    await broker.createTopic('undone', 1)
    await send(broker.brokers, 'undone', numbered('old', 3))
    await read('undone', 3)
    await withAdmin((admin) => admin.deleteTopics({ topics: ['undone'] }))
    await broker.createTopic('undone', 1)
    await send(broker.brokers, 'undone', numbered('new', 1))
    await read('undone', 1, true)
    await rollBackLake({ lake, cutNumber: 1, writer: 'test' })
    expect(await readBronze()).toHaveLength(3)
    await read('undone', 1)
    expect((await readBronze()).at(-1)).toBe('kafka:undone@2#0 0 new0')
    await expectWhole()
  })
})

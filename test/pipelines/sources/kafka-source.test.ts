import { afterAll, beforeAll, expect, it } from 'vitest'
import type { StartPolicy } from '../../../pipelines/sources/kafka-positions.ts'
import { createKafkaSource } from '../../../pipelines/sources/kafka-source.ts'
import type { Source } from '../../../pipelines/sources/source.ts'
import type { KafkaBroker } from '../../support/kafka.ts'
import { startKafka } from '../../support/kafka.ts'
import { describeWithService } from '../../support/service.ts'
import { kafkaClient, kafkaOptions, makeScratch, NEVER, readMessages, send } from './kafka-rig.ts'

const QUICK = { rows: 100_000, bytes: 64 * 1024 * 1024, timeMs: 300 }

await describeWithService('kafka', 'the Kafka source', () => {
  let broker: KafkaBroker
  const scratch = makeScratch()
  const open: Source[] = []
  beforeAll(async () => {
    broker = await startKafka()
  })
  afterAll(async () => {
    await Promise.all(open.map((source) => source.close()))
    await broker.stop()
    scratch.remove()
  })

  const sourceOf = (overrides: Parameters<typeof kafkaOptions>[2]): Source => {
    const source = createKafkaSource(kafkaOptions(broker.brokers, scratch.path, overrides))
    open.push(source)
    return source
  }
  const deleteRecords = async (topic: string, offset: string) => {
    const admin = kafkaClient(broker.brokers).admin()
    await admin.connect()
    await admin.fetchTopicMetadata({ topics: [topic] })
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset }] })
    await admin.disconnect()
  }
  const numbered = (from: number, count: number, partition: number) =>
    Array.from({ length: count }, (_, index) => ({ value: `m${from + index}`, partition }))

  it('reads what is there with keys, times and headers, and odd messages to the side', async () => {
    await broker.createTopic('kinds', 1)
    await send(broker.brokers, 'kinds', [
      { key: 'AAPL', value: '{"a":1}', headers: { 'received-ts-us': '1723161253937085' } },
      { key: null, value: 'é', timestamp: '1723161253937', headers: { venue: 'Zürich' } },
      { key: 'AAPL', value: null },
      { key: 'AAPL', value: Buffer.from([0xff, 0xfe]) },
      { key: 'AAPL', value: 'two\nlines' },
      { key: '', value: '' },
      { key: Buffer.from([0x80]), value: 'odd key', headers: { n: ['1', '2'] } },
      { key: 'k', value: 'odd time', headers: { 'received-ts-us': 'noon' }, timestamp: '5000' },
    ])
    const source = sourceOf({ topics: [{ topic: 'kinds', format: 'stock-json' }] })
    await source.open(new Map())
    const { messages, batches } = await readMessages(source, 8)
    expect(
      messages.map(({ offset, key, payload, isSide }) => [offset, key, payload, isSide]),
    ).toEqual([
      [0n, 'AAPL', '{"a":1}', false],
      [1n, undefined, 'é', false],
      [2n, 'AAPL', undefined, true],
      [3n, 'AAPL', '//4=', true],
      [4n, 'AAPL', 'two\nlines', true],
      [5n, '', '', false],
      [6n, 'gA==', 'odd key', true],
      [7n, 'k', 'odd time', false],
    ])
    expect(messages[0]?.receivedUs).toBe(1723161253937085n)
    expect(messages[0]?.headers).toBeUndefined()
    expect(messages[1]?.receivedUs).toBe(1723161253937000n)
    expect(JSON.parse(messages[1]?.headers ?? '')).toEqual({ venue: 'Zürich' })
    expect(JSON.parse(messages[6]?.headers ?? '')).toEqual({
      'message-key-encoding': 'base64',
      n: ['1', '2'],
    })
    expect(messages[7]?.receivedUs).toBe(5_000_000n)
    expect(JSON.parse(messages[7]?.headers ?? '')).toEqual({ 'received-ts-us': 'noon' })
    expect(batches.at(-1)?.progress).toEqual([
      {
        part: { source: 'kafka:kinds', partition: 0 },
        startOffset: 0n,
        endOffset: 8n,
        messageCount: 8,
        // Told once the broker has answered twice within one batch.
        isAtEnd: expect.any(Boolean) as boolean,
        isFinished: false,
        logEndOffset: 8n,
      },
    ])
    let isAtEnd = batches.at(-1)?.progress[0]?.isAtEnd
    for (let tries = 0; isAtEnd !== true && tries < 20; tries += 1) {
      isAtEnd = (await source.next({ ...QUICK, timeMs: 1000 }, NEVER))?.progress[0]?.isAtEnd
    }
    expect(isAtEnd).toBe(true)
    await source.close()
  })

  it('says how far the log goes, as the broker tells with what it sends', async () => {
    await broker.createTopic('lag', 1)
    await send(broker.brokers, 'lag', numbered(0, 10, 0))
    const source = sourceOf({ topics: [{ topic: 'lag', format: 'stock-json' }] })
    await source.open(new Map())
    const first = await readMessages(source, 4, { ...QUICK, rows: 4 })
    expect(first.batches.at(-1)?.progress).toMatchObject([{ endOffset: 4n, logEndOffset: 10n }])
    await send(broker.brokers, 'lag', numbered(10, 5, 0))
    const rest = await readMessages(source, 11)
    expect(rest.batches.at(-1)?.progress).toMatchObject([{ endOffset: 15n, logEndOffset: 15n }])
    await source.close()
  })

  it('goes on from the positions of the lake, not from the offsets of the group', async () => {
    await broker.createTopic('resumed', 2)
    await send(broker.brokers, 'resumed', [...numbered(0, 10, 0), ...numbered(100, 10, 1)])
    const topics = [{ topic: 'resumed', format: 'stock-json' }]
    const first = sourceOf({ topics, groupId: 'resumed-group' })
    await first.open(new Map())
    expect((await readMessages(first, 20)).messages).toHaveLength(20)
    await first.close()
    const admin = kafkaClient(broker.brokers).admin()
    await admin.connect()
    const groupOffsets = await admin.fetchOffsets({ groupId: 'resumed-group' })
    await admin.disconnect()
    const partitions = groupOffsets[0]?.partitions ?? []
    expect(partitions.map(({ offset }) => offset)).toEqual(['10', '10'])

    const second = sourceOf({ topics, groupId: 'resumed-group' })
    await second.open(
      new Map([
        ['kafka:resumed#0', 7n],
        ['kafka:resumed#1', 10n],
      ]),
    )
    const { messages } = await readMessages(second, 3)
    expect(messages.map(({ part, payload }) => [part, payload])).toEqual([
      ['kafka:resumed#0', 'm7'],
      ['kafka:resumed#0', 'm8'],
      ['kafka:resumed#0', 'm9'],
    ])
    await second.close()
  })

  it('starts at latest only where the lake knows nothing of the topic', async () => {
    await broker.createTopic('late-start', 2)
    await send(broker.brokers, 'late-start', [...numbered(0, 5, 0), ...numbered(100, 5, 1)])
    const topics = [{ topic: 'late-start', format: 'stock-json', start: 'latest' as const }]
    const fresh = sourceOf({ topics })
    await fresh.open(new Map())
    await send(broker.brokers, 'late-start', numbered(5, 1, 0))
    expect((await readMessages(fresh, 1)).messages.map(({ payload }) => payload)).toEqual(['m5'])
    await fresh.close()
    const known = sourceOf({ topics })
    await known.open(new Map([['kafka:late-start#0', 6n]]))
    const { messages } = await readMessages(known, 5)
    expect(messages.map(({ payload }) => payload)).toEqual(['m100', 'm101', 'm102', 'm103', 'm104'])
    await known.close()
  })

  it('starts at a time of the records, or at offsets, and refuses those that are not there', async () => {
    await broker.createTopic('chosen-start', 2)
    const timed = (partition: number, times: readonly number[]) =>
      times.map((time) => ({ value: `${partition} ${time}`, partition, timestamp: String(time) }))
    const sent = [...timed(0, [1000, 2000, 3000]), ...timed(1, [1500, 1999])]
    await send(broker.brokers, 'chosen-start', sent)
    const startAt = (start: StartPolicy) =>
      sourceOf({ topics: [{ topic: 'chosen-start', format: 'stock-json', start }] })
    const payloadsOf = async (source: Source, count: number) => {
      await source.open(new Map())
      const { messages, batches } = await readMessages(source, count)
      await source.close()
      const starts = batches[0]?.progress.map(({ startOffset }) => startOffset)
      return { starts, payloads: messages.map(({ payload }) => payload) }
    }
    expect(await payloadsOf(startAt({ timeMs: 2000 }), 2)).toEqual({
      starts: [1n, 2n],
      payloads: ['0 2000', '0 3000'],
    })
    expect(await payloadsOf(startAt({ offsets: new Map([[0, 2n]]) }), 3)).toEqual({
      starts: [2n, 0n],
      payloads: ['0 3000', '1 1500', '1 1999'],
    })
    for (const partition of [1, 7]) {
      const wrong = startAt({ offsets: new Map([[partition, 3n]]) })
      await expect(wrong.open(new Map())).rejects.toMatchObject({
        kind: 'invalid-input',
        message: expect.stringMatching(/at offset 3, but .*Correct sources\[\]\.start/) as string,
      })
    }
    const known = startAt({ offsets: new Map([[1, 1n]]) })
    await known.open(new Map([['kafka:chosen-start#0', 3n]]))
    const { messages } = await readMessages(known, 2)
    expect(messages.map(({ payload }) => payload)).toEqual(['1 1500', '1 1999'])
    await known.close()
  })

  it('hands over no more rows than the limit and loses none', async () => {
    await broker.createTopic('bounded', 3)
    const sent = [0, 1, 2].flatMap((partition) => numbered(partition * 1000, 500, partition))
    await send(broker.brokers, 'bounded', sent)
    const source = sourceOf({ topics: [{ topic: 'bounded', format: 'stock-json' }] })
    await source.open(new Map())
    const { messages, batches } = await readMessages(source, 1500, { ...QUICK, rows: 70 })
    expect(Math.max(...batches.map((batch) => batch.messageCount))).toBe(70)
    expect(messages.map(({ payload }) => payload).sort()).toEqual(
      sent.map(({ value }) => value).sort(),
    )
    const ends = new Map<string, bigint>()
    for (const { progress } of batches) {
      for (const { part, startOffset, endOffset } of progress) {
        const key = String(part.partition)
        expect(startOffset).toBe(ends.get(key) ?? 0n)
        ends.set(key, endOffset)
      }
    }
    expect([...ends.values()]).toEqual([500n, 500n, 500n])
    await source.close()
  })

  it('answers an empty batch while nothing comes, and says that it is at the end', async () => {
    await broker.createTopic('quiet', 1)
    const source = sourceOf({ topics: [{ topic: 'quiet', format: 'stock-json' }] })
    await source.open(new Map())
    await source.next(QUICK, NEVER)
    const batch = await source.next({ ...QUICK, timeMs: 1500 }, NEVER)
    expect(batch?.messageCount).toBe(0)
    expect(batch?.segments).toEqual([])
    expect(batch?.progress[0]?.isAtEnd).toBe(true)
    await source.close()
  })

  it('passes the markers of transactions and what was aborted', async () => {
    await broker.createTopic('transactions', 1)
    const producer = kafkaClient(broker.brokers).producer({
      transactionalId: 'one',
      idempotent: true,
      maxInFlightRequests: 1,
    })
    await producer.connect()
    const kept = await producer.transaction()
    await kept.send({ topic: 'transactions', messages: numbered(0, 2, 0) })
    await kept.commit()
    const dropped = await producer.transaction()
    await dropped.send({ topic: 'transactions', messages: numbered(2, 2, 0) })
    await dropped.abort()
    await producer.disconnect()
    const source = sourceOf({ topics: [{ topic: 'transactions', format: 'stock-json' }] })
    await source.open(new Map())
    const { messages } = await readMessages(source, 2)
    expect(messages.map(({ payload }) => payload)).toEqual(['m0', 'm1'])
    let end = 0n
    for (let tries = 0; end < 6n && tries < 20; tries += 1) {
      end = (await source.next(QUICK, NEVER))?.progress[0]?.endOffset ?? end
    }
    expect(end).toBe(6n)
    await source.close()
  })

  it('takes in a new partition from its first record', async () => {
    await broker.createTopic('growing', 1)
    await send(broker.brokers, 'growing', numbered(0, 1, 0))
    const source = sourceOf({
      topics: [{ topic: 'growing', format: 'stock-json', start: 'latest' }],
      metadataMaxAgeMs: 500,
    })
    await source.open(new Map([['kafka:growing#0', 1n]]))
    const admin = kafkaClient(broker.brokers).admin()
    await admin.connect()
    await admin.createPartitions({ topicPartitions: [{ topic: 'growing', count: 2 }] })
    await admin.disconnect()
    await send(broker.brokers, 'growing', [...numbered(50, 3, 1), ...numbered(1, 1, 0)])
    const { messages } = await readMessages(source, 4)
    expect(messages.map(({ part, payload }) => `${part} ${payload}`)).toEqual(
      expect.arrayContaining(['kafka:growing#1 m50', 'kafka:growing#1 m52', 'kafka:growing#0 m1']),
    )
    await source.close()
  })

  it('says what to do about a topic that does not exist', async () => {
    const source = sourceOf({ topics: [{ topic: 'nowhere', format: 'stock-json' }] })
    await expect(source.open(new Map())).rejects.toMatchObject({
      kind: 'storage-unavailable',
      message: expect.stringMatching(/"nowhere".*Nothing was read\. Create it/) as string,
    })
    await source.close()
  })

  it('says that a broker cannot be reached', async () => {
    const options = kafkaOptions(['127.0.0.1:1'], scratch.path, {
      topics: [{ topic: 'any', format: 'stock-json' }],
    })
    const source = createKafkaSource(options)
    await expect(source.open(new Map())).rejects.toMatchObject({ kind: 'storage-unavailable' })
    await source.close()
  })

  it('refuses to go on where the log begins behind the position or ends before it', async () => {
    await broker.createTopic('shortened', 1)
    await send(broker.brokers, 'shortened', numbered(0, 20, 0))
    await deleteRecords('shortened', '12')
    const topics = [{ topic: 'shortened', format: 'stock-json' }]
    const low = sourceOf({ topics })
    await expect(low.open(new Map([['kafka:shortened#0', 5n]]))).rejects.toMatchObject({
      kind: 'data-loss',
      message: expect.stringContaining('offsets 5 to 11') as string,
    })
    const high = sourceOf({ topics })
    await expect(high.open(new Map([['kafka:shortened#0', 25n]]))).rejects.toMatchObject({
      kind: 'data-loss',
      message: expect.stringContaining('offsets 20 to 24') as string,
    })
    const gone = sourceOf({ topics })
    await expect(gone.open(new Map([['kafka:shortened#7', 3n]]))).rejects.toMatchObject({
      kind: 'data-loss',
      message: expect.stringContaining('no partition 7') as string,
    })
  })

  it('fails with data-loss when the log passes the position while it reads', async () => {
    await broker.createTopic('overtaken', 1)
    const wide = 'x'.repeat(4000)
    const sent = Array.from({ length: 3000 }, (_, index) => ({ value: `${index} ${wide}` }))
    for (let start = 0; start < sent.length; start += 100) {
      await send(broker.brokers, 'overtaken', sent.slice(start, start + 100))
    }
    const source = sourceOf({ topics: [{ topic: 'overtaken', format: 'stock-json' }] })
    await source.open(new Map())
    await source.next({ ...QUICK, rows: 5 }, NEVER)
    await deleteRecords('overtaken', '2999')
    await expect(readMessages(source, 3000)).rejects.toMatchObject({
      kind: 'data-loss',
      message: expect.stringMatching(/no longer holds offsets \d+ to 2998/) as string,
    })
    await source.close()
  })

  it('lets the holder keep all partitions when a second reader joins, which takes over at its end', async () => {
    await broker.createTopic('held', 4)
    await send(
      broker.brokers,
      'held',
      [0, 1, 2, 3].flatMap((p) => numbered(p * 10, 2, p)),
    )
    const topics = [{ topic: 'held', format: 'stock-json' }]
    const holder = sourceOf({ topics, groupId: 'held-group' })
    await holder.open(new Map())
    expect((await readMessages(holder, 8)).messages).toHaveLength(8)
    const lines: string[] = []
    const logger = {
      debug: () => undefined,
      info: (_: unknown, message: string) => void lines.push(message),
      warn: () => undefined,
      error: (_: unknown, message: string) => void lines.push(message),
    }
    const standby = sourceOf({ topics, groupId: 'held-group', logger })
    const opened = standby.open(new Map()).catch((error: unknown) => error)
    while (!lines.some((line) => line.startsWith('standing by'))) {
      await holder.next(QUICK, NEVER)
    }
    await send(
      broker.brokers,
      'held',
      [0, 1, 2, 3].flatMap((p) => numbered(p * 10 + 2, 2, p)),
    )
    const { messages } = await readMessages(holder, 8)
    expect(messages.map(({ payload }) => payload)).toEqual(
      [2, 3, 12, 13, 22, 23, 32, 33].map((number) => `m${number}`),
    )
    await holder.close()
    expect(await opened).toMatchObject({ kind: 'commit-conflict', isRetryable: true })
    expect(lines.find((line) => line.startsWith('standing by'))).toContain('sluice-test')
    await standby.close()
  })

  it('closes while it is still joining, and while the reader waits for room', async () => {
    await broker.createTopic('stopped', 1)
    await send(broker.brokers, 'stopped', numbered(0, 1000, 0))
    const topics = [{ topic: 'stopped', format: 'stock-json' }]
    const joining = sourceOf({ topics, groupId: 'stopped-group' })
    const opened = joining.open(new Map()).catch(() => undefined)
    await joining.close()
    const waiting = sourceOf({ topics, groupId: 'stopped-group' })
    await waiting.open(new Map())
    const batch = await waiting.next({ ...QUICK, rows: 10 }, NEVER)
    expect(batch?.messageCount).toBe(10)
    await waiting.close()
    expect(await waiting.next(QUICK, NEVER)).toBeUndefined()
    await opened
  })
})

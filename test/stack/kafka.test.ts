import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import kafkajs from 'kafkajs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { freePorts } from '../../stack/free-ports.ts'
import { startKafkaNode } from '../../stack/kafka.ts'
import { prepareKafka, stackTopics } from '../../stack/prepare-kafka.ts'
import { startKafka } from '../support/kafka.ts'
import type { KafkaBroker } from '../support/kafka.ts'
import { describeWithService } from '../support/service.ts'

await describeWithService('kafka', 'the Kafka node of tests', () => {
  let broker: KafkaBroker
  const started: KafkaBroker[] = []
  beforeAll(async () => {
    broker = await startKafka()
    started.push(broker)
  })
  afterAll(() => Promise.all(started.map((each) => each.stop())))

  it('makes topics with the partitions that were asked for, and keeps what is sent', async () => {
    await broker.createTopic('trades', 4)
    const { Kafka, logLevel } = kafkajs
    const client = new Kafka({ brokers: broker.brokers, logLevel: logLevel.NOTHING })
    const producer = client.producer()
    await producer.connect()
    await producer.send({ topic: 'trades', messages: [{ value: 'one', partition: 3 }] })
    await producer.disconnect()
    const admin = client.admin()
    await admin.connect()
    const offsets = await admin.fetchTopicOffsets('trades')
    await admin.disconnect()
    const ends = new Map(offsets.map(({ partition, high }) => [partition, high]))
    expect([0, 1, 2, 3].map((partition) => ends.get(partition))).toEqual(['0', '0', '0', '1'])
  })

  it('refuses a topic that is there already', async () => {
    await broker.createTopic('quotes', 1)
    await expect(broker.createTopic('quotes', 1)).rejects.toThrow('quotes')
  })

  it('keeps its data between two starts in a folder and on ports that are given', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-kafka-'))
    const [first = 0, controller = 0] = await freePorts(2)
    const ports = { broker: first, controller }
    for (const isThere of [false, true]) {
      const node = await startKafkaNode({ folder, ports })
      try {
        expect(node.brokers).toBe(`127.0.0.1:${first}`)
        expect((await topicsOf(node.brokers)).includes('stocks')).toBe(isThere)
        // The second time it finds them.
        await prepareKafka(node.brokers)
        expect(await topicsOf(node.brokers)).toEqual(Object.keys(stackTopics).sort())
      } finally {
        await node.stop()
      }
    }
    await rm(folder, { recursive: true, force: true })
  })

  it('ends when it is stopped', async () => {
    const second = await startKafka()
    await second.stop()
    expect(() => process.kill(second.pid, 0)).toThrow('ESRCH')
  })
})

/** Names of topics, without those of the broker itself. */
async function topicsOf(broker: string): Promise<string[]> {
  const { Kafka, logLevel } = kafkajs
  const admin = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  const topics = await admin.listTopics()
  await admin.disconnect()
  return topics.filter((topic) => !topic.startsWith('__')).sort()
}

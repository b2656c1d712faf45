import kafkajs from 'kafkajs'
import { afterAll, beforeAll, expect, it } from 'vitest'
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

  it('ends when it is stopped', async () => {
    const second = await startKafka()
    await second.stop()
    expect(() => process.kill(second.pid, 0)).toThrow('ESRCH')
  })
})

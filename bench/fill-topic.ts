import type { Message } from 'kafkajs'
import kafkajs from 'kafkajs'
import { RECEIVED_HEADER } from '../pipelines/sources/kafka-record.ts'
import { makeStockMessages } from './stock-messages.ts'

/** Four partitions of a request stay below the broker's 1 MB for a batch of records. */
const MESSAGES_PER_REQUEST = 10_000

/** Makes a topic and writes `count` messages over all of its partitions in turn. */
export async function fillTopic(options: {
  readonly brokers: readonly string[]
  readonly topic: string
  readonly partitions: number
  readonly count: number
}): Promise<void> {
  const { brokers, topic, partitions, count } = options
  await createTopic(options)
  const producer = createClient(brokers).producer({ idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  try {
    let waiting: Message[] = []
    let sent = 0
    const send = async (): Promise<void> => {
      await producer.send({ topic, acks: -1, messages: waiting })
      waiting = []
    }
    for (const messages of makeStockMessages(count)) {
      for (const { key, payload, receivedUs } of messages) {
        waiting.push({
          key: key === null ? null : Buffer.from(key),
          value: payload === null ? null : Buffer.from(payload),
          headers: { [RECEIVED_HEADER]: String(receivedUs) },
          partition: sent % partitions,
        })
        sent += 1
      }
      if (waiting.length >= MESSAGES_PER_REQUEST) await send()
    }
    if (waiting.length > 0) await send()
  } finally {
    await producer.disconnect()
  }
}

/** Makes an empty topic. */
export async function createTopic(options: {
  readonly brokers: readonly string[]
  readonly topic: string
  readonly partitions: number
}): Promise<void> {
  const { brokers, topic, partitions } = options
  const admin = createClient(brokers).admin()
  await admin.connect()
  try {
    await admin.createTopics({
      topics: [{ topic, numPartitions: partitions, replicationFactor: 1 }],
      waitForLeaders: true,
    })
  } finally {
    await admin.disconnect()
  }
}

function createClient(brokers: readonly string[]): InstanceType<typeof kafkajs.Kafka> {
  const { Kafka, logLevel } = kafkajs
  return new Kafka({
    clientId: 'sluice-bench-filler',
    brokers: [...brokers],
    logLevel: logLevel.NOTHING,
  })
}

import { setTimeout as delay } from 'node:timers/promises'
import type { Admin } from 'kafkajs'
import kafkajs from 'kafkajs'
import { startKafkaNode, type KafkaOptions } from '../../stack/kafka.ts'

/** A real one-node Kafka of a test, on free ports of 127.0.0.1. */
export interface KafkaBroker {
  /** For kafkajs: `new Kafka({ brokers })`. */
  readonly brokers: string[]
  /** The Java process. */
  readonly pid: number
  /** `settings` of the topic: `cleanup.policy`. */
  createTopic(
    name: string,
    partitions: number,
    settings?: Readonly<Record<string, string>>,
  ): Promise<void>
  /** Ends the broker and removes its data; also happens when this process ends in any way. */
  stop(): Promise<void>
}

/** Starts a broker (3-9 s) and resolves once it takes requests. */
export async function startKafka(options?: KafkaOptions): Promise<KafkaBroker> {
  const node = await startKafkaNode(options)
  const brokers = [node.brokers]
  return {
    brokers,
    pid: node.pid,
    createTopic: (name, partitions, settings) => createTopic(brokers, name, partitions, settings),
    stop: () => node.stop(),
  }
}

/** Makes a topic; throws where it is there. */
export async function createTopic(
  brokers: string[],
  topic: string,
  partitions: number,
  settings: Readonly<Record<string, string>> = {},
): Promise<void> {
  const { Kafka, logLevel } = kafkajs
  const client = new Kafka({ clientId: 'sluice-test', brokers, logLevel: logLevel.NOTHING })
  const admin = client.admin()
  await admin.connect()
  try {
    const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }))
    const topics = [{ topic, numPartitions: partitions, replicationFactor: 1, configEntries }]
    const isNew = await admin.createTopics({ topics, waitForLeaders: false })
    if (!isNew) throw new Error(`topic ${topic} exists`)
    await untilLed(admin, topic)
  } finally {
    await admin.disconnect()
  }
}

/** A topic of a name that was deleted a moment ago is unknown for another moment. */
async function untilLed(admin: Admin, topic: string): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await admin.fetchTopicMetadata({ topics: [topic] })
      return
    } catch (error) {
      if (tries === 50) throw error
      await delay(100)
    }
  }
}

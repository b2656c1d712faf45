import kafkajs from 'kafkajs'
import { startKafkaNode } from '../../stack/kafka.ts'

/** A real one-node Kafka of a test, on free ports of 127.0.0.1. */
export interface KafkaBroker {
  /** For kafkajs: `new Kafka({ brokers })`. */
  readonly brokers: string[]
  /** The Java process. */
  readonly pid: number
  createTopic(name: string, partitions: number): Promise<void>
  /** Ends the broker and removes its data; also happens when this process ends in any way. */
  stop(): Promise<void>
}

/** Starts a broker (3-9 s) and resolves once it takes requests. */
export async function startKafka(): Promise<KafkaBroker> {
  const node = await startKafkaNode()
  const brokers = [node.brokers]
  return {
    brokers,
    pid: node.pid,
    createTopic: (name, partitions) => createTopic(brokers, name, partitions),
    stop: () => node.stop(),
  }
}

/** Makes a topic; throws where it is there. */
export async function createTopic(
  brokers: string[],
  topic: string,
  partitions: number,
): Promise<void> {
  const { Kafka, logLevel } = kafkajs
  const client = new Kafka({ clientId: 'sluice-test', brokers, logLevel: logLevel.NOTHING })
  const admin = client.admin()
  await admin.connect()
  try {
    const topics = [{ topic, numPartitions: partitions, replicationFactor: 1 }]
    const isNew = await admin.createTopics({ topics, waitForLeaders: true })
    if (!isNew) throw new Error(`topic ${topic} exists`)
  } finally {
    await admin.disconnect()
  }
}

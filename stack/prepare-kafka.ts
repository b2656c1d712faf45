import kafkajs from 'kafkajs'

/** The topics of examples/*.yaml with their partitions; docker-compose.yml makes the same. */
export const stackTopics: Readonly<Record<string, number>> = { stocks: 4, 'binance-spot': 2 }

/** Makes the topics that are missing: the broker makes none by itself. */
export async function prepareKafka(broker: string): Promise<void> {
  const { Kafka, logLevel } = kafkajs
  const admin = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  try {
    const there = new Set(await admin.listTopics())
    const topics = Object.entries(stackTopics)
      .filter(([topic]) => !there.has(topic))
      .map(([topic, numPartitions]) => ({ topic, numPartitions, replicationFactor: 1 }))
    if (topics.length > 0) await admin.createTopics({ topics, waitForLeaders: true })
  } finally {
    await admin.disconnect()
  }
}

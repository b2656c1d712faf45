import type { Message } from 'kafkajs'
import kafkajs from 'kafkajs'
import { SluiceError } from '../../tables/errors.ts'
import type { KafkaConnection } from '../sources/kafka-client.ts'
import { createKafkaClient } from '../sources/kafka-client.ts'
import { kafkaFailure } from '../sources/kafka-failure.ts'
import { RECEIVED_HEADER } from '../sources/kafka-record.ts'
import type { Logger } from '../sources/logger.ts'

/** A message for a topic; `receivedUs` travels as header `received-ts-us`. */
export interface TopicMessage {
  readonly key: Uint8Array | null
  readonly payload: Uint8Array | null
  /** Microseconds, undefined where unknown. */
  readonly receivedUs: bigint | undefined
  readonly headers?: Readonly<Record<string, string>>
}

export interface KafkaProducer {
  /** Sends in order (of a key) and resolves once all in-sync replicas have the messages. */
  send(messages: readonly TopicMessage[]): Promise<void>
  close(): Promise<void>
}

/**
 * A producer for one topic: keyed by the default partitioner, idempotent, so that a retry after a
 * lost answer writes nothing twice. Throws storage-unavailable where the brokers cannot be reached,
 * the topic does not exist (asked first: kafkajs would try for nine seconds) or a send fails.
 */
export async function openKafkaProducer(options: {
  readonly connection: KafkaConnection
  readonly topic: string
  readonly logger: Logger
}): Promise<KafkaProducer> {
  const { connection, topic, logger } = options
  const client = createKafkaClient({ connection, logger })
  const producer = client.kafka.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
  })
  try {
    await checkTopicExists(client.kafka.admin(), topic, connection)
    await producer.connect()
  } catch (error) {
    client.destroy()
    throw unreachable(connection, error)
  }
  return {
    send: async (messages) => {
      if (messages.length === 0) return
      try {
        await producer.send({ topic, acks: -1, messages: messages.map(kafkaMessage) })
      } catch (error) {
        throw failed(topic, connection, error)
      }
    },
    close: async () => {
      await producer.disconnect()
      client.destroy()
    },
  }
}

function kafkaMessage({ key, payload, receivedUs, headers }: TopicMessage): Message {
  const stamp = receivedUs === undefined ? {} : { [RECEIVED_HEADER]: String(receivedUs) }
  return {
    key: key === null ? null : Buffer.from(key),
    value: payload === null ? null : Buffer.from(payload),
    headers: { ...headers, ...stamp },
  }
}

async function checkTopicExists(
  admin: ReturnType<ReturnType<typeof createKafkaClient>['kafka']['admin']>,
  topic: string,
  connection: KafkaConnection,
): Promise<void> {
  await admin.connect()
  try {
    const topics = await admin.listTopics()
    if (topics.includes(topic)) return
  } finally {
    await admin.disconnect()
  }
  throw new SluiceError(
    'storage-unavailable',
    `Kafka at ${connection.brokers.join(', ')} has no topic "${topic}". Nothing was sent. Create ` +
      'it (kafka-topics.sh --create --topic …), or give the name of one that exists.',
    { context: { topic } },
  )
}

function unreachable(connection: KafkaConnection, cause: unknown): SluiceError {
  return kafkaFailure(connection, cause, {
    undone: 'Nothing was sent.',
    next: 'Start the broker, or name another by --brokers.',
  })
}

function failed(topic: string, connection: KafkaConnection, cause: unknown): SluiceError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new SluiceError(
    'storage-unavailable',
    `Messages could not be sent to topic "${topic}" at ${connection.brokers.join(', ')} (${reason}). ` +
      'The last batch may be there in part. See that the brokers run, then send again from where ' +
      'the topic ends.',
    { cause, isRetryable: true, context: { topic } },
  )
}

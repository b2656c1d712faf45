import type { Kafka, KafkaMessage } from 'kafkajs'

export interface KafkaPosition {
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
}

/** Reads single records without a consumer group: nothing is left behind on the broker. */
export interface KafkaRecordReader {
  /** Undefined where the log holds no record at that very offset. Throws what kafkajs throws. */
  readAt(position: KafkaPosition): Promise<KafkaMessage | undefined>
  close(): Promise<void>
}

/** What we use of kafkajs's own cluster. Not in its types, hence the pinned version. */
interface Cluster {
  connect(): Promise<void>
  disconnect(): Promise<void>
  addTargetTopic(topic: string): Promise<void>
  refreshMetadata(): Promise<void>
  /** Partitions by the node that leads them. */
  findLeaderForPartitions(topic: string, partitions: number[]): Record<string, number[]>
  findBroker(options: { nodeId: string }): Promise<Broker>
  /** Tries again what may be tried again, as often as the client's settings say. */
  retrier<T>(attempt: () => Promise<T>): Promise<T>
}

interface Broker {
  fetch(request: {
    readonly maxWaitTime: number
    readonly maxBytes: number
    readonly topics: readonly {
      readonly topic: string
      readonly partitions: readonly {
        readonly partition: number
        readonly fetchOffset: string
        readonly maxBytes: number
      }[]
    }[]
  }): Promise<{
    readonly responses: readonly {
      readonly partitions: readonly { readonly messages: readonly KafkaMessage[] }[]
    }[]
  }>
}

type CreateCluster = (options: { readonly allowAutoTopicCreation: boolean }) => Cluster

const MAX_WAIT_MS = 1000
/** A broker sends the first batch whole, however large it is. */
const MAX_BYTES = 1024 * 1024

/** A reader over the client's connections' settings; it connects with the first read. */
export function createKafkaRecordReader(kafka: Kafka): KafkaRecordReader {
  const cluster = createCluster(kafka)
  return {
    readAt: (position) => cluster.retrier(() => fetchRecord(cluster, position)),
    close: () => cluster.disconnect(),
  }
}

async function fetchRecord(
  cluster: Cluster,
  { topic, partition, offset }: KafkaPosition,
): Promise<KafkaMessage | undefined> {
  try {
    await cluster.connect()
    await cluster.addTargetTopic(topic)
    const [nodeId] = Object.keys(cluster.findLeaderForPartitions(topic, [partition]))
    if (nodeId === undefined) throw new Error(`${topic} has no partition ${partition}`)
    const broker = await cluster.findBroker({ nodeId })
    const partitions = [{ partition, fetchOffset: String(offset), maxBytes: MAX_BYTES }]
    const { responses } = await broker.fetch({
      maxWaitTime: MAX_WAIT_MS,
      maxBytes: MAX_BYTES,
      topics: [{ topic, partitions }],
    })
    // A batch begins before the offset that was asked for, or behind a hole that it lies in.
    return responses[0]?.partitions[0]?.messages.find((each) => each.offset === String(offset))
  } catch (error) {
    if (typeOf(error) === 'OFFSET_OUT_OF_RANGE') return undefined
    await cluster.refreshMetadata().catch(() => undefined)
    throw error
  }
}

function createCluster(kafka: Kafka): Cluster {
  const isWanted = ({ description }: symbol) => description === 'private:Kafka:createCluster'
  const key = Object.getOwnPropertySymbols(kafka).find(isWanted)
  if (key === undefined) throw new TypeError('this kafkajs is not the pinned version')
  const create = (kafka as unknown as Readonly<Record<symbol, CreateCluster>>)[key]
  if (create === undefined) throw new TypeError('this kafkajs is not the pinned version')
  return create({ allowAutoTopicCreation: false })
}

function typeOf(error: unknown): unknown {
  return error instanceof Error && 'type' in error ? error.type : undefined
}

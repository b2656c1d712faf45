import type { Admin } from 'kafkajs'
import { SluiceError } from '../../tables/errors.ts'
import type { SourcePart } from './source.ts'
import { partKey } from './source.ts'

export type StartPolicy = 'earliest' | 'latest'

export interface KafkaTopic {
  readonly topic: string
  readonly format: string
  /** Where to begin, used only where the lake holds no position of the topic. Default earliest. */
  readonly start?: StartPolicy
}

/** What the broker holds of a partition: low is the first offset, high the next one to be written. */
export interface LogRange {
  readonly low: bigint
  readonly high: bigint
}

export interface KafkaStart {
  readonly topic: KafkaTopic
  readonly part: SourcePart
  readonly startOffset: bigint
  readonly range: LogRange
}

export function kafkaPart(topic: string, partition: number): SourcePart {
  return { source: `kafka:${topic}`, partition }
}

/**
 * Where to begin in every partition. A partition that the lake does not know begins at earliest if
 * the lake knows another one of its topic: it came later, and nothing of it may be left out.
 * Throws storage-unavailable for a topic that does not exist, data-loss for a position that the
 * broker no longer or not yet holds.
 */
export async function resolveStarts(options: {
  readonly admin: Admin
  readonly topics: readonly KafkaTopic[]
  readonly positions: ReadonlyMap<string, bigint>
  readonly brokers: readonly string[]
}): Promise<KafkaStart[]> {
  const { admin, topics, positions } = options
  await checkTopicsExist(admin, topics, options.brokers)
  const starts: KafkaStart[] = []
  for (const topic of topics) {
    const ranges = await readLogRanges(admin, topic.topic)
    const partitions = [...ranges.keys()]
    const positionOf = (partition: number) =>
      positions.get(partKey(kafkaPart(topic.topic, partition)))
    const isKnown = partitions.some((partition) => positionOf(partition) !== undefined)
    for (const [partition, range] of ranges) {
      const part = kafkaPart(topic.topic, partition)
      const position = positionOf(partition)
      if (position !== undefined) checkPosition(part, position, range)
      const isLatest = topic.start === 'latest' && !isKnown
      const startOffset = position ?? (isLatest ? range.high : range.low)
      starts.push({ topic, part, startOffset, range })
    }
    checkNoPartitionIsGone(topic.topic, positions, ranges)
  }
  return starts
}

/** The ranges of a topic's partitions by partition number, ascending. */
export async function readLogRanges(admin: Admin, topic: string): Promise<Map<number, LogRange>> {
  const offsets = await admin.fetchTopicOffsets(topic)
  const sorted = [...offsets].sort((a, b) => a.partition - b.partition)
  return new Map(
    sorted.map(({ partition, low, high }) => [partition, { low: BigInt(low), high: BigInt(high) }]),
  )
}

/** Throws data-loss where the broker does not hold the record at `position` or the end there. */
export function checkPosition(part: SourcePart, position: bigint, range: LogRange): void {
  const context = { source: part.source, partition: part.partition, position }
  const name = `${part.source} partition ${part.partition}`
  if (position < range.low) {
    throw new SluiceError(
      'data-loss',
      `${name} no longer holds offsets ${position} to ${range.low - 1n}: the lake has read up to ` +
        `${position}, the log begins at ${range.low}. Nothing was read. Bring the missing range ` +
        'from an archive, or decide to go on without it by a new lake or a new topic.',
      { context },
    )
  }
  if (position > range.high) {
    throw new SluiceError(
      'data-loss',
      `${name} ends at offset ${range.high}, but the lake has read up to ${position}: offsets ` +
        `${range.high} to ${position - 1n} are gone, or the topic was made anew. Nothing was ` +
        'read. Restore the topic, or use a topic of another name for the new data.',
      { context },
    )
  }
}

async function checkTopicsExist(
  admin: Admin,
  topics: readonly KafkaTopic[],
  brokers: readonly string[],
): Promise<void> {
  const existing = new Set(await admin.listTopics())
  const missing = topics.map(({ topic }) => topic).filter((topic) => !existing.has(topic))
  if (missing.length === 0) return
  throw new SluiceError(
    'storage-unavailable',
    `Kafka at ${brokers.join(', ')} has no topic ${missing.map((name) => `"${name}"`).join(', ')}. ` +
      'Nothing was read. Create it (kafka-topics.sh --create --topic …), or correct ' +
      'sources[].topic in the config.',
    { context: { topics: missing.join(',') } },
  )
}

/** A topic made anew with fewer partitions would otherwise be read as if nothing had happened. */
function checkNoPartitionIsGone(
  topic: string,
  positions: ReadonlyMap<string, bigint>,
  ranges: ReadonlyMap<number, LogRange>,
): void {
  const prefix = `${kafkaPart(topic, 0).source}#`
  for (const [key, position] of positions) {
    if (!key.startsWith(prefix) || position === 0n) continue
    const partition = Number(key.slice(prefix.length))
    if (ranges.has(partition)) continue
    throw new SluiceError(
      'data-loss',
      `Topic ${topic} has no partition ${partition}, of which the lake has read up to offset ` +
        `${position}: the topic was made anew. Nothing was read. Restore the topic, or use a ` +
        'topic of another name for the new data.',
      { context: { topic, partition, position } },
    )
  }
}

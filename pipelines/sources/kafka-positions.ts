import type { Admin } from 'kafkajs'
import { SluiceError } from '../../tables/errors.ts'
import { incarnationOf, kafkaPart } from './kafka-part.ts'
import type { SourcePart } from './source.ts'
import { partKey } from './source.ts'

/** A time is Kafka's record time; a partition without an offset begins at earliest. */
export type StartPolicy =
  | 'earliest'
  | 'latest'
  | { readonly timeMs: number }
  | { readonly offsets: ReadonlyMap<number, bigint> }

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

/**
 * Where to begin in every partition. A partition that the lake does not know begins at earliest if
 * the lake knows another one of its topic: it came later, and nothing of it may be left out.
 * Throws storage-unavailable for a topic that does not exist, data-loss for a position that the
 * broker no longer or not yet holds, invalid-input for a first offset that it does not hold.
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
    const incarnation = incarnationOf(topic.topic, positions)
    const partOf = (partition: number) => kafkaPart(topic.topic, partition, incarnation)
    const positionOf = (partition: number) => positions.get(partKey(partOf(partition)))
    const isKnown = partitions.some((partition) => positionOf(partition) !== undefined)
    const first = await firstOffsets(admin, topic, isKnown ? 'earliest' : topic.start, ranges)
    for (const [partition, range] of ranges) {
      const part = partOf(partition)
      const position = positionOf(partition)
      if (position !== undefined) checkPosition(part, position, range)
      const startOffset = position ?? first.get(partition) ?? range.low
      starts.push({ topic, part, startOffset, range })
    }
    checkNoPartitionIsGone(topic.topic, partOf(0).source, positions, ranges)
  }
  return starts
}

/** Where a topic that is new to the lake begins; a partition that is left out begins at earliest. */
async function firstOffsets(
  admin: Admin,
  { topic }: KafkaTopic,
  start: StartPolicy | undefined,
  ranges: ReadonlyMap<number, LogRange>,
): Promise<ReadonlyMap<number, bigint>> {
  if (start === undefined || start === 'earliest') return new Map()
  if (start === 'latest') return new Map([...ranges].map(([number, { high }]) => [number, high]))
  if ('offsets' in start) {
    for (const [partition, offset] of start.offsets) {
      checkFirstOffset(topic, partition, offset, ranges.get(partition))
    }
    return start.offsets
  }
  // Where no record is so young, kafkajs answers with the end.
  const found = await admin.fetchTopicOffsetsByTimestamp(topic, start.timeMs)
  return new Map(found.map(({ partition, offset }) => [partition, BigInt(offset)]))
}

function checkFirstOffset(
  topic: string,
  partition: number,
  offset: bigint,
  range: LogRange | undefined,
): void {
  if (range !== undefined && offset >= range.low && offset <= range.high) return
  const there =
    range === undefined ? 'has no such partition' : `holds ${range.low} to ${range.high} there`
  throw new SluiceError(
    'invalid-input',
    `start begins partition ${partition} of ${topic} at offset ${offset}, but the topic ${there}. ` +
      'Nothing was read. Correct sources[].start in the config.',
    { context: { topic, partition, offset } },
  )
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
        'from an archive, or go on without it by `sluice live --accept-loss`.',
      { context },
    )
  }
  if (position > range.high) {
    throw new SluiceError(
      'data-loss',
      `${name} ends at offset ${range.high}, but the lake has read up to ${position}: offsets ` +
        `${range.high} to ${position - 1n} are gone, or the topic was made anew. Nothing was ` +
        'read. Restore the topic, or take it as it is by `sluice live --accept-loss`.',
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
  source: string,
  positions: ReadonlyMap<string, bigint>,
  ranges: ReadonlyMap<number, LogRange>,
): void {
  const prefix = `${source}#`
  for (const [key, position] of positions) {
    if (!key.startsWith(prefix) || position === 0n) continue
    const partition = Number(key.slice(prefix.length))
    if (ranges.has(partition)) continue
    throw new SluiceError(
      'data-loss',
      `Topic ${topic} has no partition ${partition}, of which the lake has read up to offset ` +
        `${position}: the topic was made anew. Nothing was read. Restore the topic, or take it ` +
        'as it is by `sluice live --accept-loss`.',
      { context: { topic, partition, position } },
    )
  }
}

import type { Admin } from 'kafkajs'
import { createKafkaClient, type KafkaConnection } from './kafka-client.ts'
import { kafkaFailure } from './kafka-failure.ts'
import { incarnationOf, kafkaPart } from './kafka-part.ts'
import { readLogRanges, type KafkaTopic, type LogRange } from './kafka-positions.ts'
import { readMessageAt } from './kafka-record.ts'
import { createKafkaRecordReader, type KafkaRecordReader } from './kafka-record-reader.ts'
import type { Logger } from './logger.ts'
import type { LastMessageReader, PartLoss, SourcePart } from './source.ts'
import { isSameContent, partKey, restingProgress } from './source.ts'
import { withPatience } from './with-patience.ts'

interface Search {
  readonly admin: Admin
  readonly records: KafkaRecordReader
  readonly positions: ReadonlyMap<string, bigint>
  readonly lastMessageOf: LastMessageReader
}

interface TopicLog {
  readonly topic: string
  readonly incarnation: number
  readonly ranges: ReadonlyMap<number, LogRange>
  /** Positions of the lake by partition, those of partitions that are gone as well. */
  readonly positions: ReadonlyMap<number, bigint>
}

const PATIENCE_MS = 5000

/**
 * What topics no longer hold of what the lake would read next. Unread messages that retention took
 * are passed over; a topic that is another one than the lake has read is read anew, as another
 * part. Changes nothing.
 * @throws SluiceError `storage-unavailable` where the brokers do not answer.
 */
export async function findKafkaLosses(
  options: {
    readonly connection: KafkaConnection
    readonly topics: readonly KafkaTopic[]
    readonly logger: Logger
  },
  positions: ReadonlyMap<string, bigint>,
  lastMessageOf: LastMessageReader,
): Promise<readonly PartLoss[]> {
  const { connection, topics, logger } = options
  const client = createKafkaClient({ connection, logger })
  const admin = client.kafka.admin()
  const records = createKafkaRecordReader(client.kafka)
  try {
    await admin.connect()
    const search: Search = { admin, records, positions, lastMessageOf }
    const losses: PartLoss[] = []
    for (const { topic } of topics) losses.push(...(await topicLosses(search, topic)))
    return losses
  } catch (error) {
    throw kafkaFailure(connection, error, {
      undone: 'No loss was accepted and nothing was read.',
      next: 'Start the broker or correct kafka.brokers in the config.',
    })
  } finally {
    await withPatience(Promise.allSettled([admin.disconnect(), records.close()]), PATIENCE_MS)
    client.destroy()
  }
}

async function topicLosses(search: Search, topic: string): Promise<readonly PartLoss[]> {
  const incarnation = incarnationOf(topic, search.positions)
  const prefix = `${kafkaPart(topic, 0, incarnation).source}#`
  const known = [...search.positions].filter(([key]) => key.startsWith(prefix))
  if (known.length === 0) return []
  const log: TopicLog = {
    topic,
    incarnation,
    ranges: await readLogRanges(search.admin, topic),
    positions: new Map(known.map(([key, end]) => [Number(key.slice(prefix.length)), end])),
  }
  for (const [partition, position] of log.positions) {
    const range = log.ranges.get(partition)
    const isShort = position > (range?.high ?? 0n)
    if (isShort || (await compareLogs(search, log, partition)) === 'other') {
      return replacedTopic(search, log)
    }
  }
  return [...log.positions].flatMap(([partition, position]) => {
    const low = log.ranges.get(partition)?.low ?? 0n
    if (position >= low) return []
    const part = kafkaPart(topic, partition, incarnation)
    const what =
      `${named(part)}: offsets ${position} to ${low - 1n} were deleted before they were read; ` +
      `it goes on at ${low}`
    return [{ what, progress: { ...restingProgress(part, position), endOffset: low } }]
  })
}

/** Whether the log holds the message that the lake has read last of what both could hold. */
async function compareLogs(
  { records, lastMessageOf }: Search,
  { topic, incarnation, ranges, positions }: TopicLog,
  partition: number,
): Promise<'same' | 'other' | 'unknown'> {
  const position = positions.get(partition) ?? 0n
  const range = ranges.get(partition)
  if (range === undefined) return 'unknown'
  const belowOffset = position < range.high ? position : range.high
  const last = await lastMessageOf(kafkaPart(topic, partition, incarnation), belowOffset)
  if (last === undefined || last.offset < range.low) return 'unknown'
  const held = await readMessageAt(records, { topic, partition, offset: last.offset })
  if (held === undefined) return 'unknown'
  return isSameContent(held, last) ? 'same' : 'other'
}

/** Every part of the topic ends, and those that take their places begin. */
async function replacedTopic(search: Search, log: TopicLog): Promise<readonly PartLoss[]> {
  const { topic, incarnation, ranges, positions } = log
  const losses: PartLoss[] = []
  for (const [partition, position] of positions) {
    const part = kafkaPart(topic, partition, incarnation)
    const what = `${named(part)}: it ends at ${position}; what followed there is gone`
    losses.push({ what, progress: { ...restingProgress(part, position), isFinished: true } })
  }
  for (const [partition, range] of ranges) {
    const part = kafkaPart(topic, partition, incarnation + 1)
    const position = positions.get(partition) ?? 0n
    // A log that was cut off still begins with what the lake has read.
    const isSame = (await compareLogs(search, log, partition)) === 'same'
    const start = isSame ? (position < range.high ? position : range.high) : range.low
    const why = isSame ? 'its log was cut off there' : 'the topic was made again'
    const what = `${named(part)}: read from ${start} on, as ${why}`
    losses.push({ what, progress: restingProgress(part, start) })
  }
  return losses
}

function named(part: SourcePart): string {
  return partKey(part).replace('#', ' partition ')
}

import type { Admin, Batch, Consumer, EachBatchPayload } from 'kafkajs'
import type { Clock, IdSource } from '../../tables/clock.ts'
import { SluiceError } from '../../tables/errors.ts'
import type { BatchBuffer, PartSlot } from './batch-buffer.ts'
import { createBatchBuffer } from './batch-buffer.ts'
import type { GroupHole, KafkaGroup } from './kafka-group.ts'
import { createKafkaGroup } from './kafka-group.ts'
import type { KafkaClient, KafkaConnection } from './kafka-client.ts'
import { createKafkaClient } from './kafka-client.ts'
import { decodeFetchesFast } from './kafka-fast-fetch.ts'
import { kafkaFailure } from './kafka-failure.ts'
import { sleepBeating, waitBeating } from './kafka-heartbeat.ts'
import { findKafkaLosses } from './kafka-losses.ts'
import { createLagOffsets } from './kafka-lag-offsets.ts'
import { kafkaPart } from './kafka-part.ts'
import type { KafkaTopic, LogRange } from './kafka-positions.ts'
import { checkPosition, readLogRanges, resolveStarts } from './kafka-positions.ts'
import { frameRecordOf, readMessageAt } from './kafka-record.ts'
import type { KafkaRecordReader } from './kafka-record-reader.ts'
import { createKafkaRecordReader } from './kafka-record-reader.ts'
import type { Logger } from './logger.ts'
import type { RateLimit } from './rate-limit.ts'
import { createRateLimit, unlimited } from './rate-limit.ts'
import type { MessageContent, Source, SourcePart } from './source.ts'
import { withPatience } from './with-patience.ts'

export interface KafkaSourceOptions {
  readonly connection: KafkaConnection
  /** For membership and lag tools; positions come from the lake. */
  readonly groupId: string
  readonly topics: readonly KafkaTopic[]
  readonly scratchDir: string
  readonly clock: Clock
  readonly ids: IdSource
  readonly logger: Logger
  /** Messages a second over all partitions; unlimited where absent. */
  readonly rateLimit?: number
  /** After a crash a new reader waits this long for the dead one. Default 10,000 ms, brokers want 6,000. */
  readonly sessionTimeoutMs?: number
  /** How often new partitions are looked for. Default 30,000 ms. */
  readonly metadataMaxAgeMs?: number
  /** How long a broker waits for new records. Default 200 ms. */
  readonly maxWaitMs?: number
}

interface PartState {
  readonly topic: string
  readonly slot: PartSlot
  /** The highest end that the broker has reported. */
  highWatermark: bigint
}

interface Reading {
  readonly options: KafkaSourceOptions
  readonly client: KafkaClient
  readonly admin: Admin
  readonly records: KafkaRecordReader
  readonly buffer: BatchBuffer
  readonly rate: RateLimit
  /** By `topicKey`. */
  readonly parts: Map<string, PartState>
  /** Per broker, the batch in which its current round of fetching began. */
  readonly rounds: Map<number, number>
  /** The batch in whose time every broker has answered a whole round. */
  confirmedBatch: number
  isClosed: boolean
}

const STOP_PATIENCE_MS = 5000
const FETCH_BYTES_MAX = 32 * 1024 * 1024
const PARTITION_BYTES_MAX = 4 * 1024 * 1024

/**
 * Topics of one Kafka cluster. kafkajs fetches by itself; records are framed as they arrive, while
 * the engine works on the batch before. Positions are the lake's: a partition is read from where
 * the lake ended, whatever the group's offsets say, and every join seeks there again.
 *
 * `open` throws storage-unavailable (no broker, no such topic) and data-loss (the log does not hold
 * what comes next); `next` also commit-conflict where another reader has taken over.
 */
export function createKafkaSource(options: KafkaSourceOptions): Source {
  const buffer = createBatchBuffer(options)
  let reading: Reading | undefined
  let group: KafkaGroup | undefined
  const lagOffsets = createLagOffsets({ consumer: () => group?.consumer(), logger: options.logger })

  return {
    name: 'kafka',
    open: async (positions) => {
      const client = createKafkaClient(options)
      decodeFetchesFast(client.kafka)
      const admin = client.kafka.admin()
      reading = createReading(options, client, admin, buffer)
      await addKnownParts(reading, positions)
      if (reading.isClosed) return
      group = groupOf(reading)
      await group.start()
    },
    next: (limits, signal) => buffer.take(limits, signal),
    release: (batch) => {
      buffer.release(batch)
      return Promise.resolve()
    },
    committed: (batch) => {
      lagOffsets.add(batch.progress)
      return Promise.resolve()
    },
    readMessageAt: async (part, offset) => reading && readHeld(reading, part, offset),
    findLosses: (positions, lastMessageOf) => findKafkaLosses(options, positions, lastMessageOf),
    close: async () => {
      buffer.close()
      if (reading === undefined) return
      reading.isClosed = true
      const { admin, records } = reading
      await withPatience(lagOffsets.settled(), STOP_PATIENCE_MS)
      await withPatience(
        Promise.allSettled([group?.stop(), admin.disconnect(), records.close()]),
        STOP_PATIENCE_MS,
      )
      reading.client.destroy()
    },
  }
}

function createReading(
  options: KafkaSourceOptions,
  client: KafkaClient,
  admin: Admin,
  buffer: BatchBuffer,
): Reading {
  const { rateLimit, clock } = options
  const rate =
    rateLimit === undefined ? unlimited : createRateLimit({ eventsPerSecond: rateLimit, clock })
  const parts = new Map<string, PartState>()
  const rounds = new Map<number, number>()
  return {
    options,
    client,
    admin,
    records: createKafkaRecordReader(client.kafka),
    buffer,
    rate,
    parts,
    rounds,
    confirmedBatch: -1,
    isClosed: false,
  }
}

async function addKnownParts(
  reading: Reading,
  positions: ReadonlyMap<string, bigint>,
): Promise<void> {
  const { admin, options } = reading
  const { topics, connection } = options
  try {
    await admin.connect()
    const { brokers } = connection
    const starts = await resolveStarts({ admin, topics, positions, brokers })
    for (const { topic, part, startOffset, range } of starts) {
      addPart(reading, topic, part, startOffset, range)
    }
  } catch (error) {
    await admin.disconnect().catch(() => undefined)
    reading.client.destroy()
    throw unreachable(connection, error)
  }
}

function addPart(
  reading: Reading,
  topic: KafkaTopic,
  part: SourcePart,
  startOffset: bigint,
  range: LogRange,
): PartState {
  const { buffer } = reading
  const isAtEnd = () =>
    reading.confirmedBatch === buffer.batchNumber() && slot.position() >= state.highWatermark
  const logEndOffset = () => state.highWatermark
  const slot = buffer.addPart({ format: topic.format, part, startOffset, isAtEnd, logEndOffset })
  const state: PartState = { topic: topic.topic, slot, highWatermark: range.high }
  reading.parts.set(topicKey(topic.topic, part.partition), state)
  return state
}

/** A partition as the broker names it: which of its incarnations is read is the lake's business. */
function topicKey(topic: string, partition: number): string {
  return `${topic}#${partition}`
}

async function readHeld(
  { options, parts, records }: Reading,
  part: SourcePart,
  offset: bigint,
): Promise<MessageContent | undefined> {
  const { partition } = part
  const topic = [...parts.values()].find((one) => one.slot.part.source === part.source)?.topic
  if (topic === undefined || !parts.has(topicKey(topic, partition))) return undefined
  try {
    return await readMessageAt(records, { topic, partition, offset })
  } catch (error) {
    throw unreachable(options.connection, error)
  }
}

function groupOf(reading: Reading): KafkaGroup {
  const { options } = reading
  const partCount = Math.max(1, reading.parts.size)
  return createKafkaGroup({
    kafka: reading.client.kafka,
    groupId: options.groupId,
    topics: options.topics.map(({ topic }) => topic),
    logger: options.logger,
    sessionTimeoutMs: options.sessionTimeoutMs ?? 10_000,
    metadataMaxAgeMs: options.metadataMaxAgeMs ?? 30_000,
    maxWaitMs: options.maxWaitMs ?? 200,
    maxBytesPerPartition: Math.min(PARTITION_BYTES_MAX, Math.ceil(FETCH_BYTES_MAX / partCount)),
    handlers: {
      onAssigned: (consumer, partitions) => seekAll(reading, consumer, partitions),
      onBatch: (payload, consumer) => readBatch(reading, payload, consumer),
      onHole: (hole) => passHole(reading, hole),
      onFetchStart: (nodeId) => startRound(reading, nodeId),
      onFailure: (error) => reading.buffer.fail(error),
    },
  })
}

/** Every part goes on at its own position. A new partition rests until its first offset is known. */
function seekAll(
  reading: Reading,
  consumer: Consumer,
  partitions: ReadonlyMap<string, readonly number[]>,
): void {
  reading.rounds.clear()
  for (const [topic, numbers] of partitions) {
    for (const partition of numbers) {
      const state = reading.parts.get(topicKey(topic, partition))
      if (state === undefined) {
        consumer.pause([{ topic, partitions: [partition] }])
        void adoptPartition(reading, consumer, topic, partition)
      } else {
        consumer.seek({ topic, partition, offset: String(state.slot.position()) })
      }
    }
  }
}

/** A partition that came while we read: it begins at earliest, whatever `start` says. */
async function adoptPartition(
  reading: Reading,
  consumer: Consumer,
  topic: string,
  partition: number,
): Promise<void> {
  const sibling = [...reading.parts.values()].find((one) => one.topic === topic)
  const part = { ...(sibling?.slot.part ?? kafkaPart(topic, partition)), partition }
  try {
    const range = (await readLogRanges(reading.admin, topic)).get(partition)
    const definition = reading.options.topics.find((known) => known.topic === topic)
    if (range === undefined || definition === undefined || reading.isClosed) return
    const known = reading.parts.get(topicKey(topic, partition))
    const state = known ?? addPart(reading, definition, part, range.low, range)
    consumer.seek({ topic, partition, offset: String(state.slot.position()) })
    consumer.resume([{ topic, partitions: [partition] }])
    reading.options.logger.info({ topic, partition }, `new partition ${partition} of ${topic}`)
  } catch (error) {
    if (!reading.isClosed) reading.buffer.fail(unreachable(reading.options.connection, error))
  }
}

/**
 * Frames the records of one answer, as far as there is room, and waits for more room with a beating
 * heart. A rebalance ends it in the middle: what is framed is framed, the join seeks behind it.
 */
async function readBatch(
  reading: Reading,
  payload: EachBatchPayload,
  consumer: Consumer,
): Promise<void> {
  const { batch } = payload
  const heartbeat = () => payload.heartbeat()
  const state = reading.parts.get(topicKey(batch.topic, batch.partition))
  if (state === undefined || reading.isClosed) return
  const { slot } = state
  if (fetchedOffset(batch) !== slot.position()) return checkAndSeek(reading, state, consumer)
  state.highWatermark = BigInt(batch.highWatermark)
  const { messages } = batch
  for (let index = 0; index < messages.length;) {
    const startPosition = slot.position()
    if (!(await waitBeating(reading.buffer.waitForRoom(), heartbeat))) return
    const granted = reading.rate.take(messages.length - index)
    if (granted === 0) {
      await sleepBeating(reading.rate.waitMs(), heartbeat)
      continue
    }
    // Another session of ours may have gone on from here while this one waited.
    if (slot.position() !== startPosition) return
    index = frameMessages(reading, slot, batch, index, index + granted)
  }
  slot.advance(BigInt(batch.lastOffset()) + 1n)
  payload.resolveOffset(batch.lastOffset())
  await heartbeat()
}

/** The hot loop: nothing but framing. Returns the index of the first message left over. */
function frameMessages(
  reading: Reading,
  slot: PartSlot,
  batch: Batch,
  start: number,
  end: number,
): number {
  const { buffer, rate } = reading
  const { messages } = batch
  let index = start
  let lastOffset: string | undefined
  while (index < end && buffer.hasRoom()) {
    const message = messages[index]
    if (message === undefined) break
    slot.add(frameRecordOf(message))
    lastOffset = message.offset
    index += 1
  }
  if (lastOffset !== undefined) slot.advance(BigInt(lastOffset) + 1n)
  rate.giveBack(end - index)
  return index
}

/** Where kafkajs has asked from; not in its types, hence the pinned version. */
function fetchedOffset(batch: Batch): bigint {
  const { fetchedOffset: offset } = batch as Batch & { readonly fetchedOffset: string }
  return BigInt(offset)
}

/** kafkajs moves to the group's start by itself where the log has lost our position. */
async function checkAndSeek(reading: Reading, state: PartState, consumer: Consumer): Promise<void> {
  const { topic, slot } = state
  const { partition } = slot.part
  if (await isPositionHeld(reading, state, slot.position())) {
    consumer.seek({ topic, partition, offset: String(slot.position()) })
  }
}

/** False, and the source has failed, where the broker does not hold the position. */
async function isPositionHeld(
  reading: Reading,
  state: PartState,
  position: bigint,
): Promise<boolean> {
  const { part } = state.slot
  try {
    const range = (await readLogRanges(reading.admin, state.topic)).get(part.partition)
    if (range !== undefined) checkPosition(part, position, range)
    return true
  } catch (error) {
    if (error instanceof SluiceError) reading.buffer.fail(error)
    return false
  }
}

/** Markers of transactions and compacted ends move the position, too. */
function passHole(reading: Reading, hole: GroupHole): void {
  const state = reading.parts.get(topicKey(hole.topic, hole.partition))
  if (state === undefined || reading.isClosed) return
  const position = state.slot.position()
  state.highWatermark = BigInt(hole.highWatermark)
  const endOffset = BigInt(hole.lastOffset) + 1n
  if (endOffset <= position) return
  const isBehindHole = hole.firstOffset !== null && BigInt(hole.firstOffset) > position
  if (isBehindHole) void isPositionHeld(reading, state, position)
  state.slot.advance(endOffset)
}

/**
 * When a broker is asked again, its last answer is handled. Once each broker was asked and asked
 * again within the time of one batch, a part with no records beyond its position is at its end.
 */
function startRound(reading: Reading, nodeId: number): void {
  const { rounds, buffer } = reading
  const current = buffer.batchNumber()
  const isWholeRound = rounds.get(nodeId) === current
  if (!isWholeRound) rounds.set(nodeId, current)
  const isEveryBrokerAsked = [...rounds.values()].every((batch) => batch === current)
  if (isWholeRound && isEveryBrokerAsked) reading.confirmedBatch = current
}

function unreachable(connection: KafkaConnection, cause: unknown): SluiceError {
  return kafkaFailure(connection, cause, {
    undone: 'Nothing was read.',
    next: 'Start the broker or correct kafka.brokers in the config.',
  })
}

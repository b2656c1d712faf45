import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Message } from 'kafkajs'
import kafkajs from 'kafkajs'
import type { KafkaSourceOptions } from '../../../pipelines/sources/kafka-source.ts'
import { silentLogger } from '../../../pipelines/sources/logger.ts'
import type { MicroBatch, Source } from '../../../pipelines/sources/source.ts'
import { partKey } from '../../../pipelines/sources/source.ts'
import { randomIds, systemClock } from '../../../tables/clock.ts'
import { parseFrames } from './parse-frames.ts'

export const NEVER = new AbortController().signal

/** A scratch folder of one test file. */
export function makeScratch(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'sluice-source-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

/** One message of a batch, whichever way it travelled. */
export interface ReadMessage {
  readonly part: string
  readonly offset: bigint
  readonly receivedUs: bigint | undefined
  readonly key: string | undefined
  readonly headers: string | undefined
  readonly payload: string | undefined
  readonly isSide: boolean
}

/** All messages of a batch by the reference parser, in order of part and offset. */
export function messagesOf(batch: MicroBatch): ReadMessage[] {
  const messages: ReadMessage[] = []
  for (const { parts, bulkFile, side } of batch.segments) {
    const partOf = (index: number) => {
      const part = parts[index]
      if (part === undefined) throw new Error(`no part ${index}`)
      return partKey(part)
    }
    const bulk = bulkFile === undefined ? [] : parseFrames(readFileSync(bulkFile))
    for (const { partIndex, ...rest } of bulk) {
      messages.push({ ...rest, part: partOf(partIndex), isSide: false })
    }
    for (const { partIndex, payloadEncoding: _, ...rest } of side) {
      messages.push({ ...rest, part: partOf(partIndex), isSide: true })
    }
  }
  return messages.sort((a, b) =>
    a.part === b.part ? Number(a.offset - b.offset) : a.part < b.part ? -1 : 1,
  )
}

/** Reads batches until `count` messages are there; releases each and says it is committed. */
export async function readMessages(
  source: Source,
  count: number,
  limits = { rows: 100_000, bytes: 64 * 1024 * 1024, timeMs: 300 },
): Promise<{ messages: ReadMessage[]; batches: MicroBatch[] }> {
  const messages: ReadMessage[] = []
  const batches: MicroBatch[] = []
  while (messages.length < count) {
    const batch = await source.next(limits, NEVER)
    if (batch === undefined) break
    messages.push(...messagesOf(batch))
    batches.push(batch)
    await source.release(batch)
    await source.committed(batch)
  }
  return { messages, batches }
}

export function kafkaOptions(
  brokers: readonly string[],
  scratchDir: string,
  overrides: Partial<KafkaSourceOptions> & Pick<KafkaSourceOptions, 'topics'>,
): KafkaSourceOptions {
  return {
    connection: { brokers, clientId: 'sluice-test' },
    groupId: `group-${randomIds.uuid()}`,
    scratchDir,
    clock: systemClock,
    ids: randomIds,
    logger: silentLogger,
    sessionTimeoutMs: 6000,
    ...overrides,
  }
}

/** kafkajs for the other side of a test: producing, topics, deleting records. */
export function kafkaClient(brokers: readonly string[]) {
  const { Kafka, logLevel } = kafkajs
  return new Kafka({ clientId: 'test', brokers: [...brokers], logLevel: logLevel.NOTHING })
}

export async function send(
  brokers: readonly string[],
  topic: string,
  messages: Message[],
): Promise<void> {
  const producer = kafkaClient(brokers).producer({
    // A topic that was just made refuses some partitions for a moment; sending again would double
    // what the others took.
    idempotent: true,
    maxInFlightRequests: 1,
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
  })
  await producer.connect()
  await producer.send({ topic, messages })
  await producer.disconnect()
}

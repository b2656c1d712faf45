import { gunzipSync } from 'node:zlib'
import type { IHeaders, KafkaMessage } from 'kafkajs'

/**
 * The answer to a Fetch request of version 11 in the shape that kafkajs gives it, decoded without
 * its BigInt work for each record (KIP-98 has the grammar of record batches):
 *
 *   batch: first offset 8 | length 4 | leader epoch 4 | magic 1 | crc 4 | attributes 2 |
 *          last offset delta 4 | first time 8 | max time 8 | producer id 8 | epoch 2 |
 *          first sequence 4 | record count 4 | records
 *   record: length | attributes 1 | time delta | offset delta | key | value | headers
 *           (numbers as zigzag varints, bytes with their length before them, -1 for null)
 */
export interface FetchResponse {
  readonly throttleTime: number
  readonly clientSideThrottleTime: number
  readonly errorCode: number
  readonly sessionId: number
  readonly responses: readonly {
    readonly topicName: string
    readonly partitions: readonly FetchedPartition[]
  }[]
}

interface FetchedPartition {
  readonly partition: number
  readonly errorCode: number
  readonly highWatermark: string
  readonly lastStableOffset: string
  readonly lastStartOffset: string
  readonly abortedTransactions: readonly {
    readonly producerId: string
    readonly firstOffset: string
  }[]
  readonly preferredReadReplica: number
  readonly messages: readonly FetchedMessage[]
}

/** A record with what kafkajs needs to hide aborted transactions and markers. */
type FetchedMessage = Pick<KafkaMessage, 'key' | 'value' | 'timestamp' | 'offset'> & {
  readonly magicByte: number
  readonly attributes: number
  readonly headers: IHeaders
  readonly isControlRecord: boolean
  readonly batchContext: { readonly producerId: string; readonly inTransaction: boolean }
}

/** What this decoder leaves to kafkajs: other codecs than gzip, the formats before Kafka 0.11. */
class Unusual extends Error {}

/** Undefined where kafkajs has to decode the bytes itself; it says what is wrong with them, too. */
export function decodeFetchResponse(bytes: Buffer): FetchResponse | undefined {
  try {
    return readResponse(createCursor(bytes))
  } catch (error) {
    if (error instanceof Unusual || error instanceof RangeError) return undefined
    throw error
  }
}

interface Cursor {
  readonly bytes: Buffer
  at: number
  /** The last header's name. */
  lastName: { readonly bytes: Buffer; readonly text: string }
}

const NO_NAME = { bytes: Buffer.alloc(0), text: '' }

function createCursor(bytes: Buffer): Cursor {
  return { bytes, at: 0, lastName: NO_NAME }
}

function readResponse(cursor: Cursor): FetchResponse {
  const clientSideThrottleTime = int32(cursor)
  const errorCode = int16(cursor)
  const sessionId = int32(cursor)
  const responses = array(cursor, () => {
    const nameLength = int16(cursor)
    const topicName = take(cursor, nameLength).toString('utf8')
    return { topicName, partitions: array(cursor, () => readPartition(cursor)) }
  })
  // The broker has not throttled this answer; kafkajs waits by the other number.
  return { throttleTime: 0, clientSideThrottleTime, errorCode, sessionId, responses }
}

function readPartition(cursor: Cursor): FetchedPartition {
  return {
    partition: int32(cursor),
    errorCode: int16(cursor),
    highWatermark: int64(cursor),
    lastStableOffset: int64(cursor),
    lastStartOffset: int64(cursor),
    abortedTransactions: array(cursor, () => ({
      producerId: int64(cursor),
      firstOffset: int64(cursor),
    })),
    preferredReadReplica: int32(cursor),
    messages: readBatches(take(cursor, Math.max(0, int32(cursor)))),
  }
}

const BATCH_PREFIX_BYTES = 12
const MAGIC_AT = 16
const BATCH_HEADER_BYTES = 61

/** The last batch may be cut off, as the limit of an answer is one of bytes: it comes again. */
function readBatches(bytes: Buffer): FetchedMessage[] {
  const messages: FetchedMessage[] = []
  let start = 0
  while (bytes.length - start > MAGIC_AT) {
    if (bytes[start + MAGIC_AT] !== 2) throw new Unusual()
    const end = start + BATCH_PREFIX_BYTES + bytes.readInt32BE(start + 8)
    if (end > bytes.length) break
    readBatch(bytes.subarray(start, end), messages)
    start = end
  }
  return messages
}

function readBatch(batch: Buffer, messages: FetchedMessage[]): void {
  const attributes = batch.readInt16BE(21)
  const codec = attributes & 7
  if (codec > 1) throw new Unusual()
  const records = batch.subarray(BATCH_HEADER_BYTES)
  const cursor = createCursor(codec === 1 && records.length > 0 ? gunzipSync(records) : records)
  const isLogAppendTime = (attributes & 8) > 0
  const shared: BatchFacts = {
    firstOffset: safeInt64(batch, 0),
    firstTime: safeInt64(batch, 27),
    appendTime: isLogAppendTime ? String(safeInt64(batch, 35)) : undefined,
    isControlRecord: (attributes & 32) > 0,
    context: {
      producerId: batch.readBigInt64BE(43).toString(),
      inTransaction: (attributes & 16) > 0,
    },
  }
  let last = ''
  for (let left = batch.readInt32BE(57); left > 0; left -= 1) {
    const message = readRecord(cursor, shared)
    last = message.offset
    messages.push(message)
  }
  // Compaction takes records out of batches: without a mark at the end of the hole kafkajs would
  // ask for it again, offset by offset, or for ever where the batch is empty.
  const lastOffset = String(shared.firstOffset + batch.readInt32BE(23))
  if (last !== lastOffset) messages.push(holeMark(lastOffset, shared))
}

/** Passed over like the marker of a transaction. */
function holeMark(offset: string, { firstTime, context }: BatchFacts): FetchedMessage {
  return {
    ...{ magicByte: 2, attributes: 0, timestamp: String(firstTime), offset },
    ...{ key: null, value: null, headers: {}, isControlRecord: true, batchContext: context },
  }
}

interface BatchFacts {
  readonly firstOffset: number
  readonly firstTime: number
  readonly appendTime: string | undefined
  readonly isControlRecord: boolean
  readonly context: FetchedMessage['batchContext']
}

function readRecord(cursor: Cursor, batch: BatchFacts): FetchedMessage {
  const length = varint(cursor)
  const end = cursor.at + length
  const attributes = cursor.bytes.readInt8(cursor.at)
  cursor.at += 1
  const time = batch.firstTime + varint(cursor)
  const offset = batch.firstOffset + varint(cursor)
  const key = nullable(cursor)
  const value = nullable(cursor)
  const headers = readHeaders(cursor)
  cursor.at = end
  return {
    magicByte: 2,
    attributes,
    timestamp: batch.appendTime ?? String(time),
    offset: String(offset),
    key,
    value,
    headers,
    isControlRecord: batch.isControlRecord,
    batchContext: batch.context,
  }
}

const NO_HEADERS: IHeaders = {}

/** A name that comes again becomes a list, in order; a member of any name is the object's own. */
function readHeaders(cursor: Cursor): IHeaders {
  let headers = NO_HEADERS
  for (let left = varint(cursor); left > 0; left -= 1) {
    const name = headerName(cursor)
    // kafkajs gives null where its types have no word for it.
    const value = nullable(cursor) as Buffer
    if (headers === NO_HEADERS) headers = { [name]: value }
    else if (!Object.hasOwn(headers, name)) headers = { ...headers, [name]: value }
    else headers = { ...headers, [name]: [headers[name], value].flat() as Buffer[] }
  }
  return headers
}

/** The name as text; that of the header before mostly, and then nothing is made of it. */
function headerName(cursor: Cursor): string {
  const length = varint(cursor)
  const { bytes, at, lastName } = cursor
  let isLast = length === lastName.bytes.length
  for (let index = 0; isLast && index < length; index += 1) {
    isLast = bytes[at + index] === lastName.bytes[index]
  }
  if (isLast) {
    cursor.at += length
    return lastName.text
  }
  const part = take(cursor, Math.max(0, length))
  cursor.lastName = { bytes: part, text: part.toString('utf8') }
  return cursor.lastName.text
}

function array<T>(cursor: Cursor, readOne: () => T): T[] {
  const items: T[] = []
  for (let left = int32(cursor); left > 0; left -= 1) items.push(readOne())
  return items
}

function take(cursor: Cursor, length: number): Buffer {
  const end = cursor.at + length
  if (end > cursor.bytes.length) throw new Unusual()
  const part = cursor.bytes.subarray(cursor.at, end)
  cursor.at = end
  return part
}

function nullable(cursor: Cursor): Buffer | null {
  const length = varint(cursor)
  return length < 0 ? null : take(cursor, length)
}

function int16(cursor: Cursor): number {
  cursor.at += 2
  return cursor.bytes.readInt16BE(cursor.at - 2)
}

function int32(cursor: Cursor): number {
  cursor.at += 4
  return cursor.bytes.readInt32BE(cursor.at - 4)
}

function int64(cursor: Cursor): string {
  cursor.at += 8
  return cursor.bytes.readBigInt64BE(cursor.at - 8).toString()
}

/** Numbers that need more than 53 bits are left to kafkajs. */
function safeInt64(bytes: Buffer, at: number): number {
  const value = bytes.readInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4)
  if (!Number.isSafeInteger(value)) throw new Unusual()
  return value
}

/** Zigzag, seven bits a byte, the lowest first; up to 2^52, as doubles can. */
function varint(cursor: Cursor): number {
  const { bytes } = cursor
  const only = bytes[cursor.at] ?? 0x80
  if (only < 0x80) {
    cursor.at += 1
    return (only >>> 1) ^ -(only & 1)
  }
  let factor = 1
  let raw = 0
  for (;;) {
    const byte = bytes[cursor.at++]
    if (byte === undefined) throw new Unusual()
    raw += (byte & 0x7f) * factor
    if (byte < 0x80) break
    factor *= 128
  }
  if (raw > Number.MAX_SAFE_INTEGER) throw new Unusual()
  return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2
}

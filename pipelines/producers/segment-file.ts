import { crc32 } from 'node:zlib'
import { SluiceError } from '../../tables/errors.ts'

/**
 * The bytes of a log segment: blocks, one for each append, so that an append is there whole or not
 * at all.
 *
 *   block   length u32 | crc32 u32 | first offset u64 | record count u32 | records
 *   record  received µs i64 | key length i32 | headers length i32 | payload length i32 | bytes
 *
 * Little endian; length counts what follows crc32, which crc32 covers; -1 as a length means null.
 */
export const BLOCK_HEADER_BYTES = 20
const BLOCK_LENGTH_AND_CRC_BYTES = 8
const RECORD_HEADER_BYTES = 20
/** A length beyond this is no length: the tail of a torn write. */
export const MAX_BLOCK_BYTES = 64 * 1024 * 1024

export interface LogRecord {
  readonly key: Uint8Array | null
  /** A JSON object as text. */
  readonly headers?: string | undefined
  readonly payload: Uint8Array | null
  /** Microseconds, stamped by the producer when the event was handed over. */
  readonly receivedUs: bigint
}

export interface LogBlock {
  readonly firstOffset: bigint
  readonly recordCount: number
  /** The records' bytes, for `readRecords`. */
  readonly body: Buffer
  /** Size in the file. */
  readonly sizeBytes: number
}

export function encodeBlock(firstOffset: bigint, records: readonly LogRecord[]): Buffer {
  let size = BLOCK_HEADER_BYTES
  for (const { key, headers, payload } of records) {
    size += RECORD_HEADER_BYTES + (key?.length ?? 0) + (payload?.length ?? 0)
    size += headers === undefined ? 0 : Buffer.byteLength(headers)
  }
  const block = Buffer.allocUnsafe(size)
  block.writeUInt32LE(size - BLOCK_LENGTH_AND_CRC_BYTES, 0)
  block.writeBigUInt64LE(firstOffset, 8)
  block.writeUInt32LE(records.length, 16)
  let at = BLOCK_HEADER_BYTES
  for (const record of records) at = writeRecord(block, at, record)
  block.writeUInt32LE(crc32(block.subarray(BLOCK_LENGTH_AND_CRC_BYTES)), 4)
  return block
}

function writeRecord(block: Buffer, start: number, record: LogRecord): number {
  const { key, headers, payload, receivedUs } = record
  block.writeBigInt64LE(receivedUs, start)
  let at = start + RECORD_HEADER_BYTES
  block.writeInt32LE(key === null ? -1 : key.length, start + 8)
  if (key !== null) {
    block.set(key, at)
    at += key.length
  }
  const headersBytes = headers === undefined ? 0 : block.write(headers, at)
  block.writeInt32LE(headers === undefined ? -1 : headersBytes, start + 12)
  at += headersBytes
  block.writeInt32LE(payload === null ? -1 : payload.length, start + 16)
  if (payload !== null) {
    block.set(payload, at)
    at += payload.length
  }
  return at
}

/** The length of the block that begins with these bytes, undefined where they are no block. */
export function blockLength(header: Buffer): number | undefined {
  if (header.length < BLOCK_HEADER_BYTES) return undefined
  const length = header.readUInt32LE(0)
  const isPlausible = length >= BLOCK_HEADER_BYTES - BLOCK_LENGTH_AND_CRC_BYTES
  return isPlausible && length <= MAX_BLOCK_BYTES ? length + BLOCK_LENGTH_AND_CRC_BYTES : undefined
}

/** A block from its bytes, undefined where they are cut off or altered. */
export function decodeBlock(bytes: Buffer): LogBlock | undefined {
  const sizeBytes = blockLength(bytes)
  if (sizeBytes === undefined || bytes.length < sizeBytes) return undefined
  const covered = bytes.subarray(BLOCK_LENGTH_AND_CRC_BYTES, sizeBytes)
  if (crc32(covered) !== bytes.readUInt32LE(4)) return undefined
  return {
    firstOffset: bytes.readBigUInt64LE(8),
    recordCount: bytes.readUInt32LE(16),
    body: bytes.subarray(BLOCK_HEADER_BYTES, sizeBytes),
    sizeBytes,
  }
}

/** One record of a block; its bytes are views into the block. */
export interface StoredRecord {
  readonly offset: bigint
  readonly receivedUs: bigint
  readonly key: Buffer | null
  readonly headers: string | undefined
  readonly payload: Buffer | null
}

/** The records of a block from `fromOffset` on. Throws corrupt-data where lengths do not add up. */
export function* readRecords(block: LogBlock, fromOffset: bigint): Generator<StoredRecord> {
  const { body, firstOffset, recordCount } = block
  let at = 0
  for (let index = 0; index < recordCount; index += 1) {
    if (at + RECORD_HEADER_BYTES > body.length) throw brokenBlock(firstOffset)
    const keyLength = body.readInt32LE(at + 8)
    const headersLength = body.readInt32LE(at + 12)
    const payloadLength = body.readInt32LE(at + 16)
    const keyStart = at + RECORD_HEADER_BYTES
    const headersStart = keyStart + Math.max(0, keyLength)
    const payloadStart = headersStart + Math.max(0, headersLength)
    const end = payloadStart + Math.max(0, payloadLength)
    if (end > body.length) throw brokenBlock(firstOffset)
    const offset = firstOffset + BigInt(index)
    if (offset >= fromOffset) {
      yield {
        offset,
        receivedUs: body.readBigInt64LE(at),
        key: keyLength < 0 ? null : body.subarray(keyStart, headersStart),
        headers: headersLength < 0 ? undefined : body.toString('utf8', headersStart, payloadStart),
        payload: payloadLength < 0 ? null : body.subarray(payloadStart, end),
      }
    }
    at = end
  }
}

function brokenBlock(firstOffset: bigint): SluiceError {
  return new SluiceError(
    'corrupt-data',
    `The log block at offset ${firstOffset} holds lengths that do not add up. It was not read. ` +
      'Restore the log folder, or begin a new log.',
    { context: { firstOffset } },
  )
}

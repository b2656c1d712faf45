import { isUtf8 } from 'node:buffer'
import { closeSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { IdSource } from '../../tables/clock.ts'
import { SluiceError } from '../../tables/errors.ts'
import type { SideMessage } from './source.ts'

/**
 * A framed line is what the engine reads in bulk, one column, cut up by position:
 *
 *   part index 4 | offset 19 | received µs 16 | key length 4 | headers length 6 | key | headers | payload \n
 *
 * All lengths and numbers are zero-padded ASCII digits. Received 0 means unknown, key length 9999
 * a null key, headers length 0 no headers.
 */
export const FRAME_PREFIX_LENGTH = 49
export const NULL_KEY_LENGTH = 9999
export const MAX_PARTS_PER_SEGMENT = 9999
const MAX_KEY_LENGTH = 9998
const MAX_HEADERS_LENGTH = 999_999
/** Payloads of this size and more go to the side: the engine's line limit is 4 MB. */
export const MAX_BULK_PAYLOAD_BYTES = 1_000_000
const OFFSET_DIGITS = 19
const RECEIVED_DIGITS = 16
const CHUNK_BYTES = 256 * 1024
const ZERO = 48

/** One message on its way into a frame. Numbers come as digits: sources mostly have them so. */
export interface FrameRecord {
  /** Decimal digits, not negative. */
  readonly offset: string
  /** Microseconds as decimal text, empty where unknown. */
  readonly receivedUs: string
  readonly key: Uint8Array | null
  /** A JSON object as text. */
  readonly headers: string | undefined
  /** Null for a tombstone. */
  readonly payload: Uint8Array | null
}

/** What a writer made: the file of framed lines and the messages that could not travel so. */
export interface Frames {
  readonly bulkFile: string | undefined
  readonly bulkCount: number
  readonly side: readonly SideMessage[]
}

export interface FrameWriter {
  /** Frames one message as a bulk line, or keeps it as a side message. Returns its size in bytes. */
  add(partIndex: number, record: FrameRecord): number
  /** Writes what is buffered and closes the file. Throws storage-unavailable. */
  finish(): Frames
  /** Gives the frames up and removes the file. */
  discard(): void
}

/**
 * A writer of framed lines into a new file in `scratchDir`; the file is made with the first line.
 * A line is copied and checked in one walk over its bytes, so that nothing is allocated for it.
 * Throws storage-unavailable where the scratch folder cannot be written.
 */
export function createFrameWriter(options: {
  readonly scratchDir: string
  readonly ids: IdSource
}): FrameWriter {
  let chunk = Buffer.allocUnsafe(0)
  let used = 0
  let file: { readonly path: string; readonly handle: number } | undefined
  let bulkCount = 0
  const side: SideMessage[] = []

  const flush = () => {
    if (used === 0) return
    try {
      file ??= openFrameFile(join(options.scratchDir, `${options.ids.uuid()}.frames`))
      for (let written = 0; written < used;) {
        written += writeSync(file.handle, chunk, written, used - written)
      }
      used = 0
    } catch (error) {
      throw scratchError(options.scratchDir, error)
    }
  }

  const close = () => {
    if (file !== undefined) closeSync(file.handle)
  }

  return {
    add: (partIndex, record) => {
      const needed = lineLengthMax(record)
      if (needed > 0) {
        if (used + needed > chunk.length) {
          flush()
          if (needed > chunk.length) {
            chunk = Buffer.allocUnsafe(Math.max(CHUNK_BYTES, needed))
          }
        }
        const end = writeLine(chunk, used, partIndex, record)
        if (end > 0) {
          const lineBytes = end - used
          used = end
          bulkCount += 1
          return lineBytes
        }
      }
      side.push(sideMessageOf(partIndex, record))
      return FRAME_PREFIX_LENGTH + (record.payload?.length ?? 0) + (record.headers?.length ?? 0)
    },
    finish: () => {
      flush()
      close()
      return { bulkFile: file?.path, bulkCount, side }
    },
    discard: () => {
      close()
      if (file !== undefined) rmSync(file.path, { force: true })
    },
  }
}

/** Removes the bulk file of frames that are no longer needed; a missing file is fine. */
export function removeFrames(frames: Pick<Frames, 'bulkFile'>): void {
  if (frames.bulkFile !== undefined) rmSync(frames.bulkFile, { force: true })
}

/** Room that the line takes at most, 0 where its lengths alone send it to the side. */
function lineLengthMax(record: FrameRecord): number {
  const { key, headers, payload, receivedUs } = record
  if (payload === null || payload.length >= MAX_BULK_PAYLOAD_BYTES) return 0
  if (key !== null && key.length > MAX_KEY_LENGTH) return 0
  if (headers !== undefined && headers.length > MAX_HEADERS_LENGTH) return 0
  if (receivedUs.length > RECEIVED_DIGITS || record.offset.length > OFFSET_DIGITS) return 0
  const keyLength = key === null ? 0 : key.length
  const headersLength = headers === undefined ? 0 : headers.length
  return FRAME_PREFIX_LENGTH + keyLength + headersLength + payload.length + 1
}

/** Writes the line at `start` and returns its end, or 0 where a byte does not fit a line. */
function writeLine(target: Buffer, start: number, partIndex: number, record: FrameRecord): number {
  const { key, headers, payload, receivedUs } = record
  if (payload === null) return 0
  writeNumber(target, start, 4, partIndex)
  if (!writeDigits(target, start + 4, OFFSET_DIGITS, record.offset)) return 0
  if (!writeDigits(target, start + 23, RECEIVED_DIGITS, receivedUs)) return 0
  // All zeros mean unknown, so a message received at 1970-01-01T00:00:00Z goes to the side.
  if (receivedUs.length > 0 && receivedUs.charCodeAt(0) === ZERO) return 0
  writeNumber(target, start + 39, 4, key === null ? NULL_KEY_LENGTH : key.length)
  writeNumber(target, start + 43, 6, headers === undefined ? 0 : headers.length)
  let position = start + FRAME_PREFIX_LENGTH
  if (key !== null) {
    for (let index = 0; index < key.length; index += 1) {
      const byte = key[index] as number
      if (byte < 0x20 || byte > 0x7e) return 0
      target[position++] = byte
    }
  }
  if (headers !== undefined) {
    for (let index = 0; index < headers.length; index += 1) {
      const code = headers.charCodeAt(index)
      if (code < 0x20 || code > 0x7e) return 0
      target[position++] = code
    }
  }
  return writePayload(target, position, payload)
}

/** Copies the payload and its line end, or returns 0 where it is no UTF-8 text of one line. */
function writePayload(target: Buffer, start: number, payload: Uint8Array): number {
  const length = payload.length
  let seen = 0
  for (let index = 0; index < length; index += 1) {
    const byte = payload[index] as number
    // NUL, \x01 to \x08 (\x01 is the engine's delimiter), \n and \r
    if (byte < 14 && (byte < 9 || byte === 10 || byte === 13)) return 0
    seen |= byte
    target[start + index] = byte
  }
  if (seen >= 0x80 && !isUtf8(payload)) return 0
  target[start + length] = 10
  return start + length + 1
}

function writeNumber(target: Buffer, start: number, width: number, value: number): void {
  let rest = value
  for (let index = start + width - 1; index >= start; index -= 1) {
    const tenth = (rest / 10) | 0
    target[index] = ZERO + rest - tenth * 10
    rest = tenth
  }
}

/** Right-aligned digits; false where the text holds anything else. */
function writeDigits(target: Buffer, start: number, width: number, digits: string): boolean {
  const padding = width - digits.length
  for (let index = 0; index < padding; index += 1) target[start + index] = ZERO
  for (let index = 0; index < digits.length; index += 1) {
    const code = digits.charCodeAt(index)
    if (code < ZERO || code > 57) return false
    target[start + padding + index] = code
  }
  return true
}

/** The slow form: any bytes, nothing lost. Bytes that are no UTF-8 are carried as base64. */
export function sideMessageOf(partIndex: number, record: FrameRecord): SideMessage {
  const { payload } = record
  const isText = payload === null || isUtf8(payload)
  const key = keyText(record)
  return {
    partIndex,
    offset: BigInt(record.offset),
    receivedUs: record.receivedUs === '' ? undefined : BigInt(record.receivedUs),
    key: key.text,
    headers: key.headers,
    payload: payload === null ? undefined : bufferOf(payload).toString(isText ? 'utf8' : 'base64'),
    payloadEncoding: isText ? 'utf-8' : 'base64',
  }
}

/** A key that is no UTF-8 travels as base64, said in the headers: a message has one key column. */
function keyText(record: FrameRecord): { text: string | undefined; headers: string | undefined } {
  const { key, headers } = record
  if (key === null) return { text: undefined, headers }
  if (isUtf8(key)) return { text: bufferOf(key).toString('utf8'), headers }
  const mark = '{"message-key-encoding":"base64"'
  const rest = headers === undefined || headers === '{}' ? '}' : `,${headers.slice(1)}`
  return { text: bufferOf(key).toString('base64'), headers: mark + rest }
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function openFrameFile(path: string): { readonly path: string; readonly handle: number } {
  return { path, handle: openSync(path, 'wx', 0o600) }
}

function scratchError(scratchDir: string, cause: unknown): SluiceError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new SluiceError(
    'storage-unavailable',
    `Messages could not be written to the scratch folder ${scratchDir} (${reason}). ` +
      'The batch was not handed over and nothing of it is committed. ' +
      'Free space there, or give another scratch folder, and start again.',
    { cause },
  )
}

import type { FileHandle } from 'node:fs/promises'
import { mkdir, open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { SluiceError } from '../../tables/errors.ts'
import type { LogBlock, LogRecord } from './segment-file.ts'
import { BLOCK_HEADER_BYTES, blockLength, decodeBlock, encodeBlock } from './segment-file.ts'

export type { LogRecord } from './segment-file.ts'

/**
 * A log on the local disk, written and read by one process:
 *
 *   <directory>/00000000000000000000.segment   records 0 to 8,191
 *   <directory>/00000000000000008192.segment   records 8,192 on: the one that is appended to
 *
 * A segment is named by its first offset, so offsets go on after a restart also where everything
 * before was deleted. A torn last append is cut off at the next start: it was never acknowledged.
 */
export interface LocalLog {
  readonly name: string
  /** The first offset that is kept. */
  startOffset(): bigint
  /** The next offset to be written. */
  endOffset(): bigint
  /** Appends in order and resolves when the records are on disk, with the offset of the first. */
  append(records: readonly LogRecord[]): Promise<bigint>
  /** Reads blocks from an offset on. Throws data-loss where the log does not hold it. */
  reader(fromOffset: bigint): LogReader
  /** Calls `listener` after each append; the answer takes it off again. */
  onAppend(listener: () => void): () => void
  /** Deletes the segments that lie before `offset` as a whole, never the one appended to. */
  deleteBefore(offset: bigint): Promise<void>
  /** Bytes on disk. */
  sizeBytes(): number
  close(): Promise<void>
}

export interface LogReader {
  /** The next block, undefined at the end of the log. One call at a time. */
  next(): Promise<LogBlock | undefined>
  close(): Promise<void>
}

interface Segment {
  readonly path: string
  readonly startOffset: bigint
  endOffset: bigint
  sizeBytes: number
}

interface LogState {
  readonly directory: string
  readonly segmentBytes: number
  readonly shouldSync: boolean
  readonly listeners: Set<() => void>
  segments: readonly Segment[]
  active: Segment
  handle: FileHandle
  /** Appends and deletions, one after the other. */
  work: Promise<unknown>
}

const SUFFIX = '.segment'
/** Above it a segment is closed and the next one begun. */
const SEGMENT_BYTES = 8 * 1024 * 1024
const RECORDS_PER_BLOCK = 10_000
const BLOCK_BYTES = 4 * 1024 * 1024
const MAX_RECORD_BYTES = 16 * 1024 * 1024

/**
 * Opens or makes the log in `directory`. `shouldSync: false` leaves the writing to the operating
 * system: then a power loss may lose appends that a lake has already taken in.
 * Throws corrupt-data where a segment is missing or altered before the end of the log.
 */
export async function openLocalLog(options: {
  readonly directory: string
  readonly name: string
  readonly segmentBytes?: number
  readonly shouldSync?: boolean
}): Promise<LocalLog> {
  await mkdir(options.directory, { recursive: true })
  const state = await openState(options)
  return {
    name: options.name,
    startOffset: () => firstSegment(state).startOffset,
    endOffset: () => state.active.endOffset,
    append: (records) => inOrder(state, () => append(state, records)),
    reader: (fromOffset) => createReader(state, fromOffset),
    onAppend: (listener) => {
      state.listeners.add(listener)
      return () => void state.listeners.delete(listener)
    },
    deleteBefore: (offset) => inOrder(state, () => deleteBefore(state, offset)),
    sizeBytes: () => state.segments.reduce((sum, segment) => sum + segment.sizeBytes, 0),
    close: () => inOrder(state, () => state.handle.close()),
  }
}

async function openState(options: {
  readonly directory: string
  readonly segmentBytes?: number
  readonly shouldSync?: boolean
}): Promise<LogState> {
  const { directory } = options
  const segments = await readSegments(directory)
  const active = segments.at(-1) ?? segmentOf(directory, 0n)
  const handle = await open(active.path, 'a')
  await syncFolder(directory)
  return {
    directory,
    segmentBytes: options.segmentBytes ?? SEGMENT_BYTES,
    shouldSync: options.shouldSync ?? true,
    listeners: new Set(),
    segments: segments.length === 0 ? [active] : segments,
    active,
    handle,
    work: Promise.resolve(),
  }
}

function segmentOf(directory: string, startOffset: bigint): Segment {
  const path = join(directory, `${String(startOffset).padStart(20, '0')}${SUFFIX}`)
  return { path, startOffset, endOffset: startOffset, sizeBytes: 0 }
}

function firstSegment(state: LogState): Segment {
  return state.segments[0] ?? state.active
}

function inOrder<T>(state: LogState, task: () => Promise<T>): Promise<T> {
  const result = state.work.then(task)
  state.work = result.catch(() => undefined)
  return result
}

async function append(state: LogState, records: readonly LogRecord[]): Promise<bigint> {
  const firstOffset = state.active.endOffset
  for (const some of splitIntoBlocks(records)) {
    if (state.active.sizeBytes >= state.segmentBytes) await beginSegment(state)
    const { active, handle } = state
    const block = encodeBlock(active.endOffset, some)
    await writeWhole(handle, block, active)
    if (state.shouldSync) await handle.datasync()
    active.sizeBytes += block.length
    active.endOffset += BigInt(some.length)
    for (const listener of state.listeners) listener()
  }
  return firstOffset
}

/** Groups that keep a block small enough to be read at once. */
function* splitIntoBlocks(records: readonly LogRecord[]): Generator<readonly LogRecord[]> {
  let start = 0
  let bytes = 0
  for (const [index, { key, headers, payload }] of records.entries()) {
    const size = (key?.length ?? 0) + (headers?.length ?? 0) + (payload?.length ?? 0)
    if (size > MAX_RECORD_BYTES) throw tooLarge(size)
    const isFull = index - start >= RECORDS_PER_BLOCK || bytes + size > BLOCK_BYTES
    if (isFull && index > start) {
      yield records.slice(start, index)
      start = index
      bytes = 0
    }
    bytes += size
  }
  if (start < records.length) yield records.slice(start)
}

function tooLarge(sizeBytes: number): SluiceError {
  return new SluiceError(
    'invalid-input',
    `A record of ${sizeBytes} bytes is larger than the log takes (${MAX_RECORD_BYTES}). It and ` +
      'what came behind it in this call were not appended. Send it in smaller pieces.',
    { context: { sizeBytes } },
  )
}

/** A failed write is cut off again, so that the next one does not stand behind half a block. */
async function writeWhole(handle: FileHandle, block: Buffer, active: Segment): Promise<void> {
  try {
    for (let written = 0; written < block.length;) {
      written += (await handle.write(block, written)).bytesWritten
    }
  } catch (error) {
    await handle.truncate(active.sizeBytes).catch(() => undefined)
    throw new SluiceError(
      'storage-unavailable',
      `The log could not be written at ${active.path}. The events were not appended. Free space ` +
        'on the disk and start again.',
      { cause: error, context: { path: active.path } },
    )
  }
}

async function beginSegment(state: LogState): Promise<void> {
  const segment = segmentOf(state.directory, state.active.endOffset)
  const handle = await open(segment.path, 'ax')
  await syncFolder(state.directory)
  await state.handle.close()
  state.handle = handle
  state.active = segment
  state.segments = [...state.segments, segment]
}

async function deleteBefore(state: LogState, offset: bigint): Promise<void> {
  const isPassed = (segment: Segment) => segment !== state.active && segment.endOffset <= offset
  const passed = state.segments.filter(isPassed)
  if (passed.length === 0) return
  state.segments = state.segments.filter((segment) => !isPassed(segment))
  for (const segment of passed) await rm(segment.path, { force: true })
}

/** What lies on disk, the last segment without a torn end. */
async function readSegments(directory: string): Promise<Segment[]> {
  const names = (await readdir(directory)).filter((name) => /^\d{20}\.segment$/.test(name)).sort()
  const segments: Segment[] = []
  for (const name of names) {
    const segment = segmentOf(directory, BigInt(name.slice(0, 20)))
    const previous = segments.at(-1)
    if (previous !== undefined && previous.endOffset !== segment.startOffset) {
      throw brokenLog(
        segment.path,
        `it begins at ${segment.startOffset}, not at ${previous.endOffset}`,
      )
    }
    await scanSegment(segment, name === names.at(-1))
    segments.push(segment)
  }
  return segments
}

async function scanSegment(segment: Segment, isLast: boolean): Promise<void> {
  const handle = await open(segment.path, 'r+')
  try {
    const { size } = await handle.stat()
    for (;;) {
      const block = await readBlock(handle, segment.sizeBytes, size)
      if (block === undefined) break
      segment.sizeBytes += block.sizeBytes
      segment.endOffset += BigInt(block.recordCount)
    }
    if (segment.sizeBytes === size) return
    if (!isLast) throw brokenLog(segment.path, `a block at byte ${segment.sizeBytes} is altered`)
    await handle.truncate(segment.sizeBytes)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** The block at a place of the file, undefined at its end and where the bytes are no whole block. */
async function readBlock(
  handle: FileHandle,
  position: number,
  size: number,
): Promise<LogBlock | undefined> {
  if (position + BLOCK_HEADER_BYTES > size) return undefined
  const header = Buffer.alloc(BLOCK_HEADER_BYTES)
  await handle.read(header, 0, BLOCK_HEADER_BYTES, position)
  const length = blockLength(header)
  if (length === undefined || position + length > size) return undefined
  const bytes = Buffer.allocUnsafe(length)
  const { bytesRead } = await handle.read(bytes, 0, length, position)
  return bytesRead === length ? decodeBlock(bytes) : undefined
}

function createReader(state: LogState, fromOffset: bigint): LogReader {
  checkHeld(state, fromOffset)
  let segment = state.segments.find(({ endOffset }) => endOffset > fromOffset) ?? state.active
  let handle: FileHandle | undefined
  let position = 0
  let offset = fromOffset

  const next = async (): Promise<LogBlock | undefined> => {
    while (position < segment.sizeBytes || segment !== state.active) {
      if (position >= segment.sizeBytes) {
        await handle?.close()
        handle = undefined
        segment = segmentAfter(state, segment)
        position = 0
        continue
      }
      handle ??= await open(segment.path, 'r')
      const block = await readBlock(handle, position, segment.sizeBytes)
      if (block === undefined)
        throw brokenLog(segment.path, `a block at byte ${position} is altered`)
      position += block.sizeBytes
      const endOffset = block.firstOffset + BigInt(block.recordCount)
      if (endOffset <= offset) continue
      offset = endOffset
      return block
    }
    return undefined
  }
  return { next, close: async () => handle?.close() }
}

function segmentAfter(state: LogState, segment: Segment): Segment {
  const after = state.segments.find(({ startOffset }) => startOffset === segment.endOffset)
  if (after === undefined || after === segment) {
    throw brokenLog(segment.path, 'the segment behind it was deleted before it was read')
  }
  return after
}

function checkHeld(state: LogState, offset: bigint): void {
  const start = firstSegment(state).startOffset
  const end = state.active.endOffset
  if (offset >= start && offset <= end) return
  const missing = offset < start ? `${offset} to ${start - 1n}` : `${end} to ${offset - 1n}`
  throw new SluiceError(
    'data-loss',
    `The log in ${state.directory} holds offsets ${start} to ${end}, but reading has to go on at ` +
      `${offset}: offsets ${missing} are gone. Nothing was read. Restore the log folder, or begin ` +
      'a new lake.',
    { context: { directory: state.directory, offset, start, end } },
  )
}

function brokenLog(path: string, what: string): SluiceError {
  return new SluiceError(
    'corrupt-data',
    `The log segment ${path} cannot be read: ${what}. Nothing was deleted. Restore the log folder ` +
      'from a copy, or begin a new log.',
    { context: { path } },
  )
}

/** So that a new file's name survives a power loss, too. */
async function syncFolder(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

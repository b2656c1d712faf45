import type { IdSource } from '../../tables/clock.ts'
import { SluiceError } from '../../tables/errors.ts'
import type { ArchivePart } from './archive-parts.ts'
import type { BatchBuffer, PartSlot } from './batch-buffer.ts'
import { createBatchBuffer } from './batch-buffer.ts'
import type { NamedMarket } from './line-framing.ts'
import { createLineReader, type PartReader, type PartRecord } from './part-reader.ts'
import type { MicroBatch, PartProgress, Source } from './source.ts'
import { partKey } from './source.ts'

/**
 * How far it is, by the batches that were released: what is read ahead of them is work to be done.
 * Bytes are bytes on disk, packed.
 */
export interface ArchiveProgress {
  readonly bytesRead: number
  readonly bytesTotal: number
  readonly partsRead: number
  readonly partsTotal: number
}

export interface ArchiveSource extends Source {
  progress(): ArchiveProgress
}

export interface PartSourceOptions {
  /** From `readArchiveParts`, without those that the lake has read whole. */
  readonly parts: readonly ArchivePart[]
  readonly reader: PartReader
  readonly scratchDir: string
  readonly ids: IdSource
}

/** Files of lines. */
export interface ArchiveSourceOptions extends Omit<PartSourceOptions, 'reader'> {
  readonly format: string
  readonly market?: NamedMarket
}

/** Moves on as bytes are read. */
interface ReadState {
  bytesRead: number
  partsRead: number
}

/** `createPartSource` over files of lines: an offset is a line number from 0. */
export function createArchiveSource(options: ArchiveSourceOptions): ArchiveSource {
  const { format, market, ...rest } = options
  return createPartSource({ ...rest, reader: createLineReader(format, market) })
}

/**
 * Files, one after the other; an offset is the number of a record from 0. Each part ends once with
 * `isFinished`; behind the last one `next` gives undefined. Memory holds a chunk of one file and
 * the record that it cuts.
 *
 * `next` throws corrupt-data for a damaged archive and data-loss for a position behind a file's end.
 */
export function createPartSource(options: PartSourceOptions): ArchiveSource {
  const { parts, reader } = options
  const buffer = createBatchBuffer(options)
  const bytesTotal = parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  const read = { bytesRead: 0, partsRead: 0 }
  const readAtTake = new WeakMap<MicroBatch, Readonly<ReadState>>()
  let released: Readonly<ReadState> = { ...read }
  let reading: Promise<void> = Promise.resolve()

  return {
    name: 'archive',
    open: (positions) => {
      const slots = parts.map((each) => {
        const { part } = each
        const startOffset = positions.get(partKey(part)) ?? 0n
        const format = reader.formatOf(each)
        return buffer.addPart({ format, part, startOffset, isAtEnd: () => false })
      })
      reading = readParts(options, slots, buffer, read)
      return Promise.resolve()
    },
    next: async (limits, signal) => {
      const batch = await buffer.take(limits, signal)
      if (batch === undefined) return undefined
      // A file that was not begun says nothing about time: listed, it would hold the watermark.
      const begun = { ...batch, progress: batch.progress.filter(isBegun) }
      readAtTake.set(begun, { ...read })
      return begun
    },
    release: (batch) => {
      buffer.release(batch)
      released = readAtTake.get(batch) ?? released
      return Promise.resolve()
    },
    committed: () => Promise.resolve(),
    progress: () => ({ ...released, bytesTotal, partsTotal: parts.length }),
    close: async () => {
      buffer.close()
      await reading
    },
  }
}

function isBegun({ endOffset, isFinished }: PartProgress): boolean {
  return endOffset > 0n || isFinished
}

async function readParts(
  { parts, reader }: PartSourceOptions,
  slots: readonly PartSlot[],
  buffer: BatchBuffer,
  read: ReadState,
): Promise<void> {
  try {
    // Not before the first batch is asked for: reading nobody waits for is work for nothing.
    if (!(await buffer.waitForRoom())) return
    for (const [index, part] of parts.entries()) {
      const slot = slots[index]
      if (slot === undefined) continue
      if (!(await readPart(part, slot, reader, buffer, read))) return
      read.partsRead += 1
    }
    buffer.end()
  } catch (error) {
    buffer.fail(error)
  }
}

/** False where the source was closed before the part was through. */
async function readPart(
  part: ArchivePart,
  slot: PartSlot,
  reader: PartReader,
  buffer: BatchBuffer,
  read: ReadState,
): Promise<boolean> {
  const start = Number(slot.position())
  const reading = reader.read(part, start, (bytes) => {
    read.bytesRead += bytes
  })
  for await (const block of reading.blocks) {
    if (!(await addRecords(block, slot, buffer))) return false
  }
  if (reading.recordCount() < start) throw shortFile(part, start, reading.recordCount())
  slot.finish()
  return true
}

async function addRecords(
  records: Iterable<PartRecord>,
  slot: PartSlot,
  buffer: BatchBuffer,
): Promise<boolean> {
  for (const { number, receivedUs, headers, payload } of records) {
    if (!buffer.hasRoom() && !(await buffer.waitForRoom())) return false
    slot.add({ offset: String(number), key: null, receivedUs, headers, payload })
    slot.advance(BigInt(number + 1))
  }
  return true
}

function shortFile(part: ArchivePart, startLine: number, lineCount: number): SluiceError {
  return new SluiceError(
    'data-loss',
    `${part.shownPath} has ${lineCount} lines, but the lake has read up to line ${startLine}: lines ` +
      `${lineCount} to ${startLine - 1} are gone. Nothing of it was read. Get the file again.`,
    { context: { path: part.shownPath, lineCount, startLine } },
  )
}

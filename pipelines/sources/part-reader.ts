import { readArchiveBytes } from './archive-stream.ts'
import type { ArchivePart } from './archive-parts.ts'
import { lineFraming, type FramedLine, type NamedMarket } from './line-framing.ts'
import { createLineSplitter } from './line-splitter.ts'

/** A message of a file, at its place in it. */
export interface PartRecord extends FramedLine {
  /** From 0. */
  readonly number: number
}

export interface PartReading {
  /** Records from the first one wanted, in order; good until the next block is asked for. */
  readonly blocks: AsyncIterable<Iterable<PartRecord>>
  /** The number behind the last record, once the blocks are through. */
  recordCount(): number
}

/** How the content of files becomes messages. */
export interface PartReader {
  /** The format of the part's messages, as bronze names it. */
  formatOf(part: ArchivePart): string
  /** `onRead` hears how many bytes on disk were gone through. Throws corrupt-data. */
  read(part: ArchivePart, startNumber: number, onRead: (bytes: number) => void): PartReading
}

/** Files of lines: a message is a line. */
export function createLineReader(format: string, market?: NamedMarket): PartReader {
  return {
    formatOf: () => format,
    read: (part, startNumber, onRead) => {
      const splitter = createLineSplitter({ startLine: startNumber, shownPath: part.shownPath })
      const framing = lineFraming(format, part.entryName, market)
      return readSplit(readArchiveBytes(part, onRead), splitter, framing)
    },
  }
}

/** What cuts bytes into records. */
interface Splitter {
  split(chunk: Uint8Array): Iterable<{ readonly number: number; readonly bytes: Uint8Array }>
  rest(): Iterable<{ readonly number: number; readonly bytes: Uint8Array }>
  lineCount(): number
}

export function readSplit(
  chunks: AsyncIterable<Uint8Array>,
  splitter: Splitter,
  framing: (record: Uint8Array) => FramedLine,
): PartReading {
  function* framed(lines: ReturnType<Splitter['split']>): Generator<PartRecord> {
    for (const { number, bytes } of lines) yield { number, ...framing(bytes) }
  }
  async function* blocks(): AsyncGenerator<Iterable<PartRecord>> {
    for await (const chunk of chunks) yield framed(splitter.split(chunk))
    yield framed(splitter.rest())
  }
  return { blocks: blocks(), recordCount: () => splitter.lineCount() }
}

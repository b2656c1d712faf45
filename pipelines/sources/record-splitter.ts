import type { LineSplitter } from './line-splitter.ts'
import {
  createRecordNumbering,
  lineTooLong,
  MAX_LINE_BYTES,
  type Line,
} from './record-numbering.ts'

const LINE_FEED = 10
const QUOTE = 34
/** Of a record of several lines. A quote that is never closed must not swallow the file. */
const MAX_RECORD_BYTES = 1024 * 1024

/**
 * Cuts chunks of CSV into records: they end in \n or \r\n, except within a cell that begins with a
 * quote and has not come to its end. A record of several lines that is longer than 1 MiB, or that
 * the file's end cuts off, is none: its first line is a record by itself and reading goes on
 * behind it, the same way however the bytes come in chunks. Blank records as of lines.
 */
export function createRecordSplitter(options: {
  readonly startRecord: number
  readonly delimiter: string
  readonly shownPath: string
}): LineSplitter {
  const delimiter = options.delimiter.charCodeAt(0)
  const numbering = createRecordNumbering(options.startRecord)
  let carried: Buffer = Buffer.alloc(0)

  /** Hands out what ends in the bytes, and answers with what does not. */
  const cut = (bytes: Buffer, isLast: boolean, lines: Line[]): Buffer => {
    let start = 0
    let quote = bytes.indexOf(QUOTE)
    while (start < bytes.length) {
      if (quote >= 0 && quote < start) quote = bytes.indexOf(QUOTE, start)
      const lineEnd = bytes.indexOf(LINE_FEED, start)
      const isPlain = quote < 0 || (lineEnd >= 0 && quote > lineEnd)
      let end = isPlain ? lineEnd : endOfRecord(bytes, start, delimiter, isLast)
      const isTooLong = (end < 0 ? bytes.length : end) - start > MAX_RECORD_BYTES
      if (lineEnd >= 0 && (isTooLong || (end < 0 && isLast))) end = lineEnd
      if (end < 0) break
      numbering.add(bytes.subarray(start, end), lines)
      start = end + 1
    }
    return bytes.subarray(start)
  }

  return {
    split: (chunk) => {
      const lines: Line[] = []
      const fresh = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
      const bytes = carried.length === 0 ? fresh : Buffer.concat([carried, fresh])
      carried = Buffer.from(cut(bytes, false, lines))
      if (carried.length > MAX_LINE_BYTES) throw lineTooLong(options.shownPath, numbering.next())
      return lines
    },
    rest: () => {
      const lines: Line[] = []
      const left = cut(carried, true, lines)
      if (left.length > 0) numbering.add(left, lines)
      carried = Buffer.alloc(0)
      return lines
    },
    lineCount: () => numbering.lineCount(),
  }
}

/** Where the line end of the record stands; -1 where the bytes do not hold it. */
function endOfRecord(bytes: Buffer, start: number, delimiter: number, isLast: boolean): number {
  let isCellStart = true
  for (let index = start; index < bytes.length; index += 1) {
    const byte = bytes[index]
    if (isCellStart && byte === QUOTE) {
      index = endOfQuoted(bytes, index + 1, isLast)
      if (index < 0) return -1
      isCellStart = false
    } else if (byte === LINE_FEED) {
      return index
    } else {
      isCellStart = byte === delimiter
    }
  }
  return isLast ? bytes.length : -1
}

/** Where the quote stands that closes the cell; two quotes are one of the text. */
function endOfQuoted(bytes: Buffer, start: number, isLast: boolean): number {
  for (let quote = bytes.indexOf(QUOTE, start); quote >= 0;) {
    // Without the byte behind it nobody knows whether it closes.
    if (quote + 1 === bytes.length) return isLast ? quote : -1
    if (bytes[quote + 1] !== QUOTE) return quote
    quote = bytes.indexOf(QUOTE, quote + 2)
  }
  return -1
}

/** The cells of one record as text. */
export function splitCells(record: string, delimiter: string): readonly string[] {
  const cells: string[] = []
  for (let start = 0; start <= record.length;) {
    const quoted = record[start] === '"' ? /"((?:[^"]|"")*)"/y : undefined
    if (quoted !== undefined) quoted.lastIndex = start
    const found = quoted?.exec(record)
    const from = found === undefined || found === null ? start : start + found[0].length
    const next = record.indexOf(delimiter, from)
    const end = next < 0 ? record.length : next
    const isClosed = found !== undefined && found !== null && from === end
    cells.push(isClosed ? (found[1] ?? '').replaceAll('""', '"') : record.slice(start, end))
    start = end + 1
  }
  return cells
}

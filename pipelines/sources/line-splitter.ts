import {
  createRecordNumbering,
  lineTooLong,
  MAX_LINE_BYTES,
  type Line,
} from './record-numbering.ts'

export type { Line } from './record-numbering.ts'

const LINE_FEED = 10

export interface LineSplitter {
  /** The lines that end in this chunk. Throws corrupt-data for a line beyond 64 MiB. */
  split(chunk: Uint8Array): readonly Line[]
  /** The last line, where the file has no line end behind it. */
  rest(): readonly Line[]
  /** The number behind the last line that was handed out. */
  lineCount(): number
}

/**
 * Cuts chunks into lines that end in \n or \r\n. Blank lines at the file's end are no lines; blank
 * lines before others are. Lines before `startLine` are counted and not handed out.
 */
export function createLineSplitter(options: {
  readonly startLine: number
  readonly shownPath: string
}): LineSplitter {
  const { startLine, shownPath } = options
  const numbering = createRecordNumbering(startLine)
  let carried: Uint8Array[] = []
  let carriedBytes = 0

  const takeCarried = (end: Uint8Array): Uint8Array => {
    if (carriedBytes === 0) return end
    const whole = Buffer.concat([...carried, end])
    carried = []
    carriedBytes = 0
    return whole
  }

  return {
    split: (chunk) => {
      const lines: Line[] = []
      let start = 0
      for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
        numbering.add(takeCarried(chunk.subarray(start, end)), lines)
        start = end + 1
      }
      if (start < chunk.length) {
        carried.push(Buffer.from(chunk.subarray(start)))
        carriedBytes += chunk.length - start
        if (carriedBytes > MAX_LINE_BYTES) throw lineTooLong(shownPath, numbering.next())
      }
      return lines
    },
    rest: () => {
      const lines: Line[] = []
      if (carriedBytes > 0) numbering.add(takeCarried(new Uint8Array(0)), lines)
      return lines
    },
    lineCount: () => numbering.lineCount(),
  }
}

import { SluiceError } from '../../tables/errors.ts'

const LINE_FEED = 10
const CARRIAGE_RETURN = 13
/** A file whose lines are longer is not made of lines. */
export const MAX_LINE_BYTES = 64 * 1024 * 1024

export interface Line {
  /** From 0, blank lines counted. */
  readonly number: number
  /** Without its end; a view that is good until the next chunk is split. */
  readonly bytes: Uint8Array
}

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
  let carried: Uint8Array[] = []
  let carriedBytes = 0
  let nextNumber = 0
  let blankCount = 0
  let lineCount = 0

  const takeCarried = (end: Uint8Array): Uint8Array => {
    if (carriedBytes === 0) return end
    const whole = Buffer.concat([...carried, end])
    carried = []
    carriedBytes = 0
    return whole
  }

  const handOut = (raw: Uint8Array, lines: Line[]) => {
    const hasReturn = raw.length > 0 && raw[raw.length - 1] === CARRIAGE_RETURN
    const bytes = hasReturn ? raw.subarray(0, raw.length - 1) : raw
    const number = nextNumber
    nextNumber += 1
    if (bytes.length === 0) {
      blankCount += 1
      return
    }
    for (let blank = Math.max(number - blankCount, startLine); blank < number; blank += 1) {
      lines.push({ number: blank, bytes: raw.subarray(0, 0) })
    }
    blankCount = 0
    lineCount = number + 1
    if (number >= startLine) lines.push({ number, bytes })
  }

  return {
    split: (chunk) => {
      const lines: Line[] = []
      let start = 0
      for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
        handOut(takeCarried(chunk.subarray(start, end)), lines)
        start = end + 1
      }
      if (start < chunk.length) {
        carried.push(Buffer.from(chunk.subarray(start)))
        carriedBytes += chunk.length - start
        if (carriedBytes > MAX_LINE_BYTES) throw lineTooLong(shownPath, nextNumber)
      }
      return lines
    },
    rest: () => {
      const lines: Line[] = []
      if (carriedBytes > 0) handOut(takeCarried(new Uint8Array(0)), lines)
      return lines
    },
    lineCount: () => lineCount,
  }
}

function lineTooLong(shownPath: string, number: number): SluiceError {
  return new SluiceError(
    'corrupt-data',
    `Line ${number + 1} of ${shownPath} is longer than ${MAX_LINE_BYTES} bytes: this is no file of ` +
      'lines. Reading stopped there. Give a file with one message a line.',
    { context: { path: shownPath, line: number + 1 } },
  )
}

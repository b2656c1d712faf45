import { SluiceError } from '../../tables/errors.ts'

const CARRIAGE_RETURN = 13
/** A file whose lines are longer is not made of lines. */
export const MAX_LINE_BYTES = 64 * 1024 * 1024

export interface Line {
  /** From 0, blank lines counted. */
  readonly number: number
  /** Without its end; a view that is good until the next chunk is split. */
  readonly bytes: Uint8Array
}

export interface RecordNumbering {
  /** Adds a line, without its \n, to those that are handed out. */
  add(raw: Uint8Array, lines: Line[]): void
  /** The number of the next line. */
  next(): number
  /** The number behind the last line that was handed out. */
  lineCount(): number
}

/**
 * Numbers the lines or records of a file. Blank ones at the file's end are none; blank ones before
 * others are. Those before `startLine` are counted and not handed out.
 */
export function createRecordNumbering(startLine: number): RecordNumbering {
  let nextNumber = 0
  let blankCount = 0
  let lineCount = 0
  return {
    add: (raw, lines) => {
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
    },
    next: () => nextNumber,
    lineCount: () => lineCount,
  }
}

export function lineTooLong(shownPath: string, number: number): SluiceError {
  return new SluiceError(
    'corrupt-data',
    `Line ${number + 1} of ${shownPath} is longer than ${MAX_LINE_BYTES} bytes: this is no file of ` +
      'lines. Reading stopped there. Give a file with one message a line.',
    { context: { path: shownPath, line: number + 1 } },
  )
}

import type { RowValue } from '../engine/row-value.ts'
import type { FormattedRows } from './format-result.ts'
import { cellText } from './value-text.ts'

const numberTypes = /^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|DECIMAL\(.*\)|FLOAT|DOUBLE|BIGNUM)$/

/** Characters that a terminal would obey instead of show. */
const controlCharacters = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g

interface Cell {
  readonly lines: readonly string[]
  readonly width: number
}

/**
 * Rows in a box, as wide as their longest value, numbers to the right, and the count below. A
 * value of several lines (a plan of EXPLAIN) takes several lines; a null is `NULL`.
 */
export async function formatTable({ columns, rows }: FormattedRows): Promise<string> {
  const header = columns.map((column) => cellOf(column.name))
  const body: Cell[][] = []
  for await (const row of rows) body.push(row.map(valueCell))
  const widths = header.map((cell, index) =>
    body.reduce((width, row) => Math.max(width, row[index]?.width ?? 0), cell.width),
  )
  const isNumber = columns.map((column) => numberTypes.test(column.type))
  const rule = (left: string, middle: string, right: string): string =>
    `${left}${widths.map((width) => '─'.repeat(width + 2)).join(middle)}${right}`
  const lines = [
    rule('┌', '┬', '┐'),
    ...rowLines(header, widths, isNumber),
    rule('├', '┼', '┤'),
    ...body.flatMap((row) => rowLines(row, widths, isNumber)),
    rule('└', '┴', '┘'),
    `${body.length} ${body.length === 1 ? 'row' : 'rows'}`,
  ]
  return `${lines.join('\n')}\n`
}

function valueCell(value: RowValue): Cell {
  return cellOf(value === null ? 'NULL' : cellText(value))
}

function cellOf(text: string): Cell {
  const lines = text.replace(/\n$/, '').split('\n').map(showControls)
  return { lines, width: lines.reduce((width, line) => Math.max(width, widthOf(line)), 0) }
}

function showControls(line: string): string {
  return line.replace(controlCharacters, (character) => {
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`
  })
}

function rowLines(
  cells: readonly Cell[],
  widths: readonly number[],
  isNumber: readonly boolean[],
): readonly string[] {
  const height = cells.reduce((most, cell) => Math.max(most, cell.lines.length), 1)
  return Array.from({ length: height }, (_, line) => {
    const texts = widths.map((width, index) => {
      const text = cells[index]?.lines[line] ?? ''
      const blank = ' '.repeat(width - widthOf(text))
      return isNumber[index] === true ? blank + text : text + blank
    })
    return `│ ${texts.join(' │ ')} │`
  })
}

const wideCharacters =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u
const marks = /\p{Mn}|\u200d|\ufe0f/u

/** Columns of a terminal: two for East Asian and emoji characters, none for marks. */
function widthOf(text: string): number {
  let width = 0
  for (const character of text) {
    if (marks.test(character)) continue
    width += wideCharacters.test(character) ? 2 : 1
  }
  return width
}

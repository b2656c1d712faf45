import type { Dialect } from '../dialect.ts'
import { framedColumns } from '../frame.ts'
import type { Kind } from '../kind.ts'
import { screenSql } from '../payload-screen.ts'

export interface CsvFields {
  readonly kind: Kind
  readonly routed: string
  /** One ASCII character. */
  readonly delimiter: string
  /** Cells of every record; undefined: as many as are read, or more. */
  readonly width: number | undefined
  /** Cells from 1, by the name of the column that takes the text. */
  readonly cells: Readonly<Record<string, number>>
}

/**
 * Routed messages with cells of their CSV record as text columns, `screen_reason`, and `is_odd`:
 * whether texts may hold what names must not. A cell that begins with a quote ends with one and has
 * quotes in it doubled; anything else between delimiters is a cell as it stands, spaces and quotes
 * further on among it. A record that is not made of such cells is a bad line.
 */
export function csvFieldsSql(input: CsvFields, dialect: Dialect): string {
  const framed = [...framedColumns, 'format', 'kind'].join(', ')
  const numbers = [...new Set(Object.values(input.cells))]
  const isWhole = input.width === undefined ? `>= ${Math.max(1, ...numbers)}` : `= ${input.width}`
  const plain = numbers.map((cell) => `${unquotedSql(`cells[${cell}]`)} AS cell_${cell}`)
  const columns = Object.entries(input.cells).map(([name, cell]) => `cell_${cell} AS ${name}`)
  const odd = dialect.matches('payload', '[\\x00-\\x1f\\x7f{\\[]')
  return (
    `SELECT ${framed}, is_odd, CASE WHEN pre_reason IS NOT NULL THEN pre_reason ` +
    `WHEN cells IS NULL THEN 'bad-line' END AS screen_reason, ` +
    `${columns.length === 0 ? '0 AS no_cell' : columns.join(', ')} FROM (` +
    `SELECT *, ${plain.length === 0 ? '0 AS no_text' : plain.join(', ')} FROM (` +
    `SELECT *, CASE WHEN ${dialect.sizeOf('all_cells')} ${isWhole} THEN all_cells END AS cells ` +
    `FROM (SELECT *, ${cellsSql(input.delimiter, dialect)} AS all_cells FROM (` +
    `SELECT *, ${screenSql(dialect)} AS pre_reason, coalesce(${odd}, false) AS is_odd ` +
    `FROM ${input.routed} AS r WHERE kind = '${input.kind}' AND NOT is_ignored))))`
  )
}

/** An array of the cells, quotes still around them; null where the record is refused. */
function cellsSql(delimiter: string, dialect: Dialect): string {
  const hex = `\\x${delimiter.charCodeAt(0).toString(16).padStart(2, '0')}`
  const cell = `(?:"[^"]*(?:""[^"]*)*"|(?:[^"${hex}][^${hex}]*)?)`
  const whole = `(?s)^${cell}(?:${hex}${cell})*\\z`
  const literal = delimiter === "'" ? "''''" : `'${delimiter}'`
  // With a delimiter in front every match has a length: engines step on over empty ones unlike.
  const cut = `regexp_extract_all(${literal} || payload, '(?s)${hex}(${cell})', 1)`
  return (
    `CASE WHEN pre_reason IS NOT NULL THEN NULL ` +
    `WHEN strpos(payload, '"') = 0 THEN ${dialect.split('payload', literal.slice(1, -1))} ` +
    `WHEN ${dialect.matches('payload', whole)} THEN ${cut} END`
  )
}

function unquotedSql(cell: string): string {
  return (
    `CASE WHEN starts_with(${cell}, '"') ` +
    `THEN replace(substr(${cell}, 2, length(${cell}) - 2), '""', '"') ELSE ${cell} END`
  )
}

import type { ResultColumn } from '../engine/engine.ts'
import type { RowValue } from '../engine/row-value.ts'
import { formatTable } from './format-table.ts'
import { uniqueNames } from './unique-names.ts'
import { cellText, jsonText } from './value-text.ts'

export const resultFormats = ['table', 'csv', 'json', 'ndjson'] as const
export type ResultFormat = (typeof resultFormats)[number]

export interface FormattedRows {
  readonly columns: readonly ResultColumn[]
  readonly rows: AsyncIterable<readonly RowValue[]>
}

/**
 * A result as text, in pieces that are to be written one after the other. `table` is for people
 * and needs all rows at once; `csv` (RFC 4180, null = nothing, an empty text = ""), `json` (one
 * list of objects) and `ndjson` (an object a line) run with the rows. Numbers are exact: bigint
 * as bare numbers, decimals as their text.
 */
export async function* formatResult(
  result: FormattedRows,
  format: ResultFormat,
): AsyncGenerator<string> {
  switch (format) {
    case 'table':
      yield await formatTable(result)
      return
    case 'csv':
      yield* formatCsv(result)
      return
    case 'json':
      yield* formatJson(result)
      return
    case 'ndjson':
      for await (const row of result.rows) yield `${rowJson(result.columns, row)}\n`
  }
}

async function* formatCsv({ columns, rows }: FormattedRows): AsyncGenerator<string> {
  yield `${columns.map((column) => csvField(column.name)).join(',')}\r\n`
  for await (const row of rows) {
    const fields = row.map((value) => (value === null ? '' : csvField(cellText(value))))
    yield `${fields.join(',')}\r\n`
  }
}

function csvField(text: string): string {
  return text === '' || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

async function* formatJson({ columns, rows }: FormattedRows): AsyncGenerator<string> {
  let separator = '[\n'
  for await (const row of rows) {
    yield `${separator}${rowJson(columns, row)}`
    separator = ',\n'
  }
  yield separator === '[\n' ? '[]\n' : '\n]\n'
}

function rowJson(columns: readonly ResultColumn[], row: readonly RowValue[]): string {
  const members = uniqueNames(columns).map(
    (name, index) => `${JSON.stringify(name)}:${jsonText(row[index] ?? null)}`,
  )
  return `{${members.join(',')}}`
}

import { extname } from 'node:path'
import { SluiceError } from '../../../tables/errors.ts'
import { resultFormats } from '../../../tables/query/format-result.ts'

/** How rows are written: as text for people and programs, or as typed bytes for data frames. */
export const sqlFormats = [...resultFormats, 'arrow', 'parquet'] as const
export type SqlFormat = (typeof sqlFormats)[number]

/** `.arrows` is what Arrow calls a file that holds a stream. */
const formatsByEnding: Readonly<Record<string, SqlFormat>> = {
  '.csv': 'csv',
  '.json': 'json',
  '.ndjson': 'ndjson',
  '.jsonl': 'ndjson',
  '.arrow': 'arrow',
  '.arrows': 'arrow',
  '.feather': 'arrow',
  '.parquet': 'parquet',
}

export interface FormatOptions {
  readonly format?: SqlFormat
  readonly output?: string
  readonly json: boolean
}

/** The format that was asked for, else the one that the output's name ends with, else a table. */
export function chooseFormat({ format, output, json }: FormatOptions): SqlFormat {
  if (format !== undefined) return format
  if (json) return 'json'
  return formatsByEnding[extname(output ?? '').toLowerCase()] ?? 'table'
}

export function isBinary(format: SqlFormat): format is 'arrow' | 'parquet' {
  return format === 'arrow' || format === 'parquet'
}

/** @throws SluiceError `invalid-input` where bytes would be shown on a terminal. */
export function refuseBytesOnTerminal(format: SqlFormat, isTerminal: boolean): void {
  if (!isBinary(format) || !isTerminal) return
  throw new SluiceError(
    'invalid-input',
    `--format ${format} writes bytes, which a terminal cannot show. Nothing was run. Add --output ` +
      'FILE, or send stdout into a file or a program.',
  )
}

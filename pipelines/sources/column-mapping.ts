import { SluiceError } from '../../tables/errors.ts'
import type {
  FieldPlace,
  MappedFile,
  MappedKind,
  Mapping,
  TimeUnit,
} from '../../shared-transforms/formats/mapping.ts'

/** A column by its name in the header, in the JSON object or in the schema; or a cell from 1. */
export type ColumnReference = string | number

/** A mapping as a person writes it; `resolveMapping` looks the columns up. */
export interface ColumnMapping {
  readonly kind: MappedKind
  /** Silver column to column of the file; `event_ts` may be of a date and a time of day. */
  readonly columns: Readonly<Record<string, ColumnReference | readonly ColumnReference[]>>
  /** Silver column to the text that all rows have. */
  readonly constants: Readonly<Record<string, string>>
  readonly time: { readonly unit: TimeUnit; readonly zone?: string }
  readonly sides?: { readonly buy: readonly string[]; readonly sell: readonly string[] }
  /** Of CSV: one character, default a comma. */
  readonly delimiter?: string
  /** Of CSV: whether the first record names the columns; default yes. */
  readonly hasHeader?: boolean
}

export const DEFAULT_DELIMITER = ','

/**
 * The mapping of one file. `names` are the columns that it has; undefined where it names none.
 * @throws SluiceError `invalid-input` where it has not the columns that the mapping reads.
 */
export function resolveMapping(
  file: MappedFile,
  written: ColumnMapping,
  names: readonly string[] | undefined,
  shownPath: string,
): Mapping {
  const { columns, constants, kind, time, sides } = written
  const place = (reference: ColumnReference) => placeOf(file, reference, names, shownPath)
  const fields: Record<string, FieldPlace> = {}
  for (const [name, reference] of Object.entries(columns)) {
    if (name !== 'event_ts') fields[name] = place(single(reference))
  }
  for (const [name, constant] of Object.entries(constants)) fields[name] = { constant }
  const parts = columns['event_ts'] ?? []
  const places = (
    Array.isArray(parts) ? (parts as readonly ColumnReference[]) : [single(parts)]
  ).map(place)
  const delimiter = written.delimiter ?? DEFAULT_DELIMITER
  const hasHeader = written.hasHeader ?? true
  const width = hasHeader && names !== undefined ? { width: names.length } : {}
  return {
    ...{ kind, fields, time: { places, ...time } },
    ...(sides === undefined ? {} : { sides }),
    ...(file === 'csv' ? { csv: { delimiter, hasHeader, ...width } } : {}),
  }
}

function single(reference: ColumnReference | readonly ColumnReference[]): ColumnReference {
  return typeof reference === 'object' ? (reference[0] ?? '') : reference
}

function placeOf(
  file: MappedFile,
  reference: ColumnReference,
  names: readonly string[] | undefined,
  shownPath: string,
): FieldPlace {
  if (file === 'csv') return { cell: cellOf(reference, names, shownPath) }
  if (typeof reference === 'number') {
    throw wrongColumn(shownPath, `cell ${reference} was asked for, but ${file} has names`, names)
  }
  const steps = reference.startsWith('$.') ? reference.slice(2).split('.') : [reference]
  if (names !== undefined && !names.includes(steps[0] ?? '')) {
    throw wrongColumn(shownPath, `there is no column "${steps[0]}"`, names)
  }
  return { path: `$${steps.map((step) => `."${step}"`).join('')}` }
}

function cellOf(
  reference: ColumnReference,
  names: readonly string[] | undefined,
  shownPath: string,
): number {
  if (typeof reference === 'number') {
    if (names === undefined || reference <= names.length) return reference
    throw wrongColumn(shownPath, `there is no cell ${reference}`, names)
  }
  if (names === undefined) {
    throw wrongColumn(shownPath, `without a header "${reference}" must be a cell's number`, names)
  }
  const first = names.indexOf(reference)
  if (first < 0) throw wrongColumn(shownPath, `there is no column "${reference}"`, names)
  if (names.includes(reference, first + 1)) {
    throw wrongColumn(shownPath, `"${reference}" is there twice: give the cell's number`, names)
  }
  return first + 1
}

/** Names that an error shows. */
const MAX_NAMES = 40

function wrongColumn(
  shownPath: string,
  what: string,
  names: readonly string[] | undefined,
): SluiceError {
  const shown = names?.slice(0, MAX_NAMES).join(', ')
  return new SluiceError(
    'invalid-input',
    `${shownPath} does not fit the mapping: ${what}. Nothing was read. ` +
      (shown === undefined ? '' : `Its columns: ${shown}. `) +
      'Correct the mapping in the config, or leave the file out.',
    { context: { path: shownPath } },
  )
}

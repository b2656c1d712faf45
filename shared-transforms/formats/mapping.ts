/**
 * How records of any shape become rows: which field of a record holds the text of which silver
 * column. It is plain data, and the format's name holds all of it (`csv {"kind":"trade",…}`), so
 * that bronze says for each message how it is read, and reading it again needs nothing else.
 */
export const mappedFiles = ['csv', 'ndjson', 'parquet'] as const
export type MappedFile = (typeof mappedFiles)[number]

export const mappedKinds = ['trade', 'quote', 'kline'] as const
export type MappedKind = (typeof mappedKinds)[number]

/** Where a text is: a cell of a CSV record from 1, a path in a JSON object, or always the same. */
export type FieldPlace =
  { readonly cell: number } | { readonly path: string } | { readonly constant: string }

/** Time as text with its date, or a number of these units since 1970 UTC. */
export const timeUnits = ['iso', 's', 'ms', 'us', 'ns'] as const
export type TimeUnit = (typeof timeUnits)[number]

export interface MappedTime {
  /** Joined by a space, for a date and a time of day apart. */
  readonly places: readonly FieldPlace[]
  readonly unit: TimeUnit
  /** Of ISO text without an offset; absent: such text is refused. An IANA name. */
  readonly zone?: string
}

export interface Mapping {
  readonly kind: MappedKind
  /** By silver column: `venue`, `venue_symbol`, `trade_id`, `price`, … */
  readonly fields: Readonly<Record<string, FieldPlace>>
  readonly time: MappedTime
  /** Which texts of taker_side say buy and sell; every other one is 'unknown'. */
  readonly sides?: { readonly buy: readonly string[]; readonly sell: readonly string[] }
  /** Only of `csv`. */
  readonly csv?: {
    /** One ASCII character. */
    readonly delimiter: string
    /** Cells of every record, where a header says so; else the mapping's highest cell or more. */
    readonly width?: number
    /** The first record names the columns, and is no row. */
    readonly hasHeader: boolean
  }
}

/** The same of a kind that is known. */
export type RecordMapping = Omit<Mapping, 'kind'>

/** The format's name: equal mappings, equal names. */
export function mappedFormatName(file: MappedFile, mapping: Mapping): string {
  return `${file} ${JSON.stringify(sorted(mapping))}`
}

/** What such a name says; undefined for other names. */
export function readMappedFormatName(
  name: string,
): { readonly file: MappedFile; readonly mapping: Mapping } | undefined {
  const file = mappedFiles.find((known) => name.startsWith(`${known} {`))
  if (file === undefined) return undefined
  try {
    const mapping = JSON.parse(name.slice(file.length + 1)) as Mapping
    const isWhole = mappedKinds.includes(mapping.kind) && mapping.time.places.length > 0
    return isWhole && typeof mapping.fields === 'object' ? { file, mapping } : undefined
  } catch {
    return undefined
  }
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(([, held]) => held !== undefined)
  entries.sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([key, held]) => [key, sorted(held)]))
}

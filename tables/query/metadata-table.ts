/**
 * Tables about a table, named `gold.bars$files`. Names and columns are those of the reference
 * implementation and of PyIceberg's `table.inspect`.
 */
export const metadataTableNames = [
  'snapshots',
  'history',
  'refs',
  'metadata_log_entries',
  'properties',
  'files',
  'data_files',
  'delete_files',
  'entries',
  'manifests',
  'partitions',
] as const
export type MetadataTableName = (typeof metadataTableNames)[number]

/** Those that tell of one snapshot, and so may be read as of another one. */
export const snapshotTableNames: ReadonlySet<MetadataTableName> = new Set([
  'files',
  'data_files',
  'delete_files',
  'entries',
  'manifests',
  'partitions',
])

/**
 * A value of a metadata table as JSON carries it to the engine: times, dates, decimals, floats
 * and UUIDs as text, maps and structs as objects.
 */
export type MetadataCell =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly MetadataCell[]
  | { readonly [member: string]: MetadataCell }

export type MetadataRow = Readonly<Record<string, MetadataCell>>

export interface MetadataTable {
  /** Column names with the engine's types, in order. */
  readonly columns: readonly (readonly [name: string, type: string])[]
  readonly rows: readonly MetadataRow[]
}

/** `bars$files` as the table and what is asked about it; undefined for every other name. */
export function splitMetadataName(
  name: string,
): { readonly table: string; readonly about: MetadataTableName } | undefined {
  const dollar = name.lastIndexOf('$')
  const suffix = name.slice(dollar + 1).toLowerCase()
  const about = metadataTableNames.find((known) => known === suffix)
  return dollar < 1 || about === undefined ? undefined : { table: name.slice(0, dollar), about }
}

/** Rows as one JSON list. Bytes become `\x…` text, which the engine casts to a BLOB. */
export function metadataJson(rows: readonly MetadataRow[]): string {
  return `[${rows.map(cellJson).join(',')}]`
}

function cellJson(cell: MetadataCell): string {
  if (typeof cell === 'bigint') return cell.toString()
  if (cell === null || typeof cell !== 'object') return JSON.stringify(cell)
  if (cell instanceof Uint8Array) return JSON.stringify(blobText(cell))
  if (isList(cell)) return `[${cell.map(cellJson).join(',')}]`
  const members = Object.entries(cell).map(
    ([name, member]) => `${JSON.stringify(name)}:${cellJson(member)}`,
  )
  return `{${members.join(',')}}`
}

function isList(cell: MetadataCell): cell is readonly MetadataCell[] {
  return Array.isArray(cell)
}

function blobText(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')
}

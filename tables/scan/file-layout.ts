import { SluiceError } from '../errors.ts'
import type { FileIO } from '../file-io/file-io.ts'
import { findMappedField } from '../spec/name-mapping.ts'
import type { NameMapping } from '../spec/name-mapping.ts'
import { readParquetSchema } from './parquet-schema.ts'
import type { ParquetColumn } from './parquet-schema.ts'

/** How the columns of a file are found. */
export interface FileLayout {
  /** With the field ids that count: the file's own, or those of the name mapping. */
  readonly columns: readonly ParquetColumn[]
  /** Equal for files whose columns are equal in all: names, ids, order and stored types. */
  readonly key: string
  /** Where the ids come from. By position only the outermost columns have any. */
  readonly idsFrom: 'file' | 'mapping' | 'position'
}

/** Footers read at once. */
const READ_AT_ONCE = 16
/** Schemas held a store; a location never changes its content. */
const HELD_MAX = 20_000

interface Held {
  readonly byLocation: Map<string, string>
  /** Most files of a table have one of few schemas. */
  readonly byKey: Map<string, readonly ParquetColumn[]>
}

const heldByStore = new WeakMap<FileIO, Held>()

/**
 * The layouts of data or delete files, by location. A file with any field id of its own has only
 * those: its columns without one are no columns of the table. A file without gets them from the
 * mapping; without a mapping the first column is field 1, the second field 2, and so on, as the
 * Java library reads such files.
 * Throws as `readParquetSchema`.
 */
export async function readFileLayouts(
  files: readonly { readonly location: string; readonly path: string }[],
  fileIO: FileIO,
  mapping: NameMapping | undefined,
): Promise<ReadonlyMap<string, FileLayout>> {
  const held = heldOf(fileIO)
  const layouts = new Map<string, FileLayout>()
  const made = new Map<string, FileLayout>()
  for (let from = 0; from < files.length; from += READ_AT_ONCE) {
    await Promise.all(
      files.slice(from, from + READ_AT_ONCE).map(async ({ location, path }) => {
        const key = held.byLocation.get(location) ?? (await hold(held, location, path))
        const layout = made.get(key) ?? layoutOf(held.byKey.get(key) ?? [], key, mapping)
        made.set(key, layout)
        layouts.set(location, layout)
      }),
    )
  }
  return layouts
}

function heldOf(fileIO: FileIO): Held {
  const known = heldByStore.get(fileIO)
  if (known !== undefined) return known
  const held: Held = { byLocation: new Map(), byKey: new Map() }
  heldByStore.set(fileIO, held)
  return held
}

async function hold(held: Held, location: string, path: string): Promise<string> {
  const columns = await readParquetSchema(path, location)
  const key = JSON.stringify(columns)
  if (held.byLocation.size >= HELD_MAX) {
    held.byLocation.clear()
    held.byKey.clear()
  }
  held.byLocation.set(location, key)
  held.byKey.set(key, columns)
  return key
}

function layoutOf(
  columns: readonly ParquetColumn[],
  key: string,
  mapping: NameMapping | undefined,
): FileLayout {
  if (columns.some(hasId)) return { columns, key, idsFrom: 'file' }
  if (mapping !== undefined) {
    const mapped = columns.map((column) => mapColumn(column, mapping, [column.name]))
    return { columns: mapped, key, idsFrom: 'mapping' }
  }
  const counted = columns.map((column, index) => ({ ...column, fieldId: index + 1 }))
  return { columns: counted, key, idsFrom: 'position' }
}

function hasId(column: ParquetColumn): boolean {
  return column.fieldId !== undefined || column.children.some(hasId)
}

function mapColumn(
  column: ParquetColumn,
  mapping: NameMapping,
  path: readonly string[],
): ParquetColumn {
  const fieldId = findMappedField(mapping, path)?.['field-id']
  const names = childNames(column)
  const children = column.children.map((child, index) =>
    mapColumn(child, mapping, [...path, names[index] ?? child.name]),
  )
  return { ...column, children, ...(fieldId === undefined ? {} : { fieldId }) }
}

/** A mapping speaks of `element`, `key` and `value`, whatever the file calls them. */
function childNames(column: ParquetColumn): readonly string[] {
  if (column.kind === 'list') return ['element']
  if (column.kind === 'map') return ['key', 'value']
  return column.children.map((child) => child.name)
}

/** Throws `unsupported` where the engine, which knows no case in names, would take the wrong one. */
export function checkNames(columns: readonly ParquetColumn[], location: string): void {
  const seen = new Set(engineColumns)
  for (const { name } of columns) {
    if (seen.has(name.toLowerCase())) {
      throw new SluiceError(
        'unsupported',
        `The file ${location} has a column ${name} that cannot be told from another one. Nothing ` +
          'was read. Rewrite the file with the engine that made it, with field ids.',
      )
    }
    seen.add(name.toLowerCase())
  }
}

/** What the engine calls a file and the place of a row in it. */
export const engineColumns: readonly string[] = ['filename', 'file_row_number']

import { isErrorKind, SluiceError } from '../errors.ts'
import type { TableIdentifier } from '../spec/table-identifier.ts'
import {
  type CatalogDatabase,
  inWriteTransaction,
  prepareStatement,
  readDatabase,
  type Statement,
} from './catalog-database.ts'
import { noSuchTable, tableExists, viewExists } from './catalog-errors.ts'

/** A table's pointer as it was read and as it shall be. */
export interface PointerSwap {
  readonly identifier: TableIdentifier
  /** Undefined where the table is created. */
  readonly from: string | undefined
  /** Equal to `from` where the table only has to have stayed as it was. */
  readonly to: string
}

/** Which metadata file is each table's current one: the rows of `iceberg_tables`. */
export interface PointerStore {
  /** The location of a table's metadata; undefined where there is no such table. */
  find(identifier: TableIdentifier): string | undefined
  list(namespace: readonly string[]): readonly TableIdentifier[]
  /** Metadata locations of all tables of this catalog. */
  allLocations(): readonly string[]
  /**
   * Moves all pointers at one instant, or none: false where one of them is not at its `from` any
   * more. Throws `storage-unavailable` (certainly none moved) and `commit-state-unknown`.
   */
  swap(swaps: readonly PointerSwap[]): boolean
  /** Inserts a new pointer. Call it inside a transaction; throws where the name is taken. */
  insert(identifier: TableIdentifier, location: string): void
  /** Throws where there is no such table. */
  remove(identifier: TableIdentifier): void
  /** Call it inside a transaction; throws where the source is missing or the name is taken. */
  rename(from: TableIdentifier, to: TableIdentifier): void
}

interface PointerRow {
  readonly table_namespace: string
  readonly table_name: string
  readonly metadata_location: string | null
  readonly iceberg_type: string | null
}

export function createPointerStore(database: CatalogDatabase, catalogName: string): PointerStore {
  const statements = prepareStatements(database)

  function row(identifier: TableIdentifier): PointerRow | undefined {
    const namespace = identifier.namespace.join('.')
    return statements.find.get(catalogName, namespace, identifier.name) as PointerRow | undefined
  }

  function find(identifier: TableIdentifier): string | undefined {
    const found = readDatabase(() => row(identifier))
    if (found === undefined || !isTable(found)) return undefined
    return found.metadata_location ?? undefined
  }

  function checkIsFree(identifier: TableIdentifier): void {
    const found = row(identifier)
    if (found !== undefined) {
      throw isTable(found) ? tableExists(identifier) : viewExists(identifier)
    }
  }

  function insert(identifier: TableIdentifier, location: string): void {
    checkIsFree(identifier)
    statements.insert.run(catalogName, identifier.namespace.join('.'), identifier.name, location)
  }

  function move({ identifier, from, to }: PointerSwap): void {
    if (from === undefined) return insert(identifier, to)
    if (from === to) return
    const namespace = identifier.namespace.join('.')
    statements.update.run(to, from, catalogName, namespace, identifier.name, from)
  }

  function trySwap(swaps: readonly PointerSwap[]): boolean {
    return inWriteTransaction(database, () => {
      const isCurrent = swaps.every(({ identifier, from }) => find(identifier) === from)
      if (isCurrent) swaps.forEach(move)
      return isCurrent
    })
  }

  return {
    find,
    list: (namespace) =>
      readDatabase(() => statements.list.all(catalogName, namespace.join('.')))
        .map((found) => found as PointerRow)
        .map(({ table_name: name }) => ({ namespace, name })),
    allLocations: () =>
      readDatabase(() => statements.locations.all(catalogName)).flatMap((found) => {
        return (found as PointerRow).metadata_location ?? []
      }),
    swap: (swaps) => {
      try {
        return trySwap(swaps)
      } catch (error) {
        if (!isErrorKind(error, 'commit-state-unknown')) throw error
        return settleUnknown(swaps, find, error)
      }
    },
    insert,
    remove: (identifier) => {
      const namespace = identifier.namespace.join('.')
      const { changes } = inWriteTransaction(database, () =>
        statements.remove.run(catalogName, namespace, identifier.name),
      )
      if (changes === 0) throw noSuchTable(identifier)
    },
    rename: (from, to) => {
      const found = row(from)
      if (found === undefined || !isTable(found)) throw noSuchTable(from)
      checkIsFree(to)
      const target = [to.namespace.join('.'), to.name]
      statements.rename.run(...target, catalogName, from.namespace.join('.'), from.name)
    },
  }
}

/** A COMMIT failed half-way: what the database says now decides, where it says anything clear. */
function settleUnknown(
  swaps: readonly PointerSwap[],
  find: (identifier: TableIdentifier) => string | undefined,
  error: SluiceError,
): boolean {
  let found: readonly (string | undefined)[]
  try {
    found = swaps.map(({ identifier }) => find(identifier))
  } catch {
    throw error
  }
  if (swaps.every(({ to }, index) => found[index] === to)) return true
  if (!swaps.every(({ from }, index) => found[index] === from)) throw error
  throw new SluiceError(
    'storage-unavailable',
    "The catalog's database refused to commit. No table was changed; check the disk, then try " +
      'again.',
    { cause: error, isRetryable: true },
  )
}

function isTable(row: PointerRow): boolean {
  // Catalogs of schema version V0 leave the type empty: they know tables only.
  return row.iceberg_type === null || row.iceberg_type === 'TABLE'
}

function prepareStatements(
  database: CatalogDatabase,
): Record<'find' | 'list' | 'locations' | 'insert' | 'update' | 'remove' | 'rename', Statement> {
  const isRow = 'catalog_name = ? AND table_namespace = ? AND table_name = ?'
  const isTableRow = "(iceberg_type = 'TABLE' OR iceberg_type IS NULL)"
  return {
    find: prepareStatement(database, `SELECT * FROM iceberg_tables WHERE ${isRow}`),
    list: prepareStatement(
      database,
      `SELECT * FROM iceberg_tables WHERE catalog_name = ? AND table_namespace = ?
       AND ${isTableRow} ORDER BY table_name`,
    ),
    locations: prepareStatement(database, 'SELECT * FROM iceberg_tables WHERE catalog_name = ?'),
    insert: prepareStatement(
      database,
      `INSERT INTO iceberg_tables (catalog_name, table_namespace, table_name, metadata_location,
       previous_metadata_location, iceberg_type) VALUES (?, ?, ?, ?, NULL, 'TABLE')`,
    ),
    update: prepareStatement(
      database,
      `UPDATE iceberg_tables SET metadata_location = ?, previous_metadata_location = ?
       WHERE ${isRow} AND metadata_location = ?`,
    ),
    remove: prepareStatement(
      database,
      `DELETE FROM iceberg_tables WHERE ${isRow} AND ${isTableRow}`,
    ),
    rename: prepareStatement(
      database,
      `UPDATE iceberg_tables SET table_namespace = ?, table_name = ? WHERE ${isRow}`,
    ),
  }
}

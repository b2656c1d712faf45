import { isErrorKind, SluiceError } from '../errors.ts'
import type { TableIdentifier } from '../spec/table-identifier.ts'
import {
  type CatalogDatabase,
  inWriteTransaction,
  prepareStatement,
  readDatabase,
  type Statement,
} from './catalog-database.ts'
import {
  noSuchTable,
  noSuchView,
  otherSortExists,
  renameTargetExists,
  tableExists,
  viewExists,
} from './catalog-errors.ts'

/** What a row points at, as the column `iceberg_type` says it. */
export type PointerSort = 'TABLE' | 'VIEW'

/** A pointer as it was read and as it shall be. */
export interface PointerSwap {
  readonly identifier: TableIdentifier
  /** Undefined where it is created. */
  readonly from: string | undefined
  /** Equal to `from` where the pointer only has to have stayed as it was. */
  readonly to: string
}

/**
 * Which metadata file is the current one of each table, or of each view: the rows of one sort in
 * `iceberg_tables`. Names are shared by both sorts.
 */
export interface PointerStore {
  /** The location of the metadata; undefined where there is no such table or view. */
  find(identifier: TableIdentifier): string | undefined
  list(namespace: readonly string[]): readonly TableIdentifier[]
  /** Metadata locations of all tables and views of this catalog. */
  allLocations(): readonly string[]
  /**
   * Moves all pointers at one instant, or none: false where one of them is not at its `from` any
   * more. Throws where a new name is taken by the other sort, `storage-unavailable` (certainly
   * none moved) and `commit-state-unknown`.
   */
  swap(swaps: readonly PointerSwap[]): boolean
  /** Throws where the name is taken. */
  checkIsFree(identifier: TableIdentifier): void
  /** Inserts a new pointer. Call it inside a transaction; throws where the name is taken. */
  insert(identifier: TableIdentifier, location: string): void
  /** Throws where there is no such table or view. */
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

export function createPointerStore(
  database: CatalogDatabase,
  catalogName: string,
  sort: PointerSort,
): PointerStore {
  const statements = prepareStatements(database, sort)

  function row(identifier: TableIdentifier): PointerRow | undefined {
    const values = [catalogName, identifier.namespace.join('.'), identifier.name]
    return statements.find.get(...values) as PointerRow | undefined
  }

  function find(identifier: TableIdentifier): string | undefined {
    const found = readDatabase(() => row(identifier))
    if (found === undefined || sortOf(found) !== sort) return undefined
    return found.metadata_location ?? undefined
  }

  function checkIsFree(identifier: TableIdentifier): void {
    const found = readDatabase(() => row(identifier))
    if (found !== undefined) throw takenName(identifier, sortOf(found), sort)
  }

  function insert(identifier: TableIdentifier, location: string): void {
    checkIsFree(identifier)
    const namespace = identifier.namespace.join('.')
    statements.insert.run(catalogName, namespace, identifier.name, location, sort)
  }

  function move({ identifier, from, to }: PointerSwap): void {
    if (from === undefined) return insert(identifier, to)
    if (from === to) return
    const namespace = identifier.namespace.join('.')
    statements.update.run(to, from, catalogName, namespace, identifier.name, from)
  }

  function swap(swaps: readonly PointerSwap[]): boolean {
    try {
      return inWriteTransaction(database, () => {
        const isCurrent = swaps.every(({ identifier, from }) => find(identifier) === from)
        if (isCurrent) swaps.forEach(move)
        return isCurrent
      })
    } catch (error) {
      if (!isErrorKind(error, 'commit-state-unknown')) throw error
      return settleUnknown(swaps, find, error)
    }
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
    swap,
    checkIsFree,
    insert,
    remove: (identifier) => {
      const values = [catalogName, identifier.namespace.join('.'), identifier.name]
      const { changes } = inWriteTransaction(database, () => statements.remove.run(...values))
      if (changes === 0) throw missingName(identifier, sort)
    },
    rename: (from, to) => {
      if (find(from) === undefined) throw missingName(from, sort)
      const taken = row(to)
      if (taken !== undefined) throw renameTargetExists(sortWord(sortOf(taken)), from, to)
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
    "The catalog's database refused to commit. Nothing was changed; check the disk, then try " +
      'again.',
    { cause: error, isRetryable: true },
  )
}

function takenName(
  identifier: TableIdentifier,
  taken: PointerSort,
  wanted: PointerSort,
): SluiceError {
  if (taken !== wanted) return otherSortExists(sortWord(taken), identifier)
  return wanted === 'TABLE' ? tableExists(identifier) : viewExists(identifier)
}

function missingName(identifier: TableIdentifier, sort: PointerSort): SluiceError {
  return sort === 'TABLE' ? noSuchTable(identifier) : noSuchView(identifier)
}

function sortWord(sort: PointerSort): 'Table' | 'View' {
  return sort === 'TABLE' ? 'Table' : 'View'
}

function sortOf(row: PointerRow): PointerSort {
  // Catalogs of schema version V0 leave the type empty: they know tables only.
  return row.iceberg_type === 'VIEW' ? 'VIEW' : 'TABLE'
}

function prepareStatements(
  database: CatalogDatabase,
  sort: PointerSort,
): Record<'find' | 'list' | 'locations' | 'insert' | 'update' | 'remove' | 'rename', Statement> {
  const isRow = 'catalog_name = ? AND table_namespace = ? AND table_name = ?'
  const isOfSort =
    sort === 'VIEW' ? "iceberg_type = 'VIEW'" : "(iceberg_type = 'TABLE' OR iceberg_type IS NULL)"
  return {
    find: prepareStatement(database, `SELECT * FROM iceberg_tables WHERE ${isRow}`),
    list: prepareStatement(
      database,
      `SELECT * FROM iceberg_tables WHERE catalog_name = ? AND table_namespace = ?
       AND ${isOfSort} ORDER BY table_name`,
    ),
    locations: prepareStatement(database, 'SELECT * FROM iceberg_tables WHERE catalog_name = ?'),
    insert: prepareStatement(
      database,
      `INSERT INTO iceberg_tables (catalog_name, table_namespace, table_name, metadata_location,
       previous_metadata_location, iceberg_type) VALUES (?, ?, ?, ?, NULL, ?)`,
    ),
    update: prepareStatement(
      database,
      `UPDATE iceberg_tables SET metadata_location = ?, previous_metadata_location = ?
       WHERE ${isRow} AND metadata_location = ?`,
    ),
    remove: prepareStatement(database, `DELETE FROM iceberg_tables WHERE ${isRow} AND ${isOfSort}`),
    rename: prepareStatement(
      database,
      `UPDATE iceberg_tables SET table_namespace = ?, table_name = ? WHERE ${isRow}`,
    ),
  }
}

import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import Database from 'libsql'

import { SluiceError } from '../errors.ts'

export type CatalogDatabase = InstanceType<typeof Database>

/** A prepared statement, its values in the order of its question marks. */
export interface Statement {
  get(...values: readonly unknown[]): unknown
  all(...values: readonly unknown[]): readonly unknown[]
  run(...values: readonly unknown[]): { readonly changes: number }
}

/** How long a writer waits for another process's transaction. */
const BUSY_TIMEOUT_MS = 5_000

/**
 * Opens (or makes) the SQLite file of a catalog. The two tables are those of Java's JdbcCatalog,
 * schema version V1, and of PyIceberg's SqlCatalog, so that both can open the file as it is.
 * Throws `storage-unavailable`.
 */
export function openCatalogDatabase(path: string): CatalogDatabase {
  let database: CatalogDatabase | undefined
  try {
    if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true })
    database = new Database(path, { timeout: BUSY_TIMEOUT_MS })
    // WAL lets readers go on beside a writer; FULL makes a commit survive a power cut.
    database.pragma('journal_mode = WAL')
    database.pragma('synchronous = FULL')
    createTables(database)
    return database
  } catch (error) {
    // Else the process would keep the file, and with it the disk, for as long as it lives.
    database?.close()
    throw databaseFailure(error, 'The catalog was not opened')
  }
}

function createTables(database: CatalogDatabase): void {
  inWriteTransaction(database, () => {
    database.exec(`
      CREATE TABLE IF NOT EXISTS iceberg_tables (
        catalog_name VARCHAR(255) NOT NULL,
        table_namespace VARCHAR(255) NOT NULL,
        table_name VARCHAR(255) NOT NULL,
        metadata_location VARCHAR(1000),
        previous_metadata_location VARCHAR(1000),
        iceberg_type VARCHAR(5),
        PRIMARY KEY (catalog_name, table_namespace, table_name)
      )`)
    database.exec(`
      CREATE TABLE IF NOT EXISTS iceberg_namespace_properties (
        catalog_name VARCHAR(255) NOT NULL,
        namespace VARCHAR(255) NOT NULL,
        property_key VARCHAR(255) NOT NULL,
        property_value VARCHAR(1000) NOT NULL,
        PRIMARY KEY (catalog_name, namespace, property_key)
      )`)
    // A file of schema version V0 has no types of its rows: all of them are tables.
    const columns = database.prepare('PRAGMA table_info(iceberg_tables)').all()
    const names = columns.map((column) => (column as { readonly name: string }).name)
    if (!names.includes('iceberg_type')) {
      database.exec('ALTER TABLE iceberg_tables ADD COLUMN iceberg_type VARCHAR(5)')
    }
  })
}

/**
 * Runs `work` while no other process can write, and commits. Where it throws, nothing is kept.
 * Throws `storage-unavailable` (nothing was changed) and `commit-state-unknown`.
 */
export function inWriteTransaction<T>(database: CatalogDatabase, work: () => T): T {
  try {
    database.exec('BEGIN IMMEDIATE')
  } catch (error) {
    throw databaseFailure(error, 'Nothing was changed')
  }
  let result: T
  try {
    result = work()
  } catch (error) {
    rollBack(database)
    throw error instanceof SluiceError ? error : databaseFailure(error, 'Nothing was changed')
  }
  commit(database)
  return result
}

export function prepareStatement(database: CatalogDatabase, sql: string): Statement {
  return database.prepare(sql)
}

/** Runs a read; what SQLite throws becomes `storage-unavailable`. */
export function readDatabase<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw databaseFailure(error, 'Nothing was read')
  }
}

function commit(database: CatalogDatabase): void {
  try {
    database.exec('COMMIT')
  } catch (error) {
    rollBack(database)
    if (sqliteCode(error).startsWith('SQLITE_BUSY')) {
      throw databaseFailure(error, 'Nothing was changed')
    }
    throw new SluiceError(
      'commit-state-unknown',
      `The catalog's database failed while it committed (${sqliteCode(error)}). The change may ` +
        'or may not have happened; load it again before anything else, and delete no file.',
      { cause: error },
    )
  }
}

function rollBack(database: CatalogDatabase): void {
  try {
    if (database.inTransaction) database.exec('ROLLBACK')
  } catch {
    // SQLite rolls back by itself on the errors where this one can fail.
  }
}

function databaseFailure(error: unknown, notDone: string): SluiceError {
  const isBusy = sqliteCode(error).startsWith('SQLITE_BUSY')
  const reason = isBusy
    ? `Another process has held the catalog's lock for ${BUSY_TIMEOUT_MS} ms`
    : `The catalog's database cannot be used (${sqliteCode(error)})`
  return new SluiceError(
    'storage-unavailable',
    `${reason}. ${notDone}; ${isBusy ? 'try again' : adviceFor(sqliteCode(error))}.`,
    { cause: error, isRetryable: isBusy },
  )
}

function adviceFor(code: string): string {
  return /CANTOPEN|READONLY/.test(code)
    ? 'check its file and permissions: its folder must not be read-only, not even for those who ' +
        'only read, since SQLite keeps files beside it'
    : 'check its file, the disk and permissions'
}

function sqliteCode(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return 'code' in error && typeof error.code === 'string' && error.code !== ''
    ? error.code
    : error.message
}

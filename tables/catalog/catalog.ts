import type { PartitionSpec } from '../spec/partition-spec.ts'
import type { Schema } from '../spec/schema.ts'
import type { SortOrder } from '../spec/sort-order.ts'
import type { TableIdentifier } from '../spec/table-identifier.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'
import type { TableRequirement, TableUpdate } from '../spec/table-update.ts'
import type { ViewCatalog } from './view-catalog.ts'

export interface LoadedTable {
  readonly identifier: TableIdentifier
  readonly metadataLocation: string
  readonly metadata: TableMetadata
}

export interface CreateTableRequest {
  readonly schema: Schema
  readonly location?: string
  readonly partitionSpec?: PartitionSpec
  readonly sortOrder?: SortOrder
  readonly properties?: Readonly<Record<string, string>>
  readonly formatVersion?: 1 | 2 | 3
}

/** One table's part of a commit. */
export interface TableCommit {
  readonly identifier: TableIdentifier
  readonly requirements: readonly TableRequirement[]
  readonly updates: readonly TableUpdate[]
}

export type Properties = Readonly<Record<string, string>>

/** What a change of a namespace's properties did. */
export interface PropertyChanges {
  readonly updated: readonly string[]
  readonly removed: readonly string[]
  /** Asked to be removed, and not there. */
  readonly missing: readonly string[]
}

/**
 * Which metadata file is each table's current one.
 *
 * Errors of every method: `storage-unavailable` (the catalog cannot be reached or refuses; nothing
 * was changed), `unsupported` (this catalog does not offer it), and for those that change something
 * `commit-state-unknown` (the answer was lost: it may have happened). A refusal says which one it
 * is by `refusalOf`: what is missing is `invalid-input` (`NoSuchTableException`,
 * `NoSuchNamespaceException`), what is there already `commit-conflict` (`AlreadyExistsException`),
 * and a name that cannot be stored `invalid-input` without a refusal.
 */
export interface Catalog {
  readonly capabilities: {
    /** `commitTransaction` over several tables becomes visible at one instant or not at all. */
    readonly atomicMultiTable: boolean
  }
  /** Views, where the catalog has any. */
  readonly views?: ViewCatalog
  /** All of them, nested ones too. */
  listNamespaces(): Promise<readonly (readonly string[])[]>
  /** Throws where it exists. */
  createNamespace(namespace: readonly string[], properties?: Properties): Promise<void>
  /** Its properties, `location` among them; undefined where there is no such namespace. */
  loadNamespace(namespace: readonly string[]): Promise<Properties | undefined>
  /** Removes and sets properties at one instant. Throws where the namespace is missing. */
  updateNamespaceProperties(
    namespace: readonly string[],
    removals: readonly string[],
    updates: Properties,
  ): Promise<PropertyChanges>
  /** Throws where it is missing, and where a table, view or namespace is in it. */
  dropNamespace(namespace: readonly string[]): Promise<void>
  /** Throws where the namespace is missing. */
  listTables(namespace: readonly string[]): Promise<readonly TableIdentifier[]>
  /**
   * Undefined where there is no such table, and where the name is a view's. Throws `corrupt-data`
   * where its metadata file is missing or wrong; a file that was read or written before in this
   * process may be taken for there, since it never changes.
   */
  loadTable(identifier: TableIdentifier): Promise<LoadedTable | undefined>
  tableExists(identifier: TableIdentifier): Promise<boolean>
  /** Throws where the name is taken, by a view too, and where the namespace is missing. */
  createTable(identifier: TableIdentifier, request: CreateTableRequest): Promise<LoadedTable>
  /**
   * The metadata that a table would start with. Nothing is created until a `commitTransaction` with
   * `assert-create` says all of it by updates. Throws as `createTable`.
   */
  stageTable(identifier: TableIdentifier, request: CreateTableRequest): Promise<TableMetadata>
  /**
   * Makes a table of a metadata file that is there already. `overwrite` moves the pointer of a table
   * that exists. Throws as `createTable`, and `corrupt-data` where the file is missing or wrong.
   */
  registerTable(
    identifier: TableIdentifier,
    metadataLocation: string,
    options?: { readonly overwrite?: boolean },
  ): Promise<LoadedTable>
  /** Throws where `from` is missing, `to` is taken, or its namespace is missing. */
  renameTable(from: TableIdentifier, to: TableIdentifier): Promise<void>
  /** Drops a table; its files stay. Throws where it is missing. */
  dropTable(identifier: TableIdentifier): Promise<void>
  /** Drops a table and deletes its files, as far as the catalog can. Throws where it is missing. */
  purgeTable(identifier: TableIdentifier): Promise<void>
  /**
   * Commits to one or many tables, and makes those whose requirement is `assert-create`. Where it
   * returns, every change is durable and visible; a commit that had landed already is a success.
   * Throws `commit-conflict` (a requirement is not met: nothing was committed) and `invalid-input`
   * (an update does not fit).
   */
  commitTransaction(commits: readonly TableCommit[]): Promise<readonly LoadedTable[]>
  close(): Promise<void>
}

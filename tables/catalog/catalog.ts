import type { PartitionSpec } from '../spec/partition-spec.ts'
import type { Schema } from '../spec/schema.ts'
import type { SortOrder } from '../spec/sort-order.ts'
import type { TableIdentifier } from '../spec/table-identifier.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'
import type { TableRequirement, TableUpdate } from '../spec/table-update.ts'

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
  readonly formatVersion?: 2 | 3
}

/** One table's part of a commit. */
export interface TableCommit {
  readonly identifier: TableIdentifier
  readonly requirements: readonly TableRequirement[]
  readonly updates: readonly TableUpdate[]
}

/**
 * Which metadata file is each table's current one. Errors: `commit-conflict` (a requirement
 * failed: nothing was committed), `commit-state-unknown`, `invalid-input` (no such table, bad
 * request), `storage-unavailable`.
 */
export interface Catalog {
  readonly capabilities: {
    /** `commitTransaction` over several tables becomes visible at one instant or not at all. */
    readonly atomicMultiTable: boolean
  }
  listNamespaces(): Promise<readonly (readonly string[])[]>
  createNamespace(
    namespace: readonly string[],
    properties?: Readonly<Record<string, string>>,
  ): Promise<void>
  listTables(namespace: readonly string[]): Promise<readonly TableIdentifier[]>
  /** Undefined where there is no such table. */
  loadTable(identifier: TableIdentifier): Promise<LoadedTable | undefined>
  createTable(identifier: TableIdentifier, request: CreateTableRequest): Promise<LoadedTable>
  dropTable(identifier: TableIdentifier): Promise<void>
  /** Commits to one or many tables. Where it returns, every change is durable and visible. */
  commitTransaction(commits: readonly TableCommit[]): Promise<readonly LoadedTable[]>
  close(): Promise<void>
}

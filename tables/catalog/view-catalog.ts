import type { Schema } from '../spec/schema.ts'
import type { TableIdentifier } from '../spec/table-identifier.ts'
import type { ViewMetadata, ViewVersion } from '../spec/view-metadata.ts'
import type { ViewRequirement, ViewUpdate } from '../spec/view-update.ts'

export interface LoadedView {
  readonly identifier: TableIdentifier
  readonly metadataLocation: string
  readonly metadata: ViewMetadata
}

export interface CreateViewRequest {
  readonly schema: Schema
  /** Its definition; the ids and the time of the version are given anew. */
  readonly version: ViewVersion
  readonly location?: string
  readonly properties?: Readonly<Record<string, string>>
}

export interface ViewCommit {
  readonly identifier: TableIdentifier
  readonly requirements: readonly ViewRequirement[]
  readonly updates: readonly ViewUpdate[]
}

/**
 * Views: named queries with one text for each SQL dialect. Views and tables of a namespace share
 * their names. A name that is taken by either is a `commit-conflict`, a view or a namespace that is
 * missing `invalid-input`; each error says which by `refusalOf`. Any call may end with
 * `storage-unavailable`, and one that changes something with `commit-state-unknown`.
 */
export interface ViewCatalog {
  listViews(namespace: readonly string[]): Promise<readonly TableIdentifier[]>
  /** Undefined where there is no such view, and where the name is a table's. */
  loadView(identifier: TableIdentifier): Promise<LoadedView | undefined>
  viewExists(identifier: TableIdentifier): Promise<boolean>
  createView(identifier: TableIdentifier, request: CreateViewRequest): Promise<LoadedView>
  /**
   * Changes one view. Throws `commit-conflict` where a requirement is not met, `invalid-input`
   * where the view is missing or an update does not fit it. Nothing was committed then.
   */
  commitView(commit: ViewCommit): Promise<LoadedView>
  dropView(identifier: TableIdentifier): Promise<void>
  renameView(from: TableIdentifier, to: TableIdentifier): Promise<void>
  /** Makes a view of a metadata file that is there already. */
  registerView(identifier: TableIdentifier, metadataLocation: string): Promise<LoadedView>
}

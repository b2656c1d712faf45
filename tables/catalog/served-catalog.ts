import type { TableIdentifier } from '../spec/table-identifier.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'
import type { Catalog, CreateTableRequest, LoadedTable } from './catalog.ts'
import type { Properties, PropertyChanges } from './namespace-store.ts'

/**
 * What the REST server needs of a catalog beyond `Catalog`. Refusals carry the protocol's names
 * (`refusalOf`).
 */
export interface ServedCatalog extends Catalog {
  readonly name: string
  /** The root location of its tables. */
  readonly warehouse: string
  /** Properties with `location` always among them; undefined where there is no such namespace. */
  loadNamespace(namespace: readonly string[]): Promise<Properties | undefined>
  updateNamespaceProperties(
    namespace: readonly string[],
    removals: readonly string[],
    updates: Properties,
  ): Promise<PropertyChanges>
  /** Throws where it is missing or not empty. */
  dropNamespace(namespace: readonly string[]): Promise<void>
  tableExists(identifier: TableIdentifier): Promise<boolean>
  renameTable(from: TableIdentifier, to: TableIdentifier): Promise<void>
  /** Makes a table of a metadata file that is there already. */
  registerTable(
    identifier: TableIdentifier,
    metadataLocation: string,
    options?: { readonly overwrite?: boolean },
  ): Promise<LoadedTable>
  /** The metadata that a table would start with. Nothing is created until a commit does it. */
  stageTable(identifier: TableIdentifier, request: CreateTableRequest): Promise<TableMetadata>
  /** Drops a table and deletes every file below its location. */
  purgeTable(identifier: TableIdentifier): Promise<void>
}

import type { Clock, IdSource } from '../clock.ts'
import type { FileIO } from '../file-io/file-io.ts'
import type { ViewMetadata } from '../spec/view-metadata.ts'
import type { CatalogDatabase } from './catalog-database.ts'
import type { MetadataFiles } from './metadata-files.ts'
import type { NamespaceStore } from './namespace-store.ts'
import type { PointerStore } from './pointer-store.ts'

/** What the methods of the embedded catalog work with. */
export interface CatalogParts {
  readonly warehouse: string
  /** Roots of namespaces that lie elsewhere: files below them are the catalog's to delete too. */
  readonly otherWarehouses: readonly string[]
  readonly database: CatalogDatabase
  readonly pointers: PointerStore
  readonly viewPointers: PointerStore
  readonly namespaces: NamespaceStore
  readonly metadataFiles: MetadataFiles
  readonly viewFiles: MetadataFiles<ViewMetadata>
  readonly fileIO: FileIO
  readonly clock: Clock
  readonly ids: IdSource
}

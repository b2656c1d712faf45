import type { Clock, IdSource } from '../clock.ts'
import type { FileIO } from '../file-io/file-io.ts'
import { schemeOf } from '../file-io/location.ts'
import { parseViewMetadata, serializeViewMetadata } from '../spec/view-metadata-json.ts'
import type { ViewMetadata } from '../spec/view-metadata.ts'
import { openCatalogDatabase } from './catalog-database.ts'
import type { CatalogParts } from './catalog-parts.ts'
import { namespaceMethods } from './embedded-namespaces.ts'
import { tableMethods } from './embedded-tables.ts'
import { viewMethods } from './embedded-views.ts'
import { createMetadataFiles, createMetadataFilesOf } from './metadata-files.ts'
import { createNamespaceStore } from './namespace-store.ts'
import { createPointerStore } from './pointer-store.ts'
import type { ServedCatalog } from './served-catalog.ts'
import type { ViewCatalog } from './view-catalog.ts'

export interface EmbeddedCatalog extends ServedCatalog {
  readonly views: ViewCatalog
}

export interface EmbeddedCatalogOptions {
  /** The SQLite file; `:memory:` for one that goes with the process. */
  readonly path: string
  /** The root location of namespaces that name none of their own. */
  readonly warehouse: string
  /** Roots of namespaces that lie elsewhere: a purge deletes files below them too. */
  readonly otherWarehouses?: readonly string[]
  readonly fileIO: FileIO
  readonly clock: Clock
  readonly ids: IdSource
  /** The name under which the rows are kept; other catalogs over the file must use the same. */
  readonly catalogName?: string
}

export const DEFAULT_CATALOG_NAME = 'sluice'

const viewFormat = {
  parse: parseViewMetadata,
  encode: (view: ViewMetadata) => Buffer.from(serializeViewMetadata(view)),
}

/**
 * A catalog whose pointers are rows of one SQLite file, shared safely by several processes.
 * Commits to many tables are atomic. Throws `storage-unavailable` where the file cannot be opened.
 */
export function openEmbeddedCatalog(options: EmbeddedCatalogOptions): EmbeddedCatalog {
  const { fileIO, clock, ids, catalogName: name = DEFAULT_CATALOG_NAME } = options
  const warehouse = options.warehouse.replace(/(?<=[^/:])\/+$/, '')
  schemeOf(warehouse)
  const database = openCatalogDatabase(options.path)
  const parts: CatalogParts = {
    warehouse,
    otherWarehouses: options.otherWarehouses ?? [],
    database,
    pointers: createPointerStore(database, name, 'TABLE'),
    viewPointers: createPointerStore(database, name, 'VIEW'),
    namespaces: createNamespaceStore(database, name),
    metadataFiles: createMetadataFiles(fileIO, ids),
    viewFiles: createMetadataFilesOf(viewFormat, fileIO, ids),
    fileIO,
    clock,
    ids,
  }
  return {
    name,
    warehouse,
    capabilities: { atomicMultiTable: true },
    ...namespaceMethods(parts),
    ...tableMethods(parts),
    views: viewMethods(parts),
    close: async () => {
      if (database.open) database.close()
    },
  }
}

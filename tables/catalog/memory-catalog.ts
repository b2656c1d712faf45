import type { Clock, IdSource } from '../clock.ts'
import type { FileIO } from '../file-io/file-io.ts'
import type { Catalog } from './catalog.ts'
import { memoryCommit } from './memory-commit.ts'
import { memoryNamespaceMethods } from './memory-namespaces.ts'
import { createMemoryPointers, type MemoryParts } from './memory-pointers.ts'
import { memoryTableMethods } from './memory-tables.ts'
import { createMetadataFiles } from './metadata-files.ts'

export interface MemoryCatalogOptions {
  readonly warehouse: string
  readonly fileIO: FileIO
  readonly clock: Clock
  readonly ids: IdSource
  /** False: a catalog that commits one table at a time, as many do. True where it is left out. */
  readonly isAtomic?: boolean
}

/**
 * A catalog whose pointers live in this object, for tests, and an honest one: it refuses what the
 * others refuse, with the same kinds. Metadata files go through `fileIO` and can fail there.
 */
export function createMemoryCatalog(options: MemoryCatalogOptions): Catalog {
  const { warehouse, fileIO, clock, ids, isAtomic = true } = options
  const parts: MemoryParts = {
    warehouse: warehouse.replace(/(?<=[^/:])\/+$/, ''),
    pointers: createMemoryPointers(),
    metadataFiles: createMetadataFiles(fileIO, ids),
    fileIO,
    clock,
    ids,
  }
  return {
    capabilities: { atomicMultiTable: isAtomic },
    ...memoryNamespaceMethods(parts),
    ...memoryTableMethods(parts),
    commitTransaction: memoryCommit(parts, isAtomic),
    close: async () => undefined,
  }
}

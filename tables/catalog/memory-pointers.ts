import type { Clock, IdSource } from '../clock.ts'
import type { FileIO } from '../file-io/file-io.ts'
import type { TableIdentifier } from '../spec/table-identifier.ts'
import type { LoadedTable, Properties } from './catalog.ts'
import type { MetadataFiles } from './metadata-files.ts'

/** What the methods of the memory catalog work with. */
export interface MemoryParts {
  readonly warehouse: string
  readonly pointers: MemoryPointers
  readonly metadataFiles: MetadataFiles
  readonly fileIO: FileIO
  readonly clock: Clock
  readonly ids: IdSource
}

/**
 * Names of a memory catalog. Nothing here waits, so whatever is done between two waits of a caller
 * is done at one instant.
 */
export interface MemoryPointers {
  namespaces(): readonly (readonly string[])[]
  /** Undefined where there is no such namespace. */
  propertiesOf(namespace: readonly string[]): Properties | undefined
  setNamespace(namespace: readonly string[], properties: Properties): void
  removeNamespace(namespace: readonly string[]): void
  tables(): readonly LoadedTable[]
  find(identifier: TableIdentifier): LoadedTable | undefined
  set(table: LoadedTable): void
  remove(identifier: TableIdentifier): void
}

export function createMemoryPointers(): MemoryPointers {
  const namespaces = new Map<
    string,
    { readonly levels: readonly string[]; readonly properties: Properties }
  >()
  const tables = new Map<string, LoadedTable>()
  const namespaceKey = (levels: readonly string[]): string => JSON.stringify(levels)
  const keyOf = ({ namespace, name }: TableIdentifier): string => JSON.stringify([namespace, name])
  return {
    namespaces: () => [...namespaces.values()].map(({ levels }) => levels),
    propertiesOf: (levels) => namespaces.get(namespaceKey(levels))?.properties,
    setNamespace: (levels, properties) => {
      namespaces.set(namespaceKey(levels), { levels, properties })
    },
    removeNamespace: (levels) => {
      namespaces.delete(namespaceKey(levels))
    },
    tables: () => [...tables.values()],
    find: (identifier) => tables.get(keyOf(identifier)),
    set: (table) => {
      tables.set(keyOf(table.identifier), table)
    },
    remove: (identifier) => {
      tables.delete(keyOf(identifier))
    },
  }
}

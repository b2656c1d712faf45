import type { TableIdentifier } from '../spec/table-identifier.ts'
import type { LoadedTable } from './catalog.ts'

/** Tables as a catalog sent them, with the tag by which it knows that they are still the same. */
export interface TableCache {
  find(identifier: TableIdentifier): TaggedTable | undefined
  /** `etag` null: the catalog gives none, and nothing is kept. */
  remember(identifier: TableIdentifier, etag: string | null, table: LoadedTable): void
  forget(identifier: TableIdentifier): void
}

export interface TaggedTable {
  readonly etag: string
  readonly table: LoadedTable
}

/** The least recently used table goes first. */
export function createTableCache(sizeMax = 64): TableCache {
  const tables = new Map<string, TaggedTable>()
  const keyOf = ({ namespace, name }: TableIdentifier): string => JSON.stringify([namespace, name])
  return {
    find: (identifier) => {
      const key = keyOf(identifier)
      const found = tables.get(key)
      if (found === undefined) return undefined
      tables.delete(key)
      tables.set(key, found)
      return found
    },
    remember: (identifier, etag, table) => {
      const key = keyOf(identifier)
      tables.delete(key)
      if (etag === null) return
      tables.set(key, { etag, table })
      const oldest = tables.keys().next().value
      if (tables.size > sizeMax && oldest !== undefined) tables.delete(oldest)
    },
    forget: (identifier) => {
      tables.delete(keyOf(identifier))
    },
  }
}

import type { TableIdentifier } from '../spec/table-identifier.ts'
import { inWriteTransaction } from './catalog-database.ts'
import { noSuchNamespace } from './catalog-errors.ts'
import type { CatalogParts } from './catalog-parts.ts'
import { checkTableName } from './check-names.ts'
import type { PointerStore } from './pointer-store.ts'

/** Inserts a pointer at one instant. Throws where its namespace is missing or its name is taken. */
export function insertPointer(
  parts: CatalogParts,
  pointers: PointerStore,
  identifier: TableIdentifier,
  location: string,
): void {
  inWriteTransaction(parts.database, () => {
    checkNamespace(parts, identifier.namespace)
    pointers.insert(identifier, location)
  })
}

/** Renames a table or a view. Throws where it or the new namespace is missing, or `to` is taken. */
export function renamePointer(
  parts: CatalogParts,
  pointers: PointerStore,
  from: TableIdentifier,
  to: TableIdentifier,
): void {
  checkTableName(to)
  inWriteTransaction(parts.database, () => {
    // What is missing first is said first.
    if (pointers.find(from) !== undefined) checkNamespace(parts, to.namespace)
    pointers.rename(from, to)
  })
}

export function checkNamespace(parts: CatalogParts, namespace: readonly string[]): void {
  if (!parts.namespaces.exists(namespace)) throw noSuchNamespace(namespace)
}

import type { Properties, PropertyChanges } from './catalog.ts'
import {
  type CatalogDatabase,
  inWriteTransaction,
  prepareStatement,
  readDatabase,
  type Statement,
} from './catalog-database.ts'
import { namespaceExists, namespaceNotEmpty, noSuchNamespace } from './catalog-errors.ts'

/** Namespaces with their properties: the rows of `iceberg_namespace_properties`. */
export interface NamespaceStore {
  list(): readonly (readonly string[])[]
  exists(namespace: readonly string[]): boolean
  /** As stored, without a default location; undefined where there is no such namespace. */
  load(namespace: readonly string[]): Properties | undefined
  create(namespace: readonly string[], properties: Properties): void
  update(
    namespace: readonly string[],
    removals: readonly string[],
    updates: Properties,
  ): PropertyChanges
  /** Throws where it is missing, or tables or namespaces are in it. */
  drop(namespace: readonly string[]): void
}

/** A row that says only that the namespace is there; the other catalogs write and hide it too. */
const EXISTS_PROPERTY = 'exists'

export function createNamespaceStore(
  database: CatalogDatabase,
  catalogName: string,
): NamespaceStore {
  const statements = prepareStatements(database)

  function names(): readonly string[] {
    const rows = readDatabase(() => statements.names.all(catalogName, catalogName))
    return rows.map((row) => (row as { readonly name: string }).name)
  }

  function exists(namespace: readonly string[]): boolean {
    const name = namespace.join('.')
    return names().some((known) => known === name || known.startsWith(`${name}.`))
  }

  function set(namespace: readonly string[], properties: Properties): void {
    for (const [key, value] of Object.entries(properties)) {
      statements.set.run(catalogName, namespace.join('.'), key, value)
    }
  }

  function load(namespace: readonly string[]): Properties | undefined {
    if (!exists(namespace)) return undefined
    const rows = readDatabase(() => statements.load.all(catalogName, namespace.join('.')))
    const entries = rows.map((row) => {
      const { property_key: key, property_value: value } = row as PropertyRow
      return [key, value] as const
    })
    return Object.fromEntries(entries.filter(([key]) => key !== EXISTS_PROPERTY))
  }

  return {
    list: () => names().map((name) => name.split('.')),
    exists,
    load,
    create: (namespace, properties) => {
      inWriteTransaction(database, () => {
        if (exists(namespace)) throw namespaceExists(namespace)
        set(namespace, { ...properties, [EXISTS_PROPERTY]: 'true' })
      })
    },
    update: (namespace, removals, updates) =>
      inWriteTransaction(database, () => {
        const before = load(namespace)
        if (before === undefined) throw noSuchNamespace(namespace)
        set(namespace, updates)
        const removed = removals.filter((key) => key in before)
        for (const key of removed) {
          statements.unset.run(catalogName, namespace.join('.'), key)
        }
        // A namespace that lost its last property is still there.
        set(namespace, { [EXISTS_PROPERTY]: 'true' })
        const missing = removals.filter((key) => !(key in before))
        return { updated: Object.keys(updates), removed, missing }
      }),
    drop: (namespace) => {
      const name = namespace.join('.')
      inWriteTransaction(database, () => {
        if (!exists(namespace)) throw noSuchNamespace(namespace)
        const hasChild = names().some((known) => known.startsWith(`${name}.`))
        const hasTable = statements.anyTable.get(catalogName, name) !== undefined
        if (hasChild || hasTable) throw namespaceNotEmpty(namespace)
        statements.drop.run(catalogName, name)
      })
    },
  }
}

interface PropertyRow {
  readonly property_key: string
  readonly property_value: string
}

function prepareStatements(
  database: CatalogDatabase,
): Record<'names' | 'load' | 'set' | 'unset' | 'anyTable' | 'drop', Statement> {
  const isNamespace = 'catalog_name = ? AND namespace = ?'
  return {
    names: prepareStatement(
      database,
      `SELECT namespace AS name FROM iceberg_namespace_properties WHERE catalog_name = ?
       UNION SELECT table_namespace FROM iceberg_tables WHERE catalog_name = ? ORDER BY name`,
    ),
    load: prepareStatement(
      database,
      `SELECT * FROM iceberg_namespace_properties WHERE ${isNamespace} ORDER BY property_key`,
    ),
    set: prepareStatement(
      database,
      `INSERT INTO iceberg_namespace_properties
       (catalog_name, namespace, property_key, property_value) VALUES (?, ?, ?, ?)
       ON CONFLICT (catalog_name, namespace, property_key)
       DO UPDATE SET property_value = excluded.property_value`,
    ),
    unset: prepareStatement(
      database,
      `DELETE FROM iceberg_namespace_properties WHERE ${isNamespace} AND property_key = ?`,
    ),
    anyTable: prepareStatement(
      database,
      'SELECT 1 FROM iceberg_tables WHERE catalog_name = ? AND table_namespace = ? LIMIT 1',
    ),
    drop: prepareStatement(
      database,
      `DELETE FROM iceberg_namespace_properties WHERE ${isNamespace}`,
    ),
  }
}

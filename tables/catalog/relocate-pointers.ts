import { inWriteTransaction, openCatalogDatabase, prepareStatement } from './catalog-database.ts'

/** Pointers of tables and views, as rows of the catalog's file. */
interface PointerRow {
  readonly catalog_name: string
  readonly table_namespace: string
  readonly table_name: string
  readonly metadata_location: string | null
}

/** The metadata files that a catalog's file names, of every catalog, table and view in it. */
export function readPointers(path: string): readonly string[] {
  const database = openCatalogDatabase(path)
  try {
    const rows = database.prepare('SELECT * FROM iceberg_tables').all() as readonly PointerRow[]
    return rows.flatMap((row) => row.metadata_location ?? [])
  } finally {
    database.close()
  }
}

/**
 * Moves all pointers, and what namespaces say of their places, at one instant. Pointers that are
 * not in `metadata` stay. What pointers were before is forgotten: it names the old place.
 * Throws `storage-unavailable` (nothing was changed) and `commit-state-unknown`.
 */
export function relocatePointers(
  path: string,
  metadata: ReadonlyMap<string, string>,
  moved: (location: string) => string,
): void {
  const database = openCatalogDatabase(path)
  try {
    inWriteTransaction(database, () => {
      const update = prepareStatement(
        database,
        `UPDATE iceberg_tables SET metadata_location = ?, previous_metadata_location = NULL
         WHERE metadata_location = ?`,
      )
      for (const [from, to] of metadata) update.run(to, from)
      moveNamespaces(database, moved)
    })
    // All of it into the one file, so that a copy of that file is whole.
    database.pragma('wal_checkpoint(TRUNCATE)')
  } finally {
    database.close()
  }
}

interface PropertyRow {
  readonly property_value: string
}

function moveNamespaces(
  database: ReturnType<typeof openCatalogDatabase>,
  moved: (location: string) => string,
): void {
  const isLocation = "property_key = 'location' AND property_value = ?"
  const rows = prepareStatement(
    database,
    "SELECT DISTINCT property_value FROM iceberg_namespace_properties WHERE property_key = 'location'",
  ).all() as readonly PropertyRow[]
  const update = prepareStatement(
    database,
    `UPDATE iceberg_namespace_properties SET property_value = ? WHERE ${isLocation}`,
  )
  for (const { property_value: value } of rows) {
    if (moved(value) !== value) update.run(moved(value), value)
  }
}

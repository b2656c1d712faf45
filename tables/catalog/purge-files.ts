import type { TableMetadata } from '../spec/table-metadata.ts'
import type { CatalogParts } from './catalog-parts.ts'

/** Files that are deleted at one time. */
const DELETE_BATCH = 64

/**
 * Deletes every file below the location of a table that was dropped. Nothing is deleted where the
 * table forbids it (`gc.enabled`), where its location is below no warehouse (files of
 * somebody else may be there too), or where another table of the catalog lies inside. What cannot
 * be deleted stays as an orphan: the table is gone already.
 */
export async function purgeFiles(parts: CatalogParts, metadata: TableMetadata): Promise<void> {
  const folder = `${metadata.location}/`
  const isOurs = [parts.warehouse, ...parts.otherWarehouses].some((root) =>
    folder.startsWith(`${root.replace(/\/+$/, '')}/`),
  )
  const isShared = parts.pointers.allLocations().some((location) => location.startsWith(folder))
  if (metadata.properties['gc.enabled'] === 'false' || !isOurs || isShared) return
  let batch: string[] = []
  const deleteBatch = async (): Promise<void> => {
    await Promise.allSettled(batch.map((location) => parts.fileIO.delete(location)))
    batch = []
  }
  try {
    for await (const file of parts.fileIO.list(metadata.location)) {
      batch.push(file.location)
      if (batch.length >= DELETE_BATCH) await deleteBatch()
    }
  } catch {
    // A listing that fails half-way leaves orphans; the drop itself has happened.
  }
  await deleteBatch()
}

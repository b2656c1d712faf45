import type { LoadedTable } from '../../tables/catalog/catalog.ts'
import type { FileIO } from '../../tables/file-io/file-io.ts'
import { createTableReachability } from '../../tables/maintain/table-reachability.ts'
import { createManifestCache } from '../../tables/scan/manifest-cache.ts'

/** What a table names that is not there: metadata, manifests, data, deletes or statistics. */
export async function missingFiles(fileIO: FileIO, table: LoadedTable): Promise<string[]> {
  const reachability = createTableReachability({ fileIO, manifestCache: createManifestCache() })
  await reachability.sync(table)
  const missing: string[] = []
  for (const location of reachability.locations()) {
    if ((await fileIO.stat(location)) === undefined) missing.push(location)
  }
  return missing
}

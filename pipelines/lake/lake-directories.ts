import { schemeOf } from '../../tables/file-io/location.ts'
import { pathOfLocation } from '../../tables/file-io/local-location.ts'
import { tableId } from '../../tables/spec/table-identifier.ts'
import type { Lake } from './lake.ts'

/**
 * The folders of this machine's disk that hold a lake's files, as paths: all that a query of its
 * users may read. Files of other stores are read as the copies that lie there.
 */
export async function lakeDirectories(lake: Lake): Promise<readonly string[]> {
  const own = [...(lake.directory === undefined ? [] : [lake.directory]), ...lake.storeFolders]
  // The tables that another catalog keeps lie where that one put them.
  if (lake.servedCatalog !== undefined) return own
  const tables = await Promise.all(
    lake.model.tables.map(({ name }) => lake.catalog.loadTable(tableId(name))),
  )
  const locations = tables.flatMap((table) => table?.metadata.location ?? [])
  const local = locations.filter((location) => schemeOf(location) === 'file')
  return [...own, ...local.map(pathOfLocation)]
}

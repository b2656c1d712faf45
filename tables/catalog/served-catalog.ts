import type { TableIdentifier } from '../spec/table-identifier.ts'
import type { Catalog, LoadedTable } from './catalog.ts'
import type { LoadOptions } from './metadata-files.ts'

/**
 * What the REST server serves: a catalog that knows its own name. Its refusals carry the
 * protocol's names (`refusalOf`).
 */
export interface ServedCatalog extends Catalog {
  readonly name: string
  /** The root location of its tables. */
  readonly warehouse: string
  /** With `mustBeThere` also a table that this process knows is refused where its file is gone. */
  loadTable(identifier: TableIdentifier, options?: LoadOptions): Promise<LoadedTable | undefined>
}

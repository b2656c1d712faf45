import type { Catalog } from './catalog.ts'

/**
 * What the REST server serves: a catalog that knows its own name. Its refusals carry the
 * protocol's names (`refusalOf`).
 */
export interface ServedCatalog extends Catalog {
  readonly name: string
  /** The root location of its tables. */
  readonly warehouse: string
}

import type { ServedCatalog } from '../../tables/catalog/served-catalog.ts'
import { SluiceError } from '../../tables/errors.ts'
import type { Lake } from './lake.ts'

/** @throws SluiceError `invalid-input` where another catalog keeps the lake's tables. */
export function servedCatalogOf({ servedCatalog }: Pick<Lake, 'servedCatalog'>): ServedCatalog {
  if (servedCatalog !== undefined) return servedCatalog
  throw new SluiceError(
    'invalid-input',
    "The lake's tables are kept by another catalog. Nothing was served; attach to that one, which " +
      'lake.json names.',
  )
}

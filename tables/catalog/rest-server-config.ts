import { ATOMIC_TRANSACTIONS_KEY } from './atomic-transactions.ts'
import { refuse } from './catalog-errors.ts'
import { answer, type RestAnswer } from './rest-server-answers.ts'
import { namespaceRoutes } from './rest-server-namespaces.ts'
import type { RestRoute } from './rest-server-route.ts'
import { tableRoutes } from './rest-server-tables.ts'
import type { ServedCatalog } from './served-catalog.ts'

/** Every route below `/v1` and `/v1/<prefix>`. */
export const restRoutes: readonly RestRoute[] = [...namespaceRoutes, ...tableRoutes]

/**
 * What a client asks first. The list of endpoints is explicit and made of the routes: a client
 * takes a missing list for an older server's, and asks what is not there.
 */
export function configAnswer(catalog: ServedCatalog, warehouse: string | undefined): RestAnswer {
  const known = ['', catalog.name, catalog.warehouse]
  if (warehouse !== undefined && !known.includes(warehouse)) {
    throw refuse(
      'NoSuchWarehouseException',
      `Warehouse does not exist: ${warehouse}. Nothing was done; this catalog serves ` +
        `${catalog.name} (${catalog.warehouse}), and takes no warehouse at all too.`,
    )
  }
  const endpoints = restRoutes.map(({ method, path }) => `${method} /v1/{prefix}${path}`)
  return answer({ defaults: {}, overrides: overridesOf(catalog), endpoints })
}

/** The list of endpoints cannot say whether a transaction is all or nothing; this says it. */
function overridesOf(catalog: ServedCatalog): Readonly<Record<string, string>> {
  return { [ATOMIC_TRANSACTIONS_KEY]: String(catalog.capabilities.atomicMultiTable) }
}

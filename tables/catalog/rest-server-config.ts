import { ATOMIC_TRANSACTIONS_KEY } from './atomic-transactions.ts'
import { refuse } from './catalog-errors.ts'
import { answer, type RestAnswer } from './rest-server-answers.ts'
import { namespaceRoutes } from './rest-server-namespaces.ts'
import type { RestRoute } from './rest-server-route.ts'
import { tableRoutes, TRANSACTION_PATH } from './rest-server-tables.ts'
import { viewRoutes } from './rest-server-views.ts'
import type { ServedCatalog } from './served-catalog.ts'

/** Every route below `/v1` and `/v1/<prefix>`. */
export function routesOf(catalog: ServedCatalog): readonly RestRoute[] {
  const views = catalog.views === undefined ? [] : viewRoutes
  const isAtomic = catalog.capabilities.atomicMultiTable
  // A client takes the endpoint for a promise that readers never see a half.
  const tables = tableRoutes.filter(({ path }) => isAtomic || path !== TRANSACTION_PATH)
  return [...namespaceRoutes, ...tables, ...views]
}

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
  const endpoints = routesOf(catalog).map(endpointOf)
  const overrides = {
    // A dot: some servers and proxies refuse the unit separator, which is a control character.
    'namespace-separator': '%2E',
    ...(catalog.capabilities.atomicMultiTable ? { [ATOMIC_TRANSACTIONS_KEY]: 'true' } : {}),
  }
  return answer({ defaults: {}, overrides, endpoints })
}

/** `GET /v1/{prefix}/namespaces`: the words that clients compare. */
export function endpointOf({ method, path }: Pick<RestRoute, 'method' | 'path'>): string {
  return `${method} /v1/{prefix}${path}`
}

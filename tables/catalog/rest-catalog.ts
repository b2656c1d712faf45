import type { AtomicTransactions } from './atomic-transactions.ts'
import { isAtomic, restCommit } from './rest-catalog-commit.ts'
import { restNamespaceMethods } from './rest-catalog-namespaces.ts'
import { restTableMethods } from './rest-catalog-tables.ts'
import { restViews } from './rest-catalog-views.ts'
import { openRestClient, type RestClientOptions } from './rest-client.ts'
import type { Catalog } from './catalog.ts'
import { createTableCache } from './table-cache.ts'

export interface RestCatalogOptions extends RestClientOptions {
  /** Whose word is taken for commits over several tables; `marked` where it is left out. */
  readonly atomicTransactions?: AtomicTransactions
}

/**
 * A catalog over the Iceberg REST protocol: Sluice's own server, or any other's.
 *
 *   configuration (once) -> a call for each method -> answers and errors in our own words
 *
 * A commit is sent once, and where its answer is lost or is a 5xx it is `commit-state-unknown`:
 * it may have landed. Names that no URL can carry are names of nothing.
 * Throws as `openRestClient`.
 */
export async function openRestCatalog(options: RestCatalogOptions): Promise<Catalog> {
  const client = await openRestClient(options)
  const capabilities = {
    atomicMultiTable: isAtomic(client, options.atomicTransactions ?? 'marked'),
  }
  const tables = restTableMethods(client, createTableCache())
  const views = restViews(client)
  return {
    capabilities,
    ...(views === undefined ? {} : { views }),
    ...restNamespaceMethods(client),
    ...tables,
    commitTransaction: restCommit(client, { capabilities, loadTable: tables.loadTable }),
    // Connections are the process's own and are shared; nothing here has to be given back.
    close: async () => undefined,
  }
}

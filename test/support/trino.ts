import { randomBytes } from 'node:crypto'
import { createCatalogSql, type TrinoStores } from '../../stack/trino-settings.ts'
import type { TrinoServer } from '../../stack/trino.ts'
import type { RowStruct } from '../../tables/engine/row-value.ts'
import { createTrinoClient, type TrinoClient } from '../../tables/query/trino-client.ts'
import { askSharedServer } from './ask-shared-server.ts'

/** The Trino of all suites, as one of them sees it. */
export interface TestTrino {
  /** `http://127.0.0.1:port`. */
  readonly url: string
  /** All rows of a statement; names without a catalog mean TRINO_CATALOG. */
  query<T = RowStruct>(sql: string): Promise<T[]>
  /** Runs a statement; how many rows it changed. */
  run(sql: string): Promise<bigint | undefined>
  /** Makes the tables of a REST catalog visible as `name.<namespace>.<table>`. */
  attach(name: string, catalogUri: string, stores?: TrinoStores): Promise<void>
  /** Forgets a catalog that `attach` made. */
  detach(name: string): Promise<void>
  /** Forgets the catalogs that are still attached; the server goes on for the others. */
  close(): Promise<void>
}

/** A catalog's name that no other suite has: two of them run beside each other. */
export function newTrinoCatalog(name: string): string {
  return `${name}_${randomBytes(4).toString('hex')}`
}

/** Where a suite's names without a catalog are looked for. */
export const TRINO_CATALOG = newTrinoCatalog('lake')

/**
 * The Trino that all suites of this run share; started on first use, about 20 s on two cores.
 * Nobody may kill it. With `catalogUri` its tables are in TRINO_CATALOG.
 */
export async function sharedTrino(
  options: {
    readonly catalogUri?: string
    /** Session properties of every statement. */
    readonly session?: string
  } = {},
): Promise<TestTrino> {
  const { catalogUri, session } = options
  const { url } = await askSharedServer<TrinoServer>('trino')
  const client = clientOf(url, session)
  const attached = new Set<string>()
  const attach = async (name: string, uri: string, stores?: TrinoStores) => {
    await client.run(createCatalogSql(name, uri, stores))
    attached.add(name)
  }
  const detach = async (name: string) => {
    attached.delete(name)
    await client.run(`DROP CATALOG ${name}`)
  }
  if (catalogUri !== undefined) await attach(TRINO_CATALOG, catalogUri)
  return {
    url,
    query: client.rows,
    run: client.run,
    attach,
    detach,
    close: async () => {
      for (const name of attached) await detach(name)
    },
  }
}

function clientOf(url: string, session?: string): TrinoClient {
  const properties = session === undefined ? {} : { session }
  return createTrinoClient({ url, user: 'test', catalog: TRINO_CATALOG, ...properties })
}

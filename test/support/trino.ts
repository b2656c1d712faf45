import { startTrinoServer } from '../../stack/trino.ts'
import { createCatalogSql, type TrinoStores } from '../../stack/trino-settings.ts'
import { createTrinoClient, type TrinoClient } from '../../tables/query/trino-client.ts'
import type { RowStruct } from '../../tables/engine/row-value.ts'

/** A Trino of a suite. */
export interface TestTrino {
  /** `http://127.0.0.1:port`. */
  readonly url: string
  readonly pid: number
  /** All rows of a statement; names without a catalog mean `lake`. */
  query<T = RowStruct>(sql: string): Promise<T[]>
  /** Runs a statement; how many rows it changed. */
  run(sql: string): Promise<bigint | undefined>
  /** Makes the tables of a REST catalog visible as `name.<namespace>.<table>`. */
  attach(name: string, catalogUri: string, stores?: TrinoStores): Promise<void>
  /** Forgets a catalog that `attach` made. */
  detach(name: string): Promise<void>
  /** Ends the server. A second call does nothing. */
  stop(): Promise<void>
}

/** The catalog of `startTrino`. */
export const TRINO_CATALOG = 'lake'

/** Starts Trino, about 20 s on two cores; with `catalogUri` its tables are in catalog `lake`. */
export async function startTrino(
  options: {
    readonly catalogUri?: string
    readonly port?: number
    /** Session properties of every statement. */
    readonly session?: string
  } = {},
): Promise<TestTrino> {
  const { catalogUri, port, session } = options
  const server = await startTrinoServer(port === undefined ? {} : { port })
  const client = clientOf(server.url, session)
  const attach = async (name: string, uri: string, stores?: TrinoStores) => {
    await client.run(createCatalogSql(name, uri, stores))
  }
  if (catalogUri !== undefined) await attach(TRINO_CATALOG, catalogUri)
  return {
    url: server.url,
    pid: server.pid,
    query: client.rows,
    run: client.run,
    attach,
    detach: async (name) => {
      await client.run(`DROP CATALOG ${name}`)
    },
    stop: server.stop,
  }
}

function clientOf(url: string, session?: string): TrinoClient {
  const properties = session === undefined ? {} : { session }
  return createTrinoClient({ url, user: 'test', catalog: TRINO_CATALOG, ...properties })
}

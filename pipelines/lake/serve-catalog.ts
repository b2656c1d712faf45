import { listenOnFreePort } from '../../tables/catalog/rest-server.ts'
import { readLakeHolder } from './lake-lock.ts'
import { recordCatalogUrl } from './lake-file.ts'
import type { Lake } from './lake.ts'
import { servedCatalogOf } from './served-catalog-of.ts'

export interface CatalogAddress {
  readonly host: string
  /** The first port that is tried; a taken one gives way to the next. */
  readonly port: number
  /** What a client must send where `host` is open to other machines. */
  readonly token: string | undefined
}

export interface ServedLake {
  /** `http://127.0.0.1:8181`: what clients attach to. */
  readonly url: string
  close(): Promise<void>
}

/**
 * Serves the lake's catalog to other engines, and stores where in the lake, unless the lake's
 * writer serves it already: its address is the one that stays.
 * @throws SluiceError `invalid-input` for a host that is open to the network without a token,
 * `storage-unavailable` where no port is free.
 */
export async function serveCatalog(lake: Lake, address: CatalogAddress): Promise<ServedLake> {
  const { host, port, token } = address
  const server = await listenOnFreePort({
    catalog: servedCatalogOf(lake),
    host,
    port,
    ...(token === undefined ? {} : { tokens: [token] }),
  })
  const { directory } = lake
  if (directory !== undefined && !(await isServedByWriter(directory))) {
    await recordCatalogUrl(directory, server.url)
  }
  return { url: server.url, close: () => server.close() }
}

async function isServedByWriter(directory: string): Promise<boolean> {
  const holder = await readLakeHolder(directory)
  return holder?.catalogUrl !== undefined
}

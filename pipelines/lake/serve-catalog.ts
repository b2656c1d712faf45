import { readFile } from 'node:fs/promises'
import { listenOnFreePort } from '../../tables/catalog/rest-server.ts'
import type { CatalogToken } from '../../tables/catalog/rest-server-access.ts'
import { SluiceError } from '../../tables/errors.ts'
import { type Logger, silentLogger } from '../sources/logger.ts'
import { readLakeHolder } from './lake-lock.ts'
import { recordCatalogUrl } from './lake-file.ts'
import type { S3Credentials } from '../../tables/file-io/s3-client.ts'
import type { VendedS3 } from '../../tables/catalog/vended-storage.ts'
import type { LakeStores } from './lake-stores.ts'
import type { Lake } from './lake.ts'
import { servedCatalogOf } from './served-catalog-of.ts'

/** Where a catalog listens, and how much it takes. Holds no secret. */
export interface CatalogSettings {
  readonly host: string
  /** The first port that is tried; a taken one gives way to the next. */
  readonly port: number
  /** PEM files; without them clients call http. */
  readonly tls?: { readonly certPath: string; readonly keyPath: string }
  /** Another host than this machine's own without TLS. */
  readonly allowPlaintext?: boolean
  /** Of one address. */
  readonly requestsPerSecondMax?: number
  readonly bodyBytesMax?: number
}

export interface CatalogAddress extends CatalogSettings {
  /** What clients must send where `host` is open to other machines. */
  readonly tokens: readonly CatalogToken[]
  /** An account of the S3 store for clients, beside the settings of the lake's own. */
  readonly vended?: VendedAccount | undefined
  /** Failures of its own; at the end, for debugging, how many reports engines sent. No token. */
  readonly logger?: Logger
}

export interface VendedAccount extends S3Credentials {
  /** As clients reach the store, where that is another address than the lake's. */
  readonly endpoint?: string | undefined
}

export interface ServedLake {
  /** `http://127.0.0.1:8181`: what clients attach to. */
  readonly url: string
  close(): Promise<void>
}

/**
 * Serves the lake's catalog to other engines, and stores where in the lake, unless the lake's
 * writer serves it already: its address is the one that stays.
 * @throws SluiceError `invalid-input` for a host that is open to the network without a token or
 * without TLS, for a certificate that is none, and for a lake whose catalog is not its own;
 * `storage-unavailable` where no port is free.
 */
export async function serveCatalog(
  lake: Pick<Lake, 'servedCatalog' | 'directory' | 'stores'>,
  serving: CatalogAddress,
): Promise<ServedLake> {
  const { host, port, tokens, tls, logger = silentLogger } = serving
  const reportCounts: Record<string, number> = {}
  const server = await listenOnFreePort({
    catalog: servedCatalogOf(lake),
    host,
    port,
    tokens,
    allowPlaintext: serving.allowPlaintext ?? false,
    limits: limitsOf(serving),
    vended: vendedOf(lake.stores, serving),
    ...(tls === undefined ? {} : { tls: await readTlsKeys(tls) }),
    onFailure: (error) => logger.error({ error: messageOf(error) }, 'the catalog failed'),
    onReport: (_table, kind) => {
      reportCounts[kind] = (reportCounts[kind] ?? 0) + 1
    },
  })
  const { directory } = lake
  if (directory !== undefined && !(await isServedByWriter(directory))) {
    await recordCatalogUrl(directory, server.url)
  }
  return {
    url: server.url,
    close: async () => {
      await server.close()
      logger.debug({ catalog: server.url, reports: reportCounts }, 'the catalog is closed')
    },
  }
}

/** @throws SluiceError `invalid-input` where not all is known that a client needs. */
function vendedOf(
  { s3 }: LakeStores,
  { vended, tokens, host }: CatalogAddress,
): VendedS3 | undefined {
  if (vended === undefined) return undefined
  const { endpoint = s3?.endpoint, ...account } = vended
  const region = s3?.region ?? (endpoint === undefined ? undefined : 'us-east-1')
  if (endpoint === undefined || region === undefined) {
    throw cannotVend('the lake does not say at which endpoint; name one in `s3:` of the config')
  }
  if (tokens.length === 0) {
    throw cannotVend(`anyone who reaches ${host} would get it; set SLUICE_CATALOG_TOKEN`)
  }
  return { endpoint, region, isPathStyle: s3?.isPathStyle ?? true, ...account }
}

function cannotVend(why: string): SluiceError {
  return new SluiceError(
    'invalid-input',
    `The catalog is to give clients an account of the S3 store, and ${why}. It was not started.`,
  )
}

function limitsOf({ requestsPerSecondMax, bodyBytesMax }: CatalogSettings): object {
  return {
    ...(requestsPerSecondMax === undefined ? {} : { requestsPerSecondMax }),
    ...(bodyBytesMax === undefined ? {} : { bodyBytesMax }),
  }
}

async function readTlsKeys(
  tls: NonNullable<CatalogSettings['tls']>,
): Promise<{ readonly cert: string; readonly key: string }> {
  const [cert, key] = await Promise.all([tls.certPath, tls.keyPath].map(readPem))
  return { cert: cert ?? '', key: key ?? '' }
}

async function readPem(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new SluiceError(
      'invalid-input',
      `The TLS file ${path} of the catalog cannot be read. It was not started; give the path of ` +
        'a PEM file.',
      { cause },
    )
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

async function isServedByWriter(directory: string): Promise<boolean> {
  const holder = await readLakeHolder(directory)
  return holder?.catalogUrl !== undefined
}

import type { AddressInfo } from 'node:net'

import { isErrorKind, SluiceError } from '../errors.ts'
import { type TableIdentifier } from '../spec/table-identifier.ts'
import { type Access, type CatalogToken, checkAccess } from './rest-server-access.ts'
import {
  addNotFound,
  addRoute,
  createApp,
  readRequest,
  send,
  type TlsKeys,
} from './rest-server-app.ts'
import { configAnswer, routesOf } from './rest-server-config.ts'
import { defaultRestLimits, type RestLimits } from './rest-server-limits.ts'
import { addOpenApi } from './rest-server-openapi.ts'
import { type RestRoute, tableParam } from './rest-server-route.ts'
import { METRICS_PATH } from './rest-server-tables.ts'
import type { ServedCatalog } from './served-catalog.ts'
import type { VendedS3 } from './vended-storage.ts'

export interface RestServerOptions {
  readonly catalog: ServedCatalog
  /** `127.0.0.1` where it is left out. Another needs a token and TLS (`checkAccess`). */
  readonly host?: string
  /** 0 takes any free port. */
  readonly port: number
  /** Where there are any, each request must carry one of them. A bare text may do everything. */
  readonly tokens?: readonly (CatalogToken | string)[]
  readonly tls?: TlsKeys
  /** Listens on another host than this machine's own without TLS. */
  readonly allowPlaintext?: boolean
  readonly limits?: Partial<RestLimits>
  /** Given to every client that may see a table there. By default each has an account of its own. */
  readonly vended?: VendedS3 | undefined
  /** Told of every failure that is the server's own and not the request's. */
  readonly onFailure?: (error: unknown) => void
  /** Told of every report of an engine: `scan-report`, `commit-report`. */
  readonly onReport?: (table: TableIdentifier, kind: string) => void
}

export interface RestServer {
  readonly url: string
  readonly port: number
  /** Answers what was begun, then stops. The catalog stays open. */
  close(): Promise<void>
}

/** How many ports `listenOnFreePort` tries after the wanted one. */
const MORE_PORTS = 20

/**
 * Serves a catalog by the Iceberg REST protocol, and its OpenAPI description at `/openapi.json`.
 * Throws `invalid-input` (a host that is open to the network without a token or without TLS, a
 * certificate that is none) and `storage-unavailable` (the port is taken).
 */
export async function startRestServer(options: RestServerOptions): Promise<RestServer> {
  const { catalog, host = '127.0.0.1', port, tls, onFailure } = options
  const access: Access = {
    host,
    tokens: (options.tokens ?? []).map((token) =>
      typeof token === 'string' ? { token, role: 'admin' } : token,
    ),
    isEncrypted: tls !== undefined,
    allowPlaintext: options.allowPlaintext ?? false,
  }
  checkAccess(access)
  const limits = { ...defaultRestLimits, ...options.limits }
  const app = await createApp({ access, tls, limits, onFailure })
  const routes = routesOf(catalog)
  await addOpenApi(app)
  app.get('/v1/config', async (request, reply) => {
    return send(reply, configAnswer(catalog, readRequest(request).query['warehouse']))
  })
  for (const route of routes) {
    addRoute(app, catalog, reporting(route, options.onReport), options.vended)
  }
  addNotFound(app, routes)
  try {
    await app.listen({ host, port })
  } catch (error) {
    await app.close()
    throw listenFailure(host, port, error)
  }
  const { port: boundPort } = app.server.address() as AddressInfo
  const name = host.includes(':') ? `[${host}]` : host
  return {
    url: `${tls === undefined ? 'http' : 'https'}://${name}:${boundPort}`,
    port: boundPort,
    close: async () => {
      await app.close()
    },
  }
}

/** The same on the first free port of `port` to `port + 20`. */
export async function listenOnFreePort(options: RestServerOptions): Promise<RestServer> {
  for (let offset = 0; ; offset += 1) {
    try {
      return await startRestServer({ ...options, port: options.port + offset })
    } catch (error) {
      const isTaken =
        isErrorKind(error, 'storage-unavailable') && error.context['reason'] === 'port-taken'
      if (!isTaken || offset === MORE_PORTS || options.port + offset >= 65_535) throw error
    }
  }
}

/** The route that takes the engines' reports, and tells of them. */
function reporting(route: RestRoute, onReport: RestServerOptions['onReport']): RestRoute {
  if (route.path !== METRICS_PATH || onReport === undefined) return route
  return {
    ...route,
    handle: async (catalog, request) => {
      const taken = await route.handle(catalog, request)
      const { 'report-type': kind } = request.body as { readonly 'report-type': string }
      onReport(tableParam(request), kind)
      return taken
    },
  }
}

function listenFailure(host: string, port: number, cause: unknown): SluiceError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause)
  const isTaken = code === 'EADDRINUSE'
  return new SluiceError(
    'storage-unavailable',
    `The catalog cannot listen on ${host}:${port} (${code}). It was not started; ` +
      (isTaken ? 'use another port.' : 'use another host or port.'),
    { cause, context: { host, port, reason: isTaken ? 'port-taken' : 'not-bindable' } },
  )
}

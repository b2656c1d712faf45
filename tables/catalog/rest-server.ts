import type { AddressInfo } from 'node:net'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'

import { isErrorKind, SluiceError } from '../errors.ts'
import { parseJson } from '../spec/json.ts'
import { type Access, checkAccess, checkRequest } from './rest-server-access.ts'
import type { RestAnswer } from './rest-server-answers.ts'
import { configAnswer, restRoutes } from './rest-server-config.ts'
import { errorAnswer, failureAnswer } from './rest-server-errors.ts'
import type { RestRequest, RestRoute } from './rest-server-route.ts'
import type { ServedCatalog } from './served-catalog.ts'

export interface RestServerOptions {
  readonly catalog: ServedCatalog
  /** `127.0.0.1` where it is left out. Anything but this machine's own address needs a token. */
  readonly host?: string
  /** 0 takes any free port. */
  readonly port: number
  /** Where there are any, each request must carry one of them. */
  readonly tokens?: readonly string[]
  /** Told of every failure that is the server's own and not the request's. */
  readonly onFailure?: (error: unknown) => void
}

export interface RestServer {
  readonly url: string
  readonly port: number
  /** Answers what was begun, then stops. The catalog stays open. */
  close(): Promise<void>
}

/** The largest body that is read: the updates of a commit with a few thousand snapshots. */
const BODY_LIMIT_BYTES = 32 * 1024 * 1024

/** The longest part of a path: a namespace of 255 characters, percent-encoded. */
const MAX_PATH_PART_LENGTH = 4_096

/** How many ports `listenOnFreePort` tries after the wanted one. */
const MORE_PORTS = 20

/**
 * Serves a catalog by the Iceberg REST protocol. Throws `invalid-input` (a host that is open to
 * the network without a token) and `storage-unavailable` (the port is taken).
 */
export async function startRestServer(options: RestServerOptions): Promise<RestServer> {
  const { catalog, host = '127.0.0.1', port, onFailure } = options
  const access: Access = { host, tokens: options.tokens ?? [] }
  checkAccess(access)
  const app = createApp(access, onFailure)
  app.get('/v1/config', async (request, reply) => {
    return send(reply, configAnswer(catalog, readRequest(request).query['warehouse']))
  })
  for (const route of restRoutes) addRoute(app, catalog, route)
  try {
    await app.listen({ host, port })
  } catch (error) {
    await app.close()
    throw listenFailure(host, port, error)
  }
  const { port: boundPort } = app.server.address() as AddressInfo
  const name = host.includes(':') ? `[${host}]` : host
  return {
    url: `http://${name}:${boundPort}`,
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

function createApp(access: Access, onFailure: RestServerOptions['onFailure']): FastifyInstance {
  const app = fastify({
    logger: false,
    bodyLimit: BODY_LIMIT_BYTES,
    exposeHeadRoutes: false,
    // A connection that waits for its next request must not hold up the end; a commit may.
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: MAX_PATH_PART_LENGTH },
    frameworkErrors: (error, _request, reply) => {
      void send(reply, failureAnswer(error, false))
    },
  })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, text, done) => {
    try {
      done(null, readJson(text.toString()))
    } catch (error) {
      done(error as Error)
    }
  })
  app.addHook('onRequest', async (request) => checkRequest(access, request.headers))
  app.setErrorHandler((error, request, reply) => {
    const { isCommit = false } = request.routeOptions.config as { readonly isCommit?: boolean }
    const failed = failureAnswer(error, isCommit)
    if (failed.status >= 500) onFailure?.(error)
    return send(reply, failed)
  })
  app.setNotFoundHandler((request, reply) => send(reply, unknownRouteAnswer(request)))
  return app
}

function addRoute(app: FastifyInstance, catalog: ServedCatalog, route: RestRoute): void {
  const path = route.path.replace(/\{([a-z]+)\}/g, ':$1')
  // Clients that were given no prefix leave its part of the path out.
  for (const url of [`/v1${path}`, `/v1/:prefix${path}`]) {
    app.route({
      method: route.method,
      url,
      config: { isCommit: route.isCommit ?? false },
      handler: async (request, reply) => {
        return send(reply, await route.handle(catalog, readRequest(request)))
      },
    })
  }
}

function readRequest(request: FastifyRequest): RestRequest {
  const query = Object.entries(request.query as Record<string, string | readonly string[]>)
  return {
    params: request.params as Readonly<Record<string, string>>,
    query: Object.fromEntries(query.map(([key, value]) => [key, [value].flat()[0] ?? ''])),
    body: request.body,
  }
}

/** Some clients name the content type where they send no content. */
function readJson(text: string): unknown {
  if (text === '') return undefined
  try {
    return parseJson(text)
  } catch (error) {
    throw new SluiceError(
      'invalid-input',
      "The request's body is not JSON. Nothing was changed; correct the request.",
      { cause: error },
    )
  }
}

function send(reply: FastifyReply, { status, json }: RestAnswer): FastifyReply {
  void reply.status(status)
  if (json === undefined) return reply.send()
  return reply.header('content-type', 'application/json; charset=utf-8').send(json)
}

/** Views are not served; a client that asks for one all the same is told so in its own words. */
function unknownRouteAnswer(request: FastifyRequest): RestAnswer {
  const view = /^\/v1\/.*\/views\/([^/?]+)/.exec(request.url)?.[1]
  return view === undefined
    ? errorAnswer(404, 'NotFoundException', `No route for ${request.method} ${request.url}`)
    : errorAnswer(404, 'NoSuchViewException', `View does not exist: ${view}`)
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

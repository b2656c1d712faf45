import type { Socket } from 'node:net'

import rateLimit from '@fastify/rate-limit'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'

import { SluiceError } from '../errors.ts'
import { parseJson } from '../spec/json.ts'
import { type Access, checkRequest } from './rest-server-access.ts'
import type { RestAnswer } from './rest-server-answers.ts'
import { errorAnswer, failureAnswer } from './rest-server-errors.ts'
import type { RestLimits } from './rest-server-limits.ts'
import type { CatalogRole, RestRequest, RestRoute } from './rest-server-route.ts'
import { MALFORMED } from './rest-server-schemas.ts'
import type { ServedCatalog } from './served-catalog.ts'
import { storageConfig, type VendedS3 } from './vended-storage.ts'

export interface AppOptions {
  readonly access: Access
  readonly tls: TlsKeys | undefined
  readonly limits: RestLimits
  readonly onFailure: ((error: unknown) => void) | undefined
}

/** What a TLS server shows and keeps, as PEM text. */
export interface TlsKeys {
  readonly cert: string
  readonly key: string
}

/** What a route tells the hooks. */
export interface RouteConfig {
  readonly role: CatalogRole
  readonly isCommit: boolean
  /** The route that the description shows; each route is served by two paths and shown once. */
  readonly described?: RestRoute
}

/** The longest part of a path: a namespace of 255 characters, percent-encoded. */
const MAX_PATH_PART_LENGTH = 4_096

/** Node looks for requests that take too long so often, at least. */
const TIMEOUT_CHECK_MS = 5_000

/**
 * The HTTP side without routes: limits, access, JSON with long integers, and the protocol's errors.
 * Nothing is logged here, so no token can get into a log.
 */
export async function createApp(options: AppOptions): Promise<FastifyInstance> {
  const { access, limits, onFailure } = options
  const app = newFastify(options)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, text, done) => {
    try {
      done(null, readJson(text.toString()))
    } catch (error) {
      done(error as Error)
    }
  })
  app.setErrorHandler((error, request, reply) => {
    const failed = failureAnswer(error, configOf(request)?.isCommit ?? false)
    if (failed.status >= 500) onFailure?.(error)
    return send(reply, failed)
  })
  await app.register(rateLimit, {
    max: limits.requestsPerSecondMax,
    timeWindow: 1_000,
    // Who is refused for the rate must not learn whether the token was right: it comes first.
    hook: 'onRequest',
    addHeaders: {
      'x-ratelimit-limit': false,
      'x-ratelimit-remaining': false,
      'x-ratelimit-reset': false,
    },
  })
  app.addHook('preParsing', async (request) => {
    checkRequest(access, request.headers, configOf(request)?.role ?? 'read')
  })
  return app
}

/** Adds a route under both of its paths: clients that were given no prefix leave its part out. */
export function addRoute(
  app: FastifyInstance,
  catalog: ServedCatalog,
  route: RestRoute,
  vended?: VendedS3,
): void {
  const path = route.path.replace(/\{([a-z]+)\}/g, ':$1')
  const { role, isCommit = false } = route
  const configs: readonly (readonly [string, RouteConfig])[] = [
    [`/v1${path}`, { role, isCommit }],
    [`/v1/:prefix${path}`, { role, isCommit, described: route }],
  ]
  for (const [url, config] of configs) {
    app.route({
      method: route.method,
      url,
      config,
      handler: async (request, reply) => {
        return send(reply, await route.handle(catalog, readRequest(request, vended)))
      },
    })
  }
}

/** Answers what no route takes: 405 where the path is one, 404 else, at the same rate. */
export function addNotFound(app: FastifyInstance, routes: readonly RestRoute[]): void {
  const known = routes.map(({ method, path }) => ({ method, pattern: patternOf(path) }))
  app.setNotFoundHandler({ preHandler: app.rateLimit() }, (request, reply) => {
    const path = request.url.replace(/\?.*$/s, '')
    const methods = known.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method)
    const what = `${request.method} ${path}`
    if (methods.length === 0) {
      return send(reply, errorAnswer(404, 'NotFoundException', `No route for ${what}`))
    }
    void reply.header('allow', methods.join(', '))
    const message = `No route for ${what}; the path takes ${methods.join(', ')}`
    return send(reply, errorAnswer(405, 'UnsupportedOperationException', message))
  })
}

export function send(reply: FastifyReply, { status, json, headers }: RestAnswer): FastifyReply {
  void reply.status(status)
  if (headers !== undefined) void reply.headers(headers)
  if (json === undefined) return reply.send()
  return reply.header('content-type', 'application/json; charset=utf-8').send(json)
}

export function readRequest(request: FastifyRequest, vended?: VendedS3): RestRequest {
  const query = Object.entries(request.query as Record<string, string | readonly string[]>)
  return {
    params: request.params as Readonly<Record<string, string>>,
    query: Object.fromEntries(query.map(([key, value]) => [key, [value].flat()[0] ?? ''])),
    body: request.body,
    ifNoneMatch: request.headers['if-none-match'],
    storageConfig: (location) => storageConfig(vended, location),
  }
}

function newFastify({ tls, limits }: AppOptions): FastifyInstance {
  const settings = {
    logger: false,
    bodyLimit: limits.bodyBytesMax,
    requestTimeout: limits.requestTimeoutMs,
    exposeHeadRoutes: false,
    // A connection that waits for its next request must not hold up the end; a commit may.
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: MAX_PATH_PART_LENGTH },
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: (error: Error, _request: FastifyRequest, reply: FastifyReply) => {
      void send(reply, failureAnswer(error, false))
    },
  } as const
  const timing = {
    connectionsCheckingInterval: Math.min(TIMEOUT_CHECK_MS, limits.requestTimeoutMs),
    // Node takes the smaller of the two for the headers alone, and the larger for all.
    headersTimeout: limits.requestTimeoutMs,
  }
  if (tls === undefined) return fastify({ ...settings, http: timing })
  try {
    const https = { ...tls, ...timing }
    // The two sorts of servers differ by nothing that is used here.
    return fastify({ ...settings, https } as object)
  } catch (error) {
    throw new SluiceError(
      'invalid-input',
      'The certificate and the key of the catalog cannot be used together. It was not started; ' +
        'give both as PEM files that belong to each other.',
      { cause: error },
    )
  }
}

/** What came is no request, or came too slowly: no route will see it. */
function answerBrokenRequest(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  const isSlow = error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
  const status = isSlow ? 408 : 400
  const reason = isSlow ? 'Request Timeout' : 'Bad Request'
  const what = isSlow ? 'The request took too long to arrive' : 'The request is not HTTP'
  const message = `${what}. Nothing was changed; send it again.`
  const { json = '' } = errorAnswer(status, 'BadRequestException', message)
  if (socket.writable) {
    socket.write(
      `HTTP/1.1 ${status} ${reason}\r\nconnection: close\r\ncontent-type: application/json\r\n` +
        `content-length: ${Buffer.byteLength(json)}\r\n\r\n${json}`,
    )
  }
  socket.destroy(error)
}

function configOf(request: FastifyRequest): RouteConfig | undefined {
  return request.routeOptions.config as unknown as RouteConfig | undefined
}

/** A path below `/v1` with any prefix or none. */
function patternOf(path: string): RegExp {
  return new RegExp(`^/v1(/[^/]+)?${path.replace(/\{[a-z]+\}/g, '[^/]+')}$`)
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
      { cause: error, context: { reason: MALFORMED } },
    )
  }
}

import type { z } from 'zod'

import { type Clock, nowMs } from '../clock.ts'
import { SluiceError } from '../errors.ts'
import { parseJson, stringifyJson } from '../spec/json.ts'
import { type Authorizer, createAuthorizer, type RestAuth } from './rest-client-auth.ts'
import { configBody, mergeSettings, type RestSettings, trimUri } from './rest-client-config.ts'
import {
  notOffered,
  refusedBy,
  type RestPurpose,
  unanswered,
  unreadable,
} from './rest-client-errors.ts'
import { createRestPaths, type RestPaths } from './rest-client-paths.ts'
import { retryWaitMs } from './rest-client-retry.ts'
import { NoAnswer, type RestReply, type RestSend, sendOnce } from './rest-client-send.ts'

export interface RestClientOptions {
  /** `http://127.0.0.1:8181`, `https://host/api/catalog`: without `/v1`. */
  readonly uri: string
  readonly warehouse?: string
  readonly auth?: RestAuth
  /** Settings beside the catalog's own: they win over its defaults and lose to its overrides. */
  readonly properties?: Readonly<Record<string, string>>
  /** How long one request may take. */
  readonly timeoutMs?: number
  readonly clock: Clock
  /** Waits between tries; by default the timer's. */
  readonly sleep?: (waitMs: number) => Promise<void>
}

export interface RestCall {
  readonly method: RestSend['method']
  readonly path: string
  /** As the catalog lists it: `POST /v1/{prefix}/namespaces`. */
  readonly endpoint: string
  /** For messages: `the commit to gold.bars`. */
  readonly what: string
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
  /** Statuses beside 2xx that the caller reads itself. */
  readonly also?: readonly number[]
}

/** One catalog's HTTP: authorization, retries, errors; nothing of what a route means. */
export interface RestClient {
  readonly settings: RestSettings
  readonly paths: RestPaths
  offers(endpoint: string): boolean
  /** Throws what the catalog refuses, `unsupported` where it does not offer the route. */
  call(call: RestCall): Promise<RestReply>
  /** The same, with the answer's body checked. */
  read<T extends z.ZodType>(call: RestCall, body: T): Promise<z.output<T>>
}

const TIMEOUT_MS = 60_000

/**
 * Asks the catalog for its configuration. Throws `invalid-input` (the URI, the credentials),
 * `storage-unavailable`, `corrupt-data` (what answers is no catalog).
 */
export async function openRestClient(options: RestClientOptions): Promise<RestClient> {
  const uri = trimUri(checkedUri(options.uri))
  const client: Sender = {
    clock: options.clock,
    timeoutMs: options.timeoutMs ?? TIMEOUT_MS,
    sleep: options.sleep ?? sleepByTimer,
    authorizer: createAuthorizer({
      auth: options.auth ?? { kind: 'none' },
      uri,
      clock: options.clock,
      timeoutMs: options.timeoutMs ?? TIMEOUT_MS,
      sleep: options.sleep ?? sleepByTimer,
    }),
  }
  const { warehouse } = options
  const what = 'The call for the configuration'
  const reply = await send(client, uri, {
    method: 'GET',
    path: '/v1/config',
    endpoint: 'GET /v1/config',
    what,
    ...(warehouse === undefined ? {} : { query: { warehouse } }),
  })
  const config = readBody(reply, configBody, { what, hasEffect: false })
  const settings = mergeSettings({ uri, properties: options.properties ?? {} }, config)
  checkedUri(settings.uri)
  const call = async (wanted: RestCall): Promise<RestReply> => {
    if (!settings.endpoints.has(wanted.endpoint)) throw notOffered(wanted.what, wanted.endpoint)
    return send(client, settings.uri, wanted)
  }
  return {
    settings,
    paths: createRestPaths(settings),
    offers: (endpoint) => settings.endpoints.has(endpoint),
    call,
    read: async (wanted, body) => readBody(await call(wanted), body, purposeOf(wanted)),
  }
}

/** An answer's body by its schema. Throws as the purpose of the request says. */
export function readBody<T extends z.ZodType>(
  reply: RestReply,
  body: T,
  purpose: RestPurpose,
): z.output<T> {
  let value: unknown
  try {
    value = parseJson(reply.text)
  } catch (error) {
    throw unreadable(error, purpose, 'its body is not JSON')
  }
  const read = body.safeParse(value)
  if (read.success) return read.data
  const [issue] = read.error.issues
  throw unreadable(read.error, purpose, `${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`)
}

export function purposeOf({ method, what }: RestCall): RestPurpose {
  return { what, hasEffect: method === 'POST' || method === 'DELETE' }
}

interface Sender {
  readonly clock: Clock
  readonly timeoutMs: number
  readonly sleep: (waitMs: number) => Promise<void>
  readonly authorizer: Authorizer
}

async function send(client: Sender, uri: string, call: RestCall): Promise<RestReply> {
  const { authorizer } = client
  const purpose = purposeOf(call)
  let isRenewed = false
  let wasLost = false
  for (let tries = 1; ; tries += 1) {
    const header = await authorizer.header()
    const outcome = await sendOnce(requestOf(client, uri, call, header)).catch((error: unknown) => {
      if (error instanceof NoAnswer) return error
      throw error
    })
    if (!(outcome instanceof NoAnswer)) {
      if (isWanted(outcome, call)) return outcome
      // The answer to an earlier try was lost, and that try had dropped it.
      if (call.method === 'DELETE' && wasLost && outcome.status === 404) return outcome
      const isRefused = outcome.status === 401 || outcome.status === 419
      if (isRefused && !isRenewed && authorizer.renew(header)) {
        isRenewed = true
        continue
      }
    }
    const waitMs = retryWaitMs(call.method, outcome, tries, nowMs(client.clock))
    if (waitMs === undefined) {
      const error =
        outcome instanceof NoAnswer ? unanswered(outcome, purpose) : refusedBy(outcome, purpose)
      throw withoutSecrets(error, authorizer)
    }
    wasLost ||= outcome instanceof NoAnswer || outcome.status !== 429
    await client.sleep(waitMs)
  }
}

function isWanted({ status }: RestReply, call: RestCall): boolean {
  return (status >= 200 && status < 300) || (call.also?.includes(status) ?? false)
}

function requestOf(
  client: Sender,
  uri: string,
  call: RestCall,
  authorization: string | undefined,
): RestSend {
  const query = new URLSearchParams(call.query ?? {}).toString()
  return {
    method: call.method,
    url: `${uri}${call.path}${query === '' ? '' : `?${query}`}`,
    headers: {
      accept: 'application/json',
      ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(authorization === undefined ? {} : { authorization }),
      ...call.headers,
    },
    timeoutMs: client.timeoutMs,
    ...(call.body === undefined ? {} : { body: stringifyJson(call.body) }),
  }
}

/** A catalog may repeat in its message what it was sent. */
function withoutSecrets(error: SluiceError, authorizer: Authorizer): SluiceError {
  const message = authorizer.redact(error.message)
  if (message === error.message) return error
  const { kind, isRetryable, context } = error
  return new SluiceError(kind, message, { isRetryable, context })
}

function checkedUri(text: string): string {
  const uri = URL.canParse(text) ? new URL(text) : undefined
  const isPlain = uri !== undefined && uri.username === '' && uri.password === ''
  if (isPlain && /^https?:$/.test(uri.protocol) && uri.search === '' && uri.hash === '') return text
  // The text itself is not repeated: a password may be in it.
  throw new SluiceError(
    'invalid-input',
    "The catalog's URI is not an http: or https: address without user, query and fragment. " +
      'Nothing was sent; write it like http://127.0.0.1:8181.',
  )
}

function sleepByTimer(waitMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, waitMs))
}

import { z } from 'zod'

import { type Clock, nowMs } from '../clock.ts'
import { SluiceError } from '../errors.ts'
import { parseJson } from '../spec/json.ts'
import { refuse } from './catalog-errors.ts'
import { refusedBy, unanswered } from './rest-client-errors.ts'
import { retryWaitMs } from './rest-client-retry.ts'
import { NoAnswer, type RestReply, sendOnce } from './rest-client-send.ts'

/** How a client shows who it is. */
export type RestAuth =
  | { readonly kind: 'none' }
  | { readonly kind: 'bearer'; readonly token: string }
  | ClientCredentials

/** OAuth2 client credentials (RFC 6749, section 4.4). */
export interface ClientCredentials {
  readonly kind: 'oauth2'
  /** `id:secret`, or a secret alone. */
  readonly credential: string
  /** `catalog` where it is left out. */
  readonly scope?: string
  /** The token endpoint; the catalog's own (`/v1/oauth/tokens`) where it is left out. */
  readonly tokenUri?: string
}

/** Gives each request its authorization. */
export interface Authorizer {
  /** The header's value; undefined: none is sent. A token is fetched where it is due. */
  header(): Promise<string | undefined>
  /** After a refusal of `header`: whether another one can be had. */
  renew(header: string | undefined): boolean
  /** The text without any secret that this client holds. */
  redact(text: string): string
}

export interface AuthorizerOptions {
  readonly auth: RestAuth
  /** The catalog's URI. */
  readonly uri: string
  readonly clock: Clock
  readonly timeoutMs: number
  readonly sleep: (waitMs: number) => Promise<void>
}

/** A token is renewed so long before its end, or after nine tenths of a short life. */
const RENEW_BEFORE_MS = 60_000

const tokenBody = z.looseObject({
  access_token: z.string().min(1),
  expires_in: z.number().positive().nullish(),
})

interface Token {
  readonly text: string
  /** Undefined: it does not say when it ends. */
  readonly renewMs: number | undefined
}

export function createAuthorizer(options: AuthorizerOptions): Authorizer {
  const { auth } = options
  const secrets = new Set(secretsOf(auth))
  const redact = (text: string): string => {
    let safe = text
    for (const secret of secrets) safe = safe.replaceAll(secret, '***')
    return safe
  }
  if (auth.kind !== 'oauth2') {
    const header = auth.kind === 'bearer' ? `Bearer ${auth.token}` : undefined
    return { header: async () => header, renew: () => false, redact }
  }
  const credentials = auth
  let token: Promise<Token> | undefined
  let current: Token | undefined

  async function fresh(): Promise<Token> {
    if (current?.renewMs !== undefined && nowMs(options.clock) >= current.renewMs) {
      current = undefined
      token = undefined
    }
    // Requests that come at the same time share one call for the token.
    token ??= fetchToken(options, credentials, redact)
    try {
      current = await token
      secrets.add(current.text)
      return current
    } catch (error) {
      token = undefined
      throw error
    }
  }

  return {
    header: async () => `Bearer ${(await fresh()).text}`,
    renew: (header) => {
      // Somebody else may have renewed it since that request was sent.
      if (current !== undefined && header === `Bearer ${current.text}`) {
        current = undefined
        token = undefined
      }
      return true
    },
    redact,
  }
}

function secretsOf(auth: RestAuth): readonly string[] {
  if (auth.kind === 'none') return []
  if (auth.kind === 'bearer') return [auth.token]
  const colon = auth.credential.indexOf(':')
  return [auth.credential, auth.credential.slice(colon + 1)].filter((text) => text !== '')
}

async function fetchToken(
  options: AuthorizerOptions,
  auth: ClientCredentials,
  redact: (text: string) => string,
): Promise<Token> {
  const { clock } = options
  const colon = auth.credential.indexOf(':')
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    scope: auth.scope ?? 'catalog',
    client_secret: auth.credential.slice(colon + 1),
  })
  if (colon > 0) form.set('client_id', auth.credential.slice(0, colon))
  const askedMs = nowMs(clock)
  const reply = await askForToken(options, auth.tokenUri, form.toString())
  if (reply.status !== 200) throw tokenRefused(reply, redact)
  const body = tokenBody.safeParse(readJson(reply.text))
  if (!body.success) {
    throw new SluiceError(
      'corrupt-data',
      'The answer of the token endpoint holds no access_token. No request was sent to the ' +
        'catalog; check the URI of the token endpoint.',
    )
  }
  const lifeMs = (body.data.expires_in ?? 0) * 1000
  const renewMs = askedMs + Math.max(lifeMs * 0.9, lifeMs - RENEW_BEFORE_MS)
  return { text: body.data.access_token, renewMs: lifeMs === 0 ? undefined : renewMs }
}

/** To fetch a token twice does no harm, so every passing failure is tried again. */
async function askForToken(
  options: AuthorizerOptions,
  tokenUri: string | undefined,
  body: string,
): Promise<RestReply> {
  const { clock, sleep, timeoutMs } = options
  const url = tokenUri ?? `${options.uri}/v1/oauth/tokens`
  const purpose = { what: 'The call for a token', hasEffect: false }
  for (let tries = 1; ; tries += 1) {
    const outcome = await sendOnce({
      method: 'POST',
      url,
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
      body,
      timeoutMs,
    }).catch((error: unknown) => {
      if (error instanceof NoAnswer) return error
      throw error
    })
    const waitMs = retryWaitMs('GET', outcome, tries, nowMs(clock))
    if (waitMs === undefined) {
      if (outcome instanceof NoAnswer) throw unanswered(outcome, purpose)
      if (outcome.status >= 500 || outcome.status === 429) throw refusedBy(outcome, purpose)
      return outcome
    }
    await sleep(waitMs)
  }
}

/** RFC 6749 names its errors: `invalid_client`, `invalid_scope`. */
function tokenRefused(reply: RestReply, redact: (text: string) => string): SluiceError {
  const body = z.looseObject({ error: z.string() }).safeParse(readJson(reply.text))
  const reason = body.success ? body.data.error.slice(0, 200) : `status ${reply.status}`
  return refuse(
    'NotAuthorizedException',
    `The token endpoint refused the credential (${redact(reason)}). No request was sent to the ` +
      'catalog; check the credential and its scope.',
  )
}

function readJson(text: string): unknown {
  try {
    return parseJson(text)
  } catch {
    return undefined
  }
}

import { createHash, timingSafeEqual } from 'node:crypto'
import { isIPv4 } from 'node:net'

import { SluiceError } from '../errors.ts'
import { refuse } from './catalog-errors.ts'
import { type CatalogRole, catalogRoles } from './rest-server-route.ts'

export interface CatalogToken {
  readonly token: string
  readonly role: CatalogRole
}

/** Who may call: anybody on this machine, or holders of a token. */
export interface Access {
  readonly host: string
  readonly tokens: readonly CatalogToken[]
  /** Whether what is sent can be read on the way. */
  readonly isEncrypted: boolean
  /** Another host than this machine's own without TLS: a proxy in front does that, say. */
  readonly allowPlaintext: boolean
}

/** Shorter ones can be guessed. */
export const TOKEN_LENGTH_MIN = 16

/**
 * Throws `invalid-input` where the server would be open to the network without a token, or would
 * send tokens and data in the clear.
 */
export function checkAccess({ host, tokens, isEncrypted, allowPlaintext }: Access): void {
  if (isLoopback(host)) return
  if (tokens.length === 0) {
    throw new SluiceError(
      'invalid-input',
      `The catalog would listen on ${host} for everybody. It was not started; set a token ` +
        '(SLUICE_CATALOG_TOKEN, or one for reading alone, SLUICE_CATALOG_READ_TOKEN), or listen ' +
        'on 127.0.0.1.',
    )
  }
  if (tokens.some(({ token }) => token.length < TOKEN_LENGTH_MIN)) {
    throw new SluiceError(
      'invalid-input',
      `A token of the catalog is shorter than ${TOKEN_LENGTH_MIN} characters, and it would ` +
        `listen on ${host}. It was not started; set a longer one (openssl rand -hex 32).`,
    )
  }
  if (isEncrypted || allowPlaintext) return
  throw new SluiceError(
    'invalid-input',
    `The catalog would listen on ${host} without TLS, where tokens can be read on the way. It was ` +
      'not started; give it a certificate (catalog.tls in the config, or --tls-cert and ' +
      '--tls-key), or allow it (catalog.allow_plaintext, or --allow-plaintext) behind a proxy ' +
      'that encrypts.',
  )
}

export interface AccessHeaders {
  readonly authorization?: string | undefined
  readonly host?: string | undefined
}

/** Throws a refusal where this request may not be answered. */
export function checkRequest(access: Access, headers: AccessHeaders, needed: CatalogRole): void {
  if (access.tokens.length > 0) {
    checkToken(access.tokens, headers.authorization, needed)
    return
  }
  // Without tokens what a client sends as one is ignored: some send "Bearer None".
  // A web page can make a browser call this machine under a name of its own; such a name is told
  // apart from a real local client by the Host header.
  const name = (headers.host ?? 'localhost').replace(/:\d+$/, '')
  if (isLoopback(name)) return
  throw refuse(
    'ForbiddenException',
    `The host ${name} is not this machine's own. Nothing was done; call 127.0.0.1.`,
  )
}

function checkToken(
  tokens: readonly CatalogToken[],
  authorization: string | undefined,
  needed: CatalogRole,
): void {
  const sent = /^bearer (.+)$/i.exec(authorization ?? '')?.[1] ?? ''
  // Each one is compared, so that the time tells nothing about which one fitted.
  const held = tokens.filter(({ token }) => isSameText(token, sent)).map(({ role }) => role)
  if (held.length === 0) {
    throw refuse(
      'NotAuthorizedException',
      'Not authorized: the token is missing or unknown. Nothing was done; send it as ' +
        '"Authorization: Bearer TOKEN".',
    )
  }
  if (held.some((role) => catalogRoles.indexOf(role) >= catalogRoles.indexOf(needed))) return
  throw refuse(
    'ForbiddenException',
    `The token may ${held.join(', ')}, and this needs ${needed}. Nothing was done; use another ` +
      'token.',
  )
}

function isLoopback(host: string): boolean {
  const isLocalIPv4 = isIPv4(host) && host.startsWith('127.')
  return isLocalIPv4 || ['localhost', '::1', '[::1]'].includes(host.toLowerCase())
}

/** Compares in a time that tells nothing about where two texts differ. */
function isSameText(left: string, right: string): boolean {
  const digest = (text: string): Uint8Array => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(left), digest(right))
}

import { createHash, timingSafeEqual } from 'node:crypto'
import { isIPv4 } from 'node:net'

import { SluiceError } from '../errors.ts'
import { refuse } from './catalog-errors.ts'

/** Who may call: anybody on this machine, or holders of a token. */
export interface Access {
  readonly host: string
  readonly tokens: readonly string[]
}

/** Throws `invalid-input` where the server would be open to the network without a token. */
export function checkAccess({ host, tokens }: Access): void {
  if (tokens.length > 0 || isLoopback(host)) return
  throw new SluiceError(
    'invalid-input',
    `The catalog would listen on ${host} for everybody. It was not started; set a token, or ` +
      'listen on 127.0.0.1.',
  )
}

/** Throws a refusal where this request may not be answered. */
export function checkRequest(
  access: Access,
  headers: { readonly authorization?: string | undefined; readonly host?: string | undefined },
): void {
  if (access.tokens.length > 0) {
    const token = /^bearer (.+)$/i.exec(headers.authorization ?? '')?.[1] ?? ''
    if (access.tokens.some((known) => isSameText(known, token))) return
    throw refuse(
      'NotAuthorizedException',
      'Not authorized: the token is missing or unknown. Nothing was done; send it as ' +
        '"Authorization: Bearer TOKEN".',
    )
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

function isLoopback(host: string): boolean {
  const isLocalIPv4 = isIPv4(host) && host.startsWith('127.')
  return isLocalIPv4 || ['localhost', '::1', '[::1]'].includes(host.toLowerCase())
}

/** Compares in a time that tells nothing about where two texts differ. */
function isSameText(left: string, right: string): boolean {
  const digest = (text: string): Uint8Array => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(left), digest(right))
}

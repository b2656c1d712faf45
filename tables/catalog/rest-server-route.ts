import type { z } from 'zod'

import { SluiceError } from '../errors.ts'
import type { TableIdentifier } from '../spec/table-identifier.ts'
import type { RestAnswer } from './rest-server-answers.ts'
import type { ServedCatalog } from './served-catalog.ts'
import type { StorageConfig } from './vended-storage.ts'

/** A request as a route sees it; parts of the path are decoded. */
export interface RestRequest {
  readonly params: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, string>>
  readonly body: unknown
  /** The header If-None-Match as it came. */
  readonly ifNoneMatch?: string | undefined
  /** What the client is told of the store of a location. */
  readonly storageConfig: (location: string) => StorageConfig
}

/** What a token allows; each role includes those before it. */
export const catalogRoles = ['read', 'write', 'admin'] as const

export type CatalogRole = (typeof catalogRoles)[number]

export interface RestRoute {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'DELETE'
  /** Below `/v1` or `/v1/<prefix>`, in the words of the protocol: `/namespaces/{namespace}`. */
  readonly path: string
  /**
   * `read` sees, `write` creates and commits, `admin` drops, renames, registers and rules over
   * namespaces.
   */
  readonly role: CatalogRole
  /** Whether a failure must be told apart from an unknown outcome. */
  readonly isCommit?: boolean
  /** For the OpenAPI description. */
  readonly about: RouteAbout
  readonly handle: (catalog: ServedCatalog, request: RestRequest) => Promise<RestAnswer>
}

export interface RouteAbout {
  readonly summary: string
  /** Parameters after the question mark, all of them optional. */
  readonly query?: Readonly<Record<string, string>>
  readonly body?: z.ZodType
  /** Of status 200; without it the answer is an empty 204. */
  readonly answer?: z.ZodType
  /** Statuses of the refusals that belong to the route, beside those that any route can give. */
  readonly refusals: readonly number[]
}

/**
 * A namespace out of a path or a query: levels joined by the unit separator (the protocol's
 * default) or by dots (what the configuration announces). Levels have no dots here.
 */
export function readNamespace(text: string): readonly string[] {
  return text.split(text.includes('\u001f') ? '\u001f' : '.')
}

export function namespaceParam(request: RestRequest): readonly string[] {
  return readNamespace(param(request, 'namespace'))
}

export function tableParam(request: RestRequest): TableIdentifier {
  return { namespace: namespaceParam(request), name: param(request, 'table') }
}

export function viewParam(request: RestRequest): TableIdentifier {
  return { namespace: namespaceParam(request), name: param(request, 'view') }
}

function param({ params }: RestRequest, name: string): string {
  const value = params[name]
  if (value === undefined) {
    throw new SluiceError('invalid-input', `The path has no ${name}. Nothing was done.`)
  }
  return value
}

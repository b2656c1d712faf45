import { SluiceError } from '../errors.ts'
import type { TableIdentifier } from '../spec/table-identifier.ts'
import type { RestAnswer } from './rest-server-answers.ts'
import type { ServedCatalog } from './served-catalog.ts'

/** A request as a route sees it; parts of the path are decoded. */
export interface RestRequest {
  readonly params: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, string>>
  readonly body: unknown
}

export interface RestRoute {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'DELETE'
  /** Below `/v1` or `/v1/<prefix>`, in the words of the protocol: `/namespaces/{namespace}`. */
  readonly path: string
  /** Whether a failure must be told apart from an unknown outcome. */
  readonly isCommit?: boolean
  readonly handle: (catalog: ServedCatalog, request: RestRequest) => Promise<RestAnswer>
}

/**
 * A namespace out of a path or a query: levels joined by the unit separator (the protocol's
 * default) or by dots (what the Java reference server announces). Levels have no dots here.
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

function param({ params }: RestRequest, name: string): string {
  const value = params[name]
  if (value === undefined) {
    throw new SluiceError('invalid-input', `The path has no ${name}. Nothing was done.`)
  }
  return value
}

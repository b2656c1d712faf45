import { z } from 'zod'

/**
 * What a client of a REST catalog goes by, after the catalog's own word:
 * `defaults`, then what the client was told, then `overrides`.
 */
export interface RestSettings {
  /** Without a slash at its end, and without `/v1`. */
  readonly uri: string
  /** Percent-encoded, ready for a path. */
  readonly prefix: string | undefined
  /** What joins the levels of a namespace in a path; not encoded. */
  readonly namespaceSeparator: string
  /** `GET /v1/{prefix}/namespaces`, as the catalog lists them. */
  readonly endpoints: ReadonlySet<string>
  readonly properties: Readonly<Record<string, string>>
}

const texts = z
  .record(z.string(), z.unknown())
  .nullish()
  .transform((members) => {
    const kept = Object.entries(members ?? {}).filter(([, value]) => typeof value === 'string')
    return Object.fromEntries(kept) as Record<string, string>
  })

export const configBody = z.looseObject({
  defaults: texts,
  overrides: texts,
  endpoints: z.array(z.string()).nullish(),
})

/** What a catalog offers that lists nothing: the protocol of before the list. */
const unlistedEndpoints: readonly string[] = [
  'GET /v1/{prefix}/namespaces',
  'GET /v1/{prefix}/namespaces/{namespace}',
  'POST /v1/{prefix}/namespaces',
  'POST /v1/{prefix}/namespaces/{namespace}/properties',
  'DELETE /v1/{prefix}/namespaces/{namespace}',
  'POST /v1/{prefix}/transactions/commit',
  'GET /v1/{prefix}/namespaces/{namespace}/tables',
  'GET /v1/{prefix}/namespaces/{namespace}/tables/{table}',
  'POST /v1/{prefix}/namespaces/{namespace}/tables',
  'POST /v1/{prefix}/namespaces/{namespace}/tables/{table}',
  'DELETE /v1/{prefix}/namespaces/{namespace}/tables/{table}',
  'POST /v1/{prefix}/tables/rename',
  'POST /v1/{prefix}/namespaces/{namespace}/register',
  'POST /v1/{prefix}/namespaces/{namespace}/tables/{table}/metrics',
]

/** The separator of the protocol where the catalog names none. */
const UNIT_SEPARATOR = '%1F'

export function mergeSettings(
  client: { readonly uri: string; readonly properties: Readonly<Record<string, string>> },
  config: z.output<typeof configBody>,
): RestSettings {
  const properties = { ...config.defaults, ...client.properties, ...config.overrides }
  const listed = config.endpoints ?? []
  const prefix = properties['prefix'] ?? ''
  return {
    uri: trimUri(properties['uri'] ?? client.uri),
    prefix: prefix === '' ? undefined : encodePrefix(prefix),
    namespaceSeparator: decodeSeparator(properties['namespace-separator'] ?? UNIT_SEPARATOR),
    endpoints: new Set(listed.length === 0 ? unlistedEndpoints : listed),
    properties,
  }
}

/** A catalog's URI as requests are built on it: no slash and no `/v1` at its end. */
export function trimUri(uri: string): string {
  return uri.replace(/\/+$/, '').replace(/\/v1$/, '')
}

/**
 * Some catalogs send the prefix encoded (`main%7Cwarehouse`), others as it is (`main|warehouse`).
 * Both come out encoded once.
 */
function encodePrefix(prefix: string): string {
  return prefix
    .split('/')
    .map((part) => (/%[0-9a-f]{2}/i.test(part) ? part : encodeURIComponent(part)))
    .join('/')
}

function decodeSeparator(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

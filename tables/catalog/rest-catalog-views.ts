import { isErrorKind } from '../errors.ts'
import { stringifyJson } from '../spec/json.ts'
import { type TableIdentifier, tableKey } from '../spec/table-identifier.ts'
import { parseViewMetadata } from '../spec/view-metadata-json.ts'
import { noSuchNamespace, noSuchView, refusalOf } from './catalog-errors.ts'
import { checkTableName } from './check-names.ts'
import { readPages } from './rest-catalog-pages.ts'
import { identifiersBody, tableBody } from './rest-catalog-replies.ts'
import { unreadable } from './rest-client-errors.ts'
import { isAddressable, isAddressableName } from './rest-client-paths.ts'
import { purposeOf, readBody, type RestCall, type RestClient } from './rest-client.ts'
import type { LoadedView, ViewCatalog } from './view-catalog.ts'

const VIEWS = '/v1/{prefix}/namespaces/{namespace}/views'
const VIEW = `${VIEWS}/{view}`

/** The views of a REST catalog; undefined where it does not list that it has any. */
export function restViews(client: RestClient): ViewCatalog | undefined {
  if (!client.offers(`GET ${VIEWS}`)) return undefined
  const { paths } = client
  return {
    listViews: (namespace) => listViews(client, namespace),
    loadView: (identifier) => loadView(client, identifier),
    viewExists: (identifier) => viewExists(client, identifier),
    createView: async (identifier, { schema, version, location, properties }) => {
      checkTableName(identifier)
      return callForView(client, identifier, {
        method: 'POST',
        path: paths.namespace(identifier.namespace, 'views'),
        endpoint: `POST ${VIEWS}`,
        what: `The creation of view ${tableKey(identifier)}`,
        body: {
          name: identifier.name,
          schema,
          'view-version': version,
          ...(location === undefined ? {} : { location }),
          properties: properties ?? {},
        },
      })
    },
    commitView: async ({ identifier, requirements, updates }) => {
      if (!isAddressableName(identifier)) throw noSuchView(identifier)
      return callForView(client, identifier, {
        method: 'POST',
        path: paths.table(identifier, 'views'),
        endpoint: `POST ${VIEW}`,
        what: `The change of view ${tableKey(identifier)}`,
        body: { identifier, requirements, updates },
      })
    },
    dropView: async (identifier) => {
      if (!isAddressableName(identifier)) throw noSuchView(identifier)
      await client.call({
        method: 'DELETE',
        path: paths.table(identifier, 'views'),
        endpoint: `DELETE ${VIEW}`,
        what: `The drop of view ${tableKey(identifier)}`,
      })
    },
    renameView: async (from, to) => {
      checkTableName(to)
      await client.call({
        method: 'POST',
        path: paths.root('views/rename'),
        endpoint: 'POST /v1/{prefix}/views/rename',
        what: `The renaming of view ${tableKey(from)} to ${tableKey(to)}`,
        body: { source: from, destination: to },
      })
    },
    registerView: async (identifier, metadataLocation) => {
      checkTableName(identifier)
      return callForView(client, identifier, {
        method: 'POST',
        path: paths.namespace(identifier.namespace, 'register-view'),
        endpoint: 'POST /v1/{prefix}/namespaces/{namespace}/register-view',
        what: `The registration of view ${tableKey(identifier)}`,
        body: { name: identifier.name, 'metadata-location': metadataLocation },
      })
    },
  }
}

async function listViews(
  client: RestClient,
  namespace: readonly string[],
): Promise<readonly TableIdentifier[]> {
  if (!isAddressable(namespace)) throw noSuchNamespace(namespace)
  const identifiers = await readPages(
    client,
    {
      method: 'GET',
      path: client.paths.namespace(namespace, 'views'),
      endpoint: `GET ${VIEWS}`,
      what: `The list of views in ${namespace.join('.')}`,
    },
    identifiersBody,
    (page) => page.identifiers,
  )
  return identifiers.map(({ namespace: levels, name }) => ({ namespace: levels, name }))
}

async function loadView(
  client: RestClient,
  identifier: TableIdentifier,
): Promise<LoadedView | undefined> {
  if (!isAddressableName(identifier)) return undefined
  try {
    return await callForView(client, identifier, {
      method: 'GET',
      path: client.paths.table(identifier, 'views'),
      endpoint: `GET ${VIEW}`,
      what: `The load of view ${tableKey(identifier)}`,
    })
  } catch (error) {
    const refusal = refusalOf(error)
    if (refusal === 'NoSuchViewException' || refusal === 'NoSuchNamespaceException') {
      return undefined
    }
    throw error
  }
}

async function viewExists(client: RestClient, identifier: TableIdentifier): Promise<boolean> {
  if (!isAddressableName(identifier)) return false
  const endpoint = `HEAD ${VIEW}`
  if (!client.offers(endpoint)) return (await loadView(client, identifier)) !== undefined
  const reply = await client.call({
    method: 'HEAD',
    path: client.paths.table(identifier, 'views'),
    endpoint,
    what: `The look for view ${tableKey(identifier)}`,
    also: [404],
  })
  return reply.status !== 404
}

/** Every call that is answered by a view. */
async function callForView(
  client: RestClient,
  identifier: TableIdentifier,
  call: RestCall,
): Promise<LoadedView> {
  const purpose = purposeOf(call)
  const body = readBody(await client.call(call), tableBody, purpose)
  const metadataLocation = body['metadata-location'] ?? undefined
  if (metadataLocation === undefined) {
    throw unreadable(undefined, purpose, 'it names no metadata-location')
  }
  try {
    const metadata = parseViewMetadata(stringifyJson(body.metadata))
    return { identifier, metadataLocation, metadata }
  } catch (error) {
    if (isErrorKind(error, 'corrupt-data')) throw unreadable(error, purpose, error.message)
    throw error
  }
}

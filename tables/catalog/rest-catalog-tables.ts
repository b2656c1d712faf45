import { stringifyJson } from '../spec/json.ts'
import type { TableIdentifier } from '../spec/table-identifier.ts'
import { tableKey } from '../spec/table-identifier.ts'
import type { Catalog, CreateTableRequest, LoadedTable } from './catalog.ts'
import { noSuchNamespace, noSuchTable, refusalOf } from './catalog-errors.ts'
import { checkTableName } from './check-names.ts'
import { readPages } from './rest-catalog-pages.ts'
import { identifiersBody, loadedTable, readMetadata, tableBody } from './rest-catalog-replies.ts'
import { purposeOf, readBody, type RestCall, type RestClient } from './rest-client.ts'
import { isAddressable, isAddressableName } from './rest-client-paths.ts'
import type { TableCache } from './table-cache.ts'

type TableMethods = Pick<
  Catalog,
  | 'listTables'
  | 'loadTable'
  | 'tableExists'
  | 'createTable'
  | 'stageTable'
  | 'registerTable'
  | 'renameTable'
  | 'dropTable'
  | 'purgeTable'
>

const TABLES = '/v1/{prefix}/namespaces/{namespace}/tables'
const TABLE = `${TABLES}/{table}`

/** The table methods of a REST catalog, but for commits. */
export function restTableMethods(client: RestClient, cache: TableCache): TableMethods {
  const { paths } = client
  return {
    listTables: async (namespace) => {
      if (!isAddressable(namespace)) throw noSuchNamespace(namespace)
      const identifiers = await readPages(
        client,
        {
          method: 'GET',
          path: paths.namespace(namespace, 'tables'),
          endpoint: `GET ${TABLES}`,
          what: `The list of tables in ${namespace.join('.')}`,
        },
        identifiersBody,
        (page) => page.identifiers,
      )
      return identifiers.map(({ namespace: levels, name }) => ({ namespace: levels, name }))
    },
    loadTable: (identifier) => loadTable(client, cache, identifier),
    tableExists: (identifier) => tableExists(client, cache, identifier),
    createTable: async (identifier, request) => {
      const call = createCall(client, identifier, request, false)
      const body = await client.read(call, tableBody)
      return loadedTable(identifier, body, purposeOf(call))
    },
    stageTable: async (identifier, request) => {
      const call = createCall(client, identifier, request, true)
      const body = await client.read(call, tableBody)
      return readMetadata(body.metadata, purposeOf(call))
    },
    registerTable: async (identifier, metadataLocation, options = {}) => {
      checkTableName(identifier)
      const { overwrite = false } = options
      const call: RestCall = {
        method: 'POST',
        path: paths.namespace(identifier.namespace, 'register'),
        endpoint: 'POST /v1/{prefix}/namespaces/{namespace}/register',
        what: `The registration of ${tableKey(identifier)}`,
        body: {
          name: identifier.name,
          'metadata-location': metadataLocation,
          ...(overwrite ? { overwrite } : {}),
        },
      }
      const body = await client.read(call, tableBody)
      cache.forget(identifier)
      return loadedTable(identifier, body, purposeOf(call))
    },
    renameTable: async (from, to) => {
      checkTableName(to)
      await client.call({
        method: 'POST',
        path: paths.root('tables/rename'),
        endpoint: 'POST /v1/{prefix}/tables/rename',
        what: `The renaming of ${tableKey(from)} to ${tableKey(to)}`,
        body: { source: from, destination: to },
      })
      cache.forget(from)
      cache.forget(to)
    },
    dropTable: (identifier) => dropTable(client, cache, identifier, false),
    purgeTable: (identifier) => dropTable(client, cache, identifier, true),
  }
}

/** The call that loads one table, whole: all of its snapshots. */
async function loadTable(
  client: RestClient,
  cache: TableCache,
  identifier: TableIdentifier,
): Promise<LoadedTable | undefined> {
  if (!isAddressableName(identifier)) return undefined
  const known = cache.find(identifier)
  const call: RestCall = {
    method: 'GET',
    path: client.paths.table(identifier, 'tables'),
    endpoint: `GET ${TABLE}`,
    what: `The load of ${tableKey(identifier)}`,
    query: { snapshots: 'all' },
    // 304 is allowed only where this client named what it has.
    ...(known === undefined ? {} : { headers: { 'if-none-match': known.etag }, also: [304] }),
  }
  try {
    const reply = await client.call(call)
    if (reply.status === 304 && known !== undefined) return known.table
    const table = loadedTable(
      identifier,
      readBody(reply, tableBody, purposeOf(call)),
      purposeOf(call),
    )
    cache.remember(identifier, reply.headers.get('etag'), table)
    return table
  } catch (error) {
    const refusal = refusalOf(error)
    if (refusal === 'NoSuchTableException' || refusal === 'NoSuchNamespaceException') {
      cache.forget(identifier)
      return undefined
    }
    throw error
  }
}

async function tableExists(
  client: RestClient,
  cache: TableCache,
  identifier: TableIdentifier,
): Promise<boolean> {
  if (!isAddressableName(identifier)) return false
  const endpoint = `HEAD ${TABLE}`
  if (!client.offers(endpoint)) {
    return (await loadTable(client, cache, identifier)) !== undefined
  }
  const reply = await client.call({
    method: 'HEAD',
    path: client.paths.table(identifier, 'tables'),
    endpoint,
    what: `The look for ${tableKey(identifier)}`,
    also: [404],
  })
  return reply.status !== 404
}

function createCall(
  client: RestClient,
  identifier: TableIdentifier,
  request: CreateTableRequest,
  isStaged: boolean,
): RestCall {
  checkTableName(identifier)
  const { schema, location, partitionSpec, sortOrder, formatVersion } = request
  const version =
    formatVersion === undefined ? {} : { 'format-version': stringifyJson(formatVersion) }
  return {
    method: 'POST',
    path: client.paths.namespace(identifier.namespace, 'tables'),
    endpoint: `POST ${TABLES}`,
    what: `The creation of ${tableKey(identifier)}`,
    body: {
      name: identifier.name,
      schema,
      ...(location === undefined ? {} : { location }),
      ...(partitionSpec === undefined ? {} : { 'partition-spec': partitionSpec }),
      ...(sortOrder === undefined ? {} : { 'write-order': sortOrder }),
      'stage-create': isStaged,
      properties: { ...request.properties, ...version },
    },
  }
}

async function dropTable(
  client: RestClient,
  cache: TableCache,
  identifier: TableIdentifier,
  isPurge: boolean,
): Promise<void> {
  if (!isAddressableName(identifier)) throw noSuchTable(identifier)
  await client.call({
    method: 'DELETE',
    path: client.paths.table(identifier, 'tables'),
    endpoint: `DELETE ${TABLE}`,
    what: `The drop of ${tableKey(identifier)}`,
    query: { purgeRequested: String(isPurge) },
  })
  cache.forget(identifier)
}

import { z } from 'zod'

import { SluiceError } from '../errors.ts'
import type { PartitionSpec } from '../spec/partition-spec.ts'
import type { Schema } from '../spec/schema.ts'
import type { SortOrder } from '../spec/sort-order.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'
import type { CreateTableRequest, LoadedTable } from './catalog.ts'
import { noSuchTable } from './catalog-errors.ts'
import { registerFile } from './register-file.ts'
import {
  answer,
  loadedTableAnswer,
  noContent,
  type RestAnswer,
  stagedTableAnswer,
  tableAnswer,
} from './rest-server-answers.ts'
import { credentialsShown, identifierList, tableShown } from './rest-server-bodies.ts'
import { nextPage, pageOf, pageQuery } from './rest-server-pages.ts'
import {
  namespaceParam,
  type RestRequest,
  type RestRoute,
  tableParam,
} from './rest-server-route.ts'
import {
  checkBody,
  partitionSpec,
  properties,
  renameBody,
  schema,
  sortOrder,
} from './rest-server-schemas.ts'
import {
  commitTable,
  commitTransaction,
  readCommit,
  readTransaction,
} from './rest-server-updates.ts'
import type { ServedCatalog } from './served-catalog.ts'
import { storageCredentials } from './vended-storage.ts'

export const createTableBody = z.object({
  name: z.string(),
  location: z.string().nullish(),
  schema,
  'partition-spec': partitionSpec.nullish(),
  'write-order': sortOrder.nullish(),
  'stage-create': z.boolean().nullish(),
  properties: properties.nullish(),
})

export const registerTableBody = z.object({
  name: z.string(),
  'metadata-location': z.string().min(1),
  overwrite: z.boolean().nullish(),
})

const metricsReport = z.looseObject({ 'report-type': z.string() })

/** Engines report each scan and commit there. */
export const METRICS_PATH = '/namespaces/{namespace}/tables/{table}/metrics'

export const TRANSACTION_PATH = '/transactions/commit'

/** Routes of tables, and of commits to them. */
export const tableRoutes: readonly RestRoute[] = [
  {
    method: 'GET',
    path: '/namespaces/{namespace}/tables',
    role: 'read',
    about: {
      summary: 'Lists the tables of a namespace',
      query: pageQuery,
      answer: identifierList,
      refusals: [404],
    },
    handle: async (catalog, request) => {
      const list = await catalog.listTables(namespaceParam(request))
      const page = pageOf(list, ({ name }) => name, request)
      return answer({ identifiers: page.items, ...nextPage(page) })
    },
  },
  {
    method: 'POST',
    path: '/namespaces/{namespace}/tables',
    role: 'write',
    about: {
      summary: 'Creates a table, or stages one that a commit with assert-create creates',
      body: createTableBody,
      answer: tableShown,
      refusals: [404, 406, 409],
    },
    handle: createTable,
  },
  {
    method: 'GET',
    path: '/namespaces/{namespace}/tables/{table}',
    role: 'read',
    about: {
      summary: 'Loads a table; 304 where If-None-Match names what the client has',
      query: { snapshots: 'all, or refs for those that a branch or a tag names' },
      answer: tableShown,
      refusals: [304, 404],
    },
    handle: async (catalog, request) => {
      const snapshots = request.query['snapshots'] === 'refs' ? 'refs' : 'all'
      const table = await existing(catalog, request)
      const config = request.storageConfig(table.metadata.location)
      return loadedTableAnswer(table, snapshots, request.ifNoneMatch, config)
    },
  },
  {
    method: 'HEAD',
    path: '/namespaces/{namespace}/tables/{table}',
    role: 'read',
    about: { summary: 'Tells whether a table exists', refusals: [404] },
    handle: async (catalog, request) => {
      const table = tableParam(request)
      if (!(await catalog.tableExists(table))) throw noSuchTable(table)
      return noContent
    },
  },
  {
    method: 'POST',
    path: '/namespaces/{namespace}/tables/{table}',
    role: 'write',
    about: {
      summary: 'Commits to one table',
      body: commitTable,
      answer: tableShown,
      refusals: [404, 409],
    },
    isCommit: true,
    handle: async (catalog, request) => {
      const commit = { ...readCommit(request.body), identifier: tableParam(request) }
      const [table] = await catalog.commitTransaction([commit])
      return table === undefined ? noContent : shown(table, request)
    },
  },
  {
    method: 'DELETE',
    path: '/namespaces/{namespace}/tables/{table}',
    role: 'admin',
    about: {
      summary: 'Drops a table',
      query: { purgeRequested: 'true deletes the files too' },
      refusals: [404],
    },
    handle: async (catalog, request) => {
      const table = tableParam(request)
      // PyIceberg writes `False`, the others `false`.
      const isPurge = request.query['purgeRequested']?.toLowerCase() === 'true'
      await (isPurge ? catalog.purgeTable(table) : catalog.dropTable(table))
      return noContent
    },
  },
  {
    method: 'POST',
    path: '/namespaces/{namespace}/register',
    role: 'admin',
    about: {
      summary: 'Makes a table of a metadata file that is there already',
      body: registerTableBody,
      answer: tableShown,
      refusals: [404, 409],
    },
    handle: async (catalog, request) => {
      const body = checkBody(registerTableBody, request.body)
      const table = { namespace: namespaceParam(request), name: body.name }
      const options = { overwrite: body.overwrite ?? false }
      const location = body['metadata-location']
      const registered = await registerFile(location, () =>
        catalog.registerTable(table, location, options),
      )
      return shown(registered, request)
    },
  },
  {
    method: 'GET',
    path: '/namespaces/{namespace}/tables/{table}/credentials',
    role: 'read',
    about: {
      summary: 'Lists the credentials for the files of a table, where the server gives any',
      answer: credentialsShown,
      refusals: [404],
    },
    handle: async (catalog, request) => {
      const { metadata } = await existing(catalog, request)
      const credentials = storageCredentials(request.storageConfig(metadata.location))
      return answer({ 'storage-credentials': credentials })
    },
  },
  {
    method: 'POST',
    path: METRICS_PATH,
    role: 'read',
    about: {
      summary: 'Takes the report of a scan or a commit; it is counted and not kept',
      body: metricsReport,
      refusals: [],
    },
    handle: async (_catalog, { body }) => {
      checkBody(metricsReport, body)
      return noContent
    },
  },
  {
    method: 'POST',
    path: '/tables/rename',
    role: 'admin',
    about: { summary: 'Renames a table', body: renameBody, refusals: [404, 409] },
    handle: async (catalog, { body }) => {
      const { source, destination } = checkBody(renameBody, body)
      await catalog.renameTable(source, destination)
      return noContent
    },
  },
  {
    method: 'POST',
    path: TRANSACTION_PATH,
    role: 'write',
    about: {
      summary: 'Commits to several tables at one instant, or to none',
      body: commitTransaction,
      refusals: [404, 409],
    },
    isCommit: true,
    handle: async (catalog, { body }) => {
      await catalog.commitTransaction(readTransaction(body))
      return noContent
    },
  },
]

async function createTable(
  catalog: ServedCatalog,
  request: RestRequest,
): ReturnType<RestRoute['handle']> {
  const body = checkBody(createTableBody, request.body)
  const table = { namespace: namespaceParam(request), name: body.name }
  const wanted = createRequest(body)
  if (body['stage-create'] !== true) return shown(await catalog.createTable(table, wanted), request)
  const staged = await catalog.stageTable(table, wanted)
  return stagedTableAnswer(staged, request.storageConfig(staged.location))
}

function shown(table: LoadedTable, request: RestRequest): RestAnswer {
  return tableAnswer(table, request.storageConfig(table.metadata.location))
}

function createRequest(body: z.infer<typeof createTableBody>): CreateTableRequest {
  const spec = body['partition-spec'] ?? undefined
  const order = body['write-order'] ?? undefined
  const location = body.location ?? undefined
  // zod has checked what the types say; it spells optional members differently.
  return {
    schema: body.schema as unknown as Schema,
    ...(location === undefined ? {} : { location }),
    ...(spec === undefined ? {} : { partitionSpec: spec as unknown as PartitionSpec }),
    ...(order === undefined ? {} : { sortOrder: order as unknown as SortOrder }),
    properties: body.properties ?? {},
    formatVersion: formatVersionOf(body.properties?.['format-version']),
  }
}

/** Clients ask for a format version by a property; it is not kept as one. */
function formatVersionOf(text: string | undefined): TableMetadata['format-version'] {
  if (text === undefined || text === '2') return 2
  if (text === '1') return 1
  if (text === '3') return 3
  throw new SluiceError(
    'unsupported',
    `Tables of format version ${text} cannot be created here. Nothing was created; use 1 to 3.`,
  )
}

async function existing(catalog: ServedCatalog, request: RestRequest): Promise<LoadedTable> {
  const table = tableParam(request)
  // Its readers are told where the file is, and some open it.
  const loaded = await catalog.loadTable(table, { mustBeThere: true })
  if (loaded === undefined) throw noSuchTable(table)
  return loaded
}

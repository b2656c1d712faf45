import { z } from 'zod'

import { SluiceError } from '../errors.ts'
import type { PartitionSpec } from '../spec/partition-spec.ts'
import type { Schema } from '../spec/schema.ts'
import type { SortOrder } from '../spec/sort-order.ts'
import type { CreateTableRequest, LoadedTable } from './catalog.ts'
import { noSuchTable } from './catalog-errors.ts'
import { answer, noContent, stagedTableAnswer, tableAnswer } from './rest-server-answers.ts'
import {
  namespaceParam,
  type RestRequest,
  type RestRoute,
  tableParam,
} from './rest-server-route.ts'
import { checkBody, partitionSpec, properties, schema, sortOrder } from './rest-server-schemas.ts'
import { readCommit, readTransaction } from './rest-server-updates.ts'
import type { ServedCatalog } from './served-catalog.ts'

const createTableBody = z.object({
  name: z.string(),
  location: z.string().nullish(),
  schema,
  'partition-spec': partitionSpec.nullish(),
  'write-order': sortOrder.nullish(),
  'stage-create': z.boolean().nullish(),
  properties: properties.nullish(),
})

const registerBody = z.object({
  name: z.string(),
  'metadata-location': z.string().min(1),
  overwrite: z.boolean().nullish(),
})

const identifier = z.object({ namespace: z.array(z.string()), name: z.string() })

const renameBody = z.object({ source: identifier, destination: identifier })

/** Routes of tables, and of commits to them. */
export const tableRoutes: readonly RestRoute[] = [
  {
    method: 'GET',
    path: '/namespaces/{namespace}/tables',
    handle: async (catalog, request) =>
      answer({ identifiers: await catalog.listTables(namespaceParam(request)) }),
  },
  {
    method: 'POST',
    path: '/namespaces/{namespace}/tables',
    handle: createTable,
  },
  {
    method: 'GET',
    path: '/namespaces/{namespace}/tables/{table}',
    handle: async (catalog, request) => {
      const table = await existing(catalog, request)
      return tableAnswer(request.query['snapshots'] === 'refs' ? withRefsOnly(table) : table)
    },
  },
  {
    method: 'HEAD',
    path: '/namespaces/{namespace}/tables/{table}',
    handle: async (catalog, request) => {
      const table = tableParam(request)
      if (!(await catalog.tableExists(table))) throw noSuchTable(table)
      return noContent
    },
  },
  {
    method: 'POST',
    path: '/namespaces/{namespace}/tables/{table}',
    isCommit: true,
    handle: async (catalog, request) => {
      const commit = { ...readCommit(request.body), identifier: tableParam(request) }
      const [table] = await catalog.commitTransaction([commit])
      return table === undefined ? noContent : tableAnswer(table)
    },
  },
  {
    method: 'DELETE',
    path: '/namespaces/{namespace}/tables/{table}',
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
    handle: async (catalog, request) => {
      const body = checkBody(registerBody, request.body)
      const table = { namespace: namespaceParam(request), name: body.name }
      const options = { overwrite: body.overwrite ?? false }
      return tableAnswer(await catalog.registerTable(table, body['metadata-location'], options))
    },
  },
  {
    method: 'POST',
    path: '/namespaces/{namespace}/tables/{table}/metrics',
    // Engines report each scan and commit; the reports are taken and not kept.
    handle: async () => noContent,
  },
  {
    method: 'POST',
    path: '/tables/rename',
    handle: async (catalog, { body }) => {
      const { source, destination } = checkBody(renameBody, body)
      await catalog.renameTable(source, destination)
      return noContent
    },
  },
  {
    method: 'POST',
    path: '/transactions/commit',
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
  return body['stage-create'] === true
    ? stagedTableAnswer(await catalog.stageTable(table, wanted))
    : tableAnswer(await catalog.createTable(table, wanted))
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
function formatVersionOf(text: string | undefined): 2 | 3 {
  if (text === undefined || text === '2') return 2
  if (text === '3') return 3
  throw new SluiceError(
    'unsupported',
    `Tables of format version ${text} cannot be created here. Nothing was created; use 2 or 3.`,
  )
}

async function existing(catalog: ServedCatalog, request: RestRequest): Promise<LoadedTable> {
  const table = tableParam(request)
  const loaded = await catalog.loadTable(table)
  if (loaded === undefined) throw noSuchTable(table)
  return loaded
}

/** Only the snapshots that a branch or a tag names; a client asks for the others when it needs. */
function withRefsOnly(table: LoadedTable): LoadedTable {
  const named = new Set(Object.values(table.metadata.refs).map((ref) => ref['snapshot-id']))
  const snapshots = table.metadata.snapshots.filter((known) => named.has(known['snapshot-id']))
  return { ...table, metadata: { ...table.metadata, snapshots } }
}

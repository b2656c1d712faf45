import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'

import type { RouteConfig } from './rest-server-app.ts'
import * as shown from './rest-server-bodies.ts'
import { createNamespaceBody, updatePropertiesBody } from './rest-server-namespaces.ts'
import type { RestRoute } from './rest-server-route.ts'
import {
  icebergType,
  identifier,
  partitionSpec,
  renameBody,
  schema,
  schemaField,
  snapshot,
  sortOrder,
  statisticsFile,
} from './rest-server-schemas.ts'
import { createTableBody, registerTableBody } from './rest-server-tables.ts'
import { commitTable, commitTransaction } from './rest-server-updates.ts'
import { commitViewBody, createViewBody, registerViewBody } from './rest-server-views.ts'

type JsonSchema = Readonly<Record<string, unknown>>

/** The names that the description gives to bodies, answers and what they share. */
const named: Readonly<Record<string, z.ZodType>> = {
  Identifier: identifier,
  Schema: schema,
  Field: schemaField,
  Type: icebergType,
  PartitionSpec: partitionSpec,
  SortOrder: sortOrder,
  Snapshot: snapshot,
  StatisticsFile: statisticsFile,
  CatalogConfig: shown.configShown,
  Error: shown.errorShown,
  Namespaces: shown.namespaceList,
  Namespace: shown.namespaceShown,
  ChangedProperties: shown.propertiesChanged,
  Identifiers: shown.identifierList,
  Table: shown.tableShown,
  View: shown.viewShown,
  Credentials: shown.credentialsShown,
  CreateNamespace: createNamespaceBody,
  UpdateProperties: updatePropertiesBody,
  CreateTable: createTableBody,
  RegisterTable: registerTableBody,
  Rename: renameBody,
  CommitTable: commitTable,
  CommitTransaction: commitTransaction,
  CreateView: createViewBody,
  CommitView: commitViewBody,
  RegisterView: registerViewBody,
}

/** Statuses that any route can answer. */
const COMMON_REFUSALS = [400, 401, 403, 429, 500, 503]

const statusTexts: Readonly<Record<number, string>> = {
  304: 'Not modified: the client has it already',
  400: 'The request is wrong; nothing was changed',
  401: 'The token is missing or unknown',
  403: 'The token does not allow this',
  404: 'There is no such table, view, namespace or file',
  406: 'Not supported',
  409: 'It exists, is not empty, or has changed meanwhile; nothing was changed',
  422: 'A key is set and removed',
  429: 'Too many requests in this second',
  500: 'Failed; a commit may have landed',
  503: 'The store cannot be reached; nothing was changed',
}

/**
 * Serves the description of all routes that are added after it, made of what checks the requests,
 * at `/openapi.json`.
 */
export async function addOpenApi(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    exposeHeadRoutes: true,
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Iceberg REST catalog of Sluice',
        version: '1',
        description:
          'Each path is served without its `/{prefix}` too. The protocol is described at ' +
          'https://iceberg.apache.org/rest-catalog-spec/.',
      },
      components: {
        schemas: componentSchemas(),
        securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      },
      security: [{}, { token: [] }],
    },
    transform: ({ url, route }) => {
      const config = route.config as unknown as RouteConfig | undefined
      if (url === '/v1/config') return { url, schema: describeConfig() }
      const { described } = config ?? {}
      return { url, schema: described === undefined ? { hide: true } : describeRoute(described) }
    },
  })
  app.get('/openapi.json', async (_request, reply) => {
    return reply.header('content-type', 'application/json; charset=utf-8').send(app.swagger())
  })
}

function describeRoute({ method, path, about, role }: RestRoute): JsonSchema {
  const refusals = [...about.refusals, ...COMMON_REFUSALS]
  return {
    operationId: `${method.toLowerCase()}${path.replace(
      /[^a-z]+(.)?/g,
      (_all, letter: string | undefined) => {
        return (letter ?? '').toUpperCase()
      },
    )}`,
    summary: about.summary,
    description: `Needs a token of role ${role} or above, where tokens are set.`,
    ...(about.query === undefined ? {} : { querystring: queryOf(about.query) }),
    ...(about.body === undefined ? {} : { body: reference(about.body) }),
    response: {
      ...(about.answer === undefined
        ? { 204: { description: 'Done', type: 'null' } }
        : { 200: withBody('Done', about.answer) }),
      ...Object.fromEntries(refusals.map((status) => [status, refusalOfStatus(method, status)])),
    },
  }
}

function describeConfig(): JsonSchema {
  return {
    operationId: 'getConfig',
    summary: 'What a client asks first: settings, and the list of endpoints',
    querystring: queryOf({ warehouse: 'The name or the root location of this catalog' }),
    response: {
      200: withBody('Done', shown.configShown),
      404: withBody('There is no such warehouse', shown.errorShown),
    },
  }
}

function refusalOfStatus(method: string, status: number): JsonSchema {
  const description = statusTexts[status] ?? 'Refused'
  const isBare = method === 'HEAD' || status === 304
  return isBare ? { description, type: 'null' } : withBody(description, shown.errorShown)
}

function withBody(description: string, body: z.ZodType): JsonSchema {
  return { description, content: { 'application/json': { schema: reference(body) } } }
}

function queryOf(parameters: Readonly<Record<string, string>>): JsonSchema {
  const properties = Object.entries(parameters).map(
    ([name, description]) => [name, { type: 'string', description }] as const,
  )
  return { type: 'object', properties: Object.fromEntries(properties) }
}

function reference(body: z.ZodType): JsonSchema {
  const name = Object.keys(named).find((known) => named[known] === body)
  return name === undefined ? {} : { $ref: `#/components/schemas/${name}` }
}

/** What zod checks as JSON Schema. Long integers are numbers of any size on the wire. */
function componentSchemas(): Record<string, JsonSchema> {
  const registry = z.registry<{ readonly id: string }>()
  for (const [id, body] of Object.entries(named)) registry.add(body, { id })
  const { schemas } = z.toJSONSchema(registry, {
    io: 'input',
    unrepresentable: 'any',
    uri: (id) => `#/components/schemas/${id}`,
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema._zod.def.type === 'bigint') Object.assign(jsonSchema, { type: 'integer' })
    },
  })
  // The ids that zod gives are the places in this document already.
  const entries = Object.entries(schemas).map(([id, { $id: _, ...rest }]) => [id, rest] as const)
  return Object.fromEntries(entries)
}

import { z } from 'zod'

import type { Schema } from '../spec/schema.ts'
import type { ViewVersion } from '../spec/view-metadata.ts'
import type { ViewRequirement, ViewUpdate } from '../spec/view-update.ts'
import { noSuchView } from './catalog-errors.ts'
import { registerFile } from './register-file.ts'
import { answer, noContent, viewAnswer } from './rest-server-answers.ts'
import { identifierList, viewShown } from './rest-server-bodies.ts'
import { nextPage, pageOf, pageQuery } from './rest-server-pages.ts'
import { namespaceParam, type RestRequest, type RestRoute, viewParam } from './rest-server-route.ts'
import { checkBody, properties, renameBody, schema, withoutNulls } from './rest-server-schemas.ts'
import { sharedUpdates } from './rest-server-updates.ts'
import type { ServedCatalog } from './served-catalog.ts'
import type { ViewCatalog } from './view-catalog.ts'

const representation = z.looseObject({ type: z.string().min(1) })

const viewVersion = z
  .looseObject({
    'version-id': z.int(),
    'timestamp-ms': z.int(),
    'schema-id': z.int(),
    summary: properties,
    'default-catalog': z.string().nullish(),
    'default-namespace': z.array(z.string()),
    representations: z.array(
      z.union([
        representation.extend({ type: z.literal('sql'), sql: z.string(), dialect: z.string() }),
        representation.refine(({ type }) => type !== 'sql', 'needs sql and dialect'),
      ]),
    ),
  })
  .transform(withoutNulls)

export const createViewBody = z.object({
  name: z.string(),
  location: z.string().nullish(),
  schema,
  'view-version': viewVersion,
  properties: properties.nullish(),
})

export const commitViewBody = z.object({
  requirements: z
    .array(
      z.discriminatedUnion('type', [
        z.object({ type: z.literal('assert-view-uuid'), uuid: z.string() }),
      ]),
    )
    .default([]),
  updates: z
    .array(
      z.discriminatedUnion('action', [
        ...sharedUpdates,
        z.object({ action: z.literal('add-view-version'), 'view-version': viewVersion }),
        z.object({ action: z.literal('set-current-view-version'), 'view-version-id': z.int() }),
      ]),
    )
    .default([]),
})

export const registerViewBody = z.object({
  name: z.string(),
  'metadata-location': z.string().min(1),
})

type ViewHandler = (views: ViewCatalog, request: RestRequest) => ReturnType<RestRoute['handle']>

/** Routes of views. A catalog without views has none of them. */
export const viewRoutes: readonly RestRoute[] = [
  {
    method: 'GET',
    path: '/namespaces/{namespace}/views',
    role: 'read',
    about: {
      summary: 'Lists the views of a namespace',
      query: pageQuery,
      answer: identifierList,
      refusals: [404],
    },
    handle: ofViews(async (views, request) => {
      const list = await views.listViews(namespaceParam(request))
      const page = pageOf(list, ({ name }) => name, request)
      return answer({ identifiers: page.items, ...nextPage(page) })
    }),
  },
  {
    method: 'POST',
    path: '/namespaces/{namespace}/views',
    role: 'write',
    about: {
      summary: 'Creates a view',
      body: createViewBody,
      answer: viewShown,
      refusals: [404, 409],
    },
    handle: ofViews(async (views, request) => {
      const body = checkBody(createViewBody, request.body)
      const view = { namespace: namespaceParam(request), name: body.name }
      const location = body.location ?? undefined
      // zod has checked what the types say; it spells optional members differently.
      const created = await views.createView(view, {
        schema: body.schema as unknown as Schema,
        version: body['view-version'] as unknown as ViewVersion,
        ...(location === undefined ? {} : { location }),
        properties: body.properties ?? {},
      })
      return viewAnswer(created)
    }),
  },
  {
    method: 'GET',
    path: '/namespaces/{namespace}/views/{view}',
    role: 'read',
    about: { summary: 'Loads a view', answer: viewShown, refusals: [404] },
    handle: ofViews(async (views, request) => {
      const loaded = await views.loadView(viewParam(request))
      if (loaded === undefined) throw noSuchView(viewParam(request))
      return viewAnswer(loaded)
    }),
  },
  {
    method: 'HEAD',
    path: '/namespaces/{namespace}/views/{view}',
    role: 'read',
    about: { summary: 'Tells whether a view exists', refusals: [404] },
    handle: ofViews(async (views, request) => {
      const view = viewParam(request)
      if (!(await views.viewExists(view))) throw noSuchView(view)
      return noContent
    }),
  },
  {
    method: 'POST',
    path: '/namespaces/{namespace}/views/{view}',
    role: 'write',
    about: {
      summary: 'Changes a view',
      body: commitViewBody,
      answer: viewShown,
      refusals: [404, 409],
    },
    isCommit: true,
    handle: ofViews(async (views, request) => {
      const { requirements, updates } = checkBody(commitViewBody, request.body)
      const view = await views.commitView({
        identifier: viewParam(request),
        requirements: requirements satisfies readonly ViewRequirement[],
        updates: updates as unknown as readonly ViewUpdate[],
      })
      return viewAnswer(view)
    }),
  },
  {
    method: 'DELETE',
    path: '/namespaces/{namespace}/views/{view}',
    role: 'admin',
    about: { summary: 'Drops a view', refusals: [404] },
    handle: ofViews(async (views, request) => {
      await views.dropView(viewParam(request))
      return noContent
    }),
  },
  {
    method: 'POST',
    path: '/views/rename',
    role: 'admin',
    about: { summary: 'Renames a view', body: renameBody, refusals: [404, 409] },
    handle: ofViews(async (views, { body }) => {
      const { source, destination } = checkBody(renameBody, body)
      await views.renameView(source, destination)
      return noContent
    }),
  },
  {
    method: 'POST',
    path: '/namespaces/{namespace}/register-view',
    role: 'admin',
    about: {
      summary: 'Makes a view of a metadata file that is there already',
      body: registerViewBody,
      answer: viewShown,
      refusals: [404, 409],
    },
    handle: ofViews(async (views, request) => {
      const body = checkBody(registerViewBody, request.body)
      const view = { namespace: namespaceParam(request), name: body.name }
      const location = body['metadata-location']
      return viewAnswer(await registerFile(location, () => views.registerView(view, location)))
    }),
  },
]

function ofViews(handle: ViewHandler): RestRoute['handle'] {
  return async (catalog: ServedCatalog, request) => {
    // These routes are not made for a catalog without views.
    if (catalog.views === undefined) throw noSuchView(viewParam(request))
    return handle(catalog.views, request)
  }
}

import { z } from 'zod'

import type { Properties } from './catalog.ts'
import { noSuchNamespace, refuse } from './catalog-errors.ts'
import { answer, noContent } from './rest-server-answers.ts'
import { namespaceList, namespaceShown, propertiesChanged } from './rest-server-bodies.ts'
import { nextPage, pageOf, pageQuery } from './rest-server-pages.ts'
import { namespaceParam, readNamespace, type RestRoute } from './rest-server-route.ts'
import { checkBody, namespace as namespaceLevels, properties } from './rest-server-schemas.ts'
import type { ServedCatalog } from './served-catalog.ts'

export const createNamespaceBody = z.object({
  namespace: namespaceLevels,
  properties: properties.nullish(),
})

export const updatePropertiesBody = z.object({
  removals: z.array(z.string()).nullish(),
  updates: properties.nullish(),
})

/** Routes of namespaces. */
export const namespaceRoutes: readonly RestRoute[] = [
  {
    method: 'GET',
    path: '/namespaces',
    role: 'read',
    about: {
      summary: 'Lists the namespaces right below a parent, or the uppermost ones',
      query: { parent: 'Levels joined by %1F or a dot', ...pageQuery },
      answer: namespaceList,
      refusals: [404],
    },
    handle: async (catalog, request) => {
      const parent = request.query['parent'] ?? ''
      const list = await childNamespaces(catalog, parent === '' ? [] : readNamespace(parent))
      const page = pageOf(list, (namespace) => namespace.join('.'), request)
      return answer({ namespaces: page.items, ...nextPage(page) })
    },
  },
  {
    method: 'POST',
    path: '/namespaces',
    role: 'admin',
    about: {
      summary: 'Creates a namespace',
      body: createNamespaceBody,
      answer: namespaceShown,
      refusals: [409],
    },
    handle: async (catalog, { body }) => {
      const wanted = checkBody(createNamespaceBody, body)
      await catalog.createNamespace(wanted.namespace, wanted.properties ?? {})
      return answer({
        namespace: wanted.namespace,
        properties: await existing(catalog, wanted.namespace),
      })
    },
  },
  {
    method: 'GET',
    path: '/namespaces/{namespace}',
    role: 'read',
    about: {
      summary: 'Shows a namespace and its properties, its location always among them',
      answer: namespaceShown,
      refusals: [404],
    },
    handle: async (catalog, request) => {
      const namespace = namespaceParam(request)
      return answer({ namespace, properties: await existing(catalog, namespace) })
    },
  },
  {
    method: 'HEAD',
    path: '/namespaces/{namespace}',
    role: 'read',
    about: { summary: 'Tells whether a namespace exists', refusals: [404] },
    handle: async (catalog, request) => {
      await existing(catalog, namespaceParam(request))
      return noContent
    },
  },
  {
    method: 'DELETE',
    path: '/namespaces/{namespace}',
    role: 'admin',
    about: { summary: 'Drops a namespace that is empty', refusals: [404, 409] },
    handle: async (catalog, request) => {
      await catalog.dropNamespace(namespaceParam(request))
      return noContent
    },
  },
  {
    method: 'POST',
    path: '/namespaces/{namespace}/properties',
    role: 'admin',
    about: {
      summary: 'Sets and removes properties of a namespace',
      body: updatePropertiesBody,
      answer: propertiesChanged,
      refusals: [404, 422],
    },
    handle: async (catalog, request) => {
      const body = checkBody(updatePropertiesBody, request.body)
      const removals = [...new Set(body.removals ?? [])]
      const updates = body.updates ?? {}
      const both = removals.filter((key) => key in updates)
      if (both.length > 0) {
        throw refuse(
          'UnprocessableEntityException',
          `Cannot set and remove the same keys: ${both.join(', ')}. Nothing was changed; ` +
            'name each key once.',
        )
      }
      const namespace = namespaceParam(request)
      return answer(await catalog.updateNamespaceProperties(namespace, removals, updates))
    },
  },
]

async function existing(catalog: ServedCatalog, namespace: readonly string[]): Promise<Properties> {
  const found = await catalog.loadNamespace(namespace)
  if (found === undefined) throw noSuchNamespace(namespace)
  return found
}

/** The namespaces right below `parent`; a level that only deeper ones name counts too. */
async function childNamespaces(
  catalog: ServedCatalog,
  parent: readonly string[],
): Promise<readonly (readonly string[])[]> {
  if (parent.length > 0) await existing(catalog, parent)
  const children = new Map<string, readonly string[]>()
  for (const namespace of await catalog.listNamespaces()) {
    const isBelow = parent.every((level, index) => namespace[index] === level)
    if (!isBelow || namespace.length <= parent.length) continue
    const child = namespace.slice(0, parent.length + 1)
    children.set(child.join('.'), child)
  }
  return [...children.values()]
}

import { z } from 'zod'

import type { Properties } from './catalog.ts'
import { noSuchNamespace, refuse } from './catalog-errors.ts'
import { answer, noContent } from './rest-server-answers.ts'
import { namespaceParam, readNamespace, type RestRoute } from './rest-server-route.ts'
import { checkBody, properties } from './rest-server-schemas.ts'
import type { ServedCatalog } from './served-catalog.ts'

const createNamespaceBody = z.object({
  namespace: z.array(z.string()),
  properties: properties.nullish(),
})

const updatePropertiesBody = z.object({
  removals: z.array(z.string()).nullish(),
  updates: properties.nullish(),
})

/** Routes of namespaces. Lists are never cut into pages: a lake has few of them. */
export const namespaceRoutes: readonly RestRoute[] = [
  {
    method: 'GET',
    path: '/namespaces',
    handle: async (catalog, { query }) => {
      const parent = query['parent'] ?? ''
      return answer({
        namespaces: await childNamespaces(catalog, parent === '' ? [] : readNamespace(parent)),
      })
    },
  },
  {
    method: 'POST',
    path: '/namespaces',
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
    handle: async (catalog, request) => {
      const namespace = namespaceParam(request)
      return answer({ namespace, properties: await existing(catalog, namespace) })
    },
  },
  {
    method: 'HEAD',
    path: '/namespaces/{namespace}',
    handle: async (catalog, request) => {
      await existing(catalog, namespaceParam(request))
      return noContent
    },
  },
  {
    method: 'DELETE',
    path: '/namespaces/{namespace}',
    handle: async (catalog, request) => {
      await catalog.dropNamespace(namespaceParam(request))
      return noContent
    },
  },
  {
    method: 'POST',
    path: '/namespaces/{namespace}/properties',
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

import type { Catalog } from './catalog.ts'
import { noSuchNamespace, refusalOf } from './catalog-errors.ts'
import { checkNamespaceName } from './check-names.ts'
import { namespaceBody, namespacesBody, propertyChangesBody } from './rest-catalog-replies.ts'
import type { RestClient } from './rest-client.ts'
import { isAddressable } from './rest-client-paths.ts'
import { readPages } from './rest-catalog-pages.ts'

type NamespaceMethods = Pick<
  Catalog,
  | 'listNamespaces'
  | 'createNamespace'
  | 'loadNamespace'
  | 'updateNamespaceProperties'
  | 'dropNamespace'
>

const NAMESPACE = '/v1/{prefix}/namespaces/{namespace}'

/** Namespaces inside of namespaces deeper than this are not looked for. */
const DEPTH_MAX = 16

/** The namespace methods of a REST catalog. */
export function restNamespaceMethods(client: RestClient): NamespaceMethods {
  const { paths } = client
  return {
    listNamespaces: () => listNamespaces(client, [], 0),
    createNamespace: async (namespace, properties = {}) => {
      checkNamespaceName(namespace)
      await client.call({
        method: 'POST',
        path: paths.root('namespaces'),
        endpoint: 'POST /v1/{prefix}/namespaces',
        what: `The creation of namespace ${namespace.join('.')}`,
        body: { namespace, properties },
      })
    },
    loadNamespace: (namespace) => loadNamespace(client, namespace),
    updateNamespaceProperties: async (namespace, removals, updates) => {
      if (!isAddressable(namespace)) throw noSuchNamespace(namespace)
      const changed = await client.read(
        {
          method: 'POST',
          path: paths.namespace(namespace, 'properties'),
          endpoint: `POST ${NAMESPACE}/properties`,
          what: `The change of namespace ${namespace.join('.')}`,
          body: { removals, updates },
        },
        propertyChangesBody,
      )
      const { updated, removed, missing } = changed
      return { updated, removed, missing }
    },
    dropNamespace: async (namespace) => {
      if (!isAddressable(namespace)) throw noSuchNamespace(namespace)
      await client.call({
        method: 'DELETE',
        path: paths.namespace(namespace),
        endpoint: `DELETE ${NAMESPACE}`,
        what: `The drop of namespace ${namespace.join('.')}`,
      })
    },
  }
}

/** A catalog lists one level at a time, so each namespace is asked for those inside of it. */
async function listNamespaces(
  client: RestClient,
  parent: readonly string[],
  depth: number,
): Promise<readonly (readonly string[])[]> {
  const children = await readPages(
    client,
    {
      method: 'GET',
      path: client.paths.root('namespaces'),
      endpoint: 'GET /v1/{prefix}/namespaces',
      what: 'The list of namespaces',
      ...(parent.length === 0 ? {} : { query: { parent: client.paths.joined(parent) } }),
    },
    namespacesBody,
    (page) => page.namespaces,
  )
  // A catalog that knows no levels may answer with the same list whatever the parent is.
  const below = children.filter((child) => {
    const isBelow = parent.every((level, index) => child[index] === level)
    return isBelow && child.length === parent.length + 1
  })
  const found: (readonly string[])[] = []
  for (const child of below) {
    found.push(child)
    if (depth < DEPTH_MAX) found.push(...(await listNamespaces(client, child, depth + 1)))
  }
  return found
}

async function loadNamespace(
  client: RestClient,
  namespace: readonly string[],
): Promise<Readonly<Record<string, string>> | undefined> {
  if (!isAddressable(namespace)) return undefined
  try {
    const body = await client.read(
      {
        method: 'GET',
        path: client.paths.namespace(namespace),
        endpoint: `GET ${NAMESPACE}`,
        what: `The load of namespace ${namespace.join('.')}`,
      },
      namespaceBody,
    )
    return body.properties
  } catch (error) {
    if (refusalOf(error) === 'NoSuchNamespaceException') return undefined
    throw error
  }
}

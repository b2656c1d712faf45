import { joinLocation, schemeOf } from '../file-io/location.ts'
import type { Properties } from './catalog.ts'
import type { CatalogParts } from './catalog-parts.ts'
import { checkNamespaceName, folderNameOf } from './check-names.ts'
import type { ServedCatalog } from './served-catalog.ts'

type NamespaceMethods = Pick<
  ServedCatalog,
  | 'listNamespaces'
  | 'createNamespace'
  | 'loadNamespace'
  | 'updateNamespaceProperties'
  | 'dropNamespace'
>

/** The namespace methods of the embedded catalog. */
export function namespaceMethods(parts: CatalogParts): NamespaceMethods {
  const { namespaces } = parts
  return {
    listNamespaces: async () => namespaces.list(),
    createNamespace: async (namespace, properties = {}) => {
      checkNamespaceName(namespace)
      const location = locationIn(properties) ?? defaultLocation(parts, namespace)
      namespaces.create(namespace, { ...properties, location })
    },
    loadNamespace: async (namespace) => {
      const properties = namespaces.load(namespace)
      if (properties === undefined) return undefined
      return { location: defaultLocation(parts, namespace), ...properties }
    },
    updateNamespaceProperties: async (namespace, removals, updates) => {
      const location = locationIn(updates)
      const checked = location === undefined ? updates : { ...updates, location }
      return namespaces.update(namespace, removals, checked)
    },
    dropNamespace: async (namespace) => namespaces.drop(namespace),
  }
}

/** Where a namespace's tables lie that name no location. Undefined: there is no such namespace. */
export function namespaceLocation(
  parts: CatalogParts,
  namespace: readonly string[],
): string | undefined {
  const properties = parts.namespaces.load(namespace)
  if (properties === undefined) return undefined
  return properties['location'] ?? defaultLocation(parts, namespace)
}

function defaultLocation(parts: CatalogParts, namespace: readonly string[]): string {
  return joinLocation(parts.warehouse, ...namespace.map(folderNameOf))
}

/** The location that a caller asks for, without a slash at its end; refused without a scheme. */
function locationIn(properties: Properties): string | undefined {
  const location = properties['location']?.replace(/(?<=[^/:])\/+$/, '')
  if (location !== undefined) schemeOf(location)
  return location
}

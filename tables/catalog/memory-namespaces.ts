import { joinLocation, schemeOf } from '../file-io/location.ts'
import type { Catalog } from './catalog.ts'
import { namespaceExists, namespaceNotEmpty, noSuchNamespace } from './catalog-errors.ts'
import { checkNamespaceName, folderNameOf } from './check-names.ts'
import type { MemoryParts } from './memory-pointers.ts'

type NamespaceMethods = Pick<
  Catalog,
  | 'listNamespaces'
  | 'createNamespace'
  | 'loadNamespace'
  | 'updateNamespaceProperties'
  | 'dropNamespace'
>

export function memoryNamespaceMethods({ warehouse, pointers }: MemoryParts): NamespaceMethods {
  return {
    listNamespaces: async () => pointers.namespaces(),
    createNamespace: async (namespace, properties = {}) => {
      checkNamespaceName(namespace)
      if (properties['location'] !== undefined) schemeOf(properties['location'])
      if (pointers.propertiesOf(namespace) !== undefined) throw namespaceExists(namespace)
      const location = joinLocation(warehouse, ...namespace.map(folderNameOf))
      pointers.setNamespace(namespace, { location, ...properties })
    },
    loadNamespace: async (namespace) => pointers.propertiesOf(namespace),
    updateNamespaceProperties: async (namespace, removals, updates) => {
      const before = pointers.propertiesOf(namespace)
      if (before === undefined) throw noSuchNamespace(namespace)
      const kept = Object.entries(before).filter(([key]) => !removals.includes(key))
      pointers.setNamespace(namespace, { ...Object.fromEntries(kept), ...updates })
      return {
        updated: Object.keys(updates),
        removed: removals.filter((key) => key in before),
        missing: removals.filter((key) => !(key in before)),
      }
    },
    dropNamespace: async (namespace) => {
      if (pointers.propertiesOf(namespace) === undefined) throw noSuchNamespace(namespace)
      const isInside = (levels: readonly string[]): boolean => {
        return namespace.every((level, index) => levels[index] === level)
      }
      const hasChild = pointers
        .namespaces()
        .some((levels) => levels.length > namespace.length && isInside(levels))
      const hasTable = pointers.tables().some((table) => isInside(table.identifier.namespace))
      if (hasChild || hasTable) throw namespaceNotEmpty(namespace)
      pointers.removeNamespace(namespace)
    },
  }
}

import { SluiceError } from '../errors.ts'
import { type TableIdentifier, tableKey } from '../spec/table-identifier.ts'
import type { RestSettings } from './rest-client-config.ts'

/** The paths of a catalog's routes, below its URI. */
export interface RestPaths {
  /** `root('namespaces')`, `root('tables/rename')` */
  root(route: string): string
  namespace(namespace: readonly string[], route?: string): string
  /** `kind` is `tables` or `views`. */
  table(identifier: TableIdentifier, kind: 'tables' | 'views', route?: string): string
  /** A namespace as a query parameter has it (`parent=`); not encoded. */
  joined(namespace: readonly string[]): string
}

export function createRestPaths(settings: RestSettings): RestPaths {
  const start = settings.prefix === undefined ? '/v1' : `/v1/${settings.prefix}`
  const joined = (namespace: readonly string[]): string => {
    return namespace.join(settings.namespaceSeparator)
  }
  const namespacePath = (namespace: readonly string[]): string => {
    return `${start}/namespaces/${pathPart(joined(namespace), namespace.join('.'))}`
  }
  const below = (path: string, route: string | undefined): string => {
    return route === undefined ? path : `${path}/${route}`
  }
  return {
    root: (route) => `${start}/${route}`,
    namespace: (namespace, route) => below(namespacePath(namespace), route),
    table: (identifier, kind, route) => {
      const name = pathPart(identifier.name, tableKey(identifier))
      return below(`${namespacePath(identifier.namespace)}/${kind}/${name}`, route)
    },
    joined,
  }
}

/**
 * False where a name cannot be a part of a path: `..` and `.` are taken away by every reader of
 * URLs, even percent-encoded. No catalog can hold such a name.
 */
export function isAddressable(levels: readonly string[]): boolean {
  return levels.length > 0 && levels.every((level) => !/^\.{0,2}$/.test(level) && isWhole(level))
}

/** The same for a table's or a view's whole name. */
export function isAddressableName({ namespace, name }: TableIdentifier): boolean {
  return isAddressable(namespace) && isAddressable([name])
}

function pathPart(text: string, name: string): string {
  if (isAddressable([text])) return encodeURIComponent(text)
  throw new SluiceError(
    'invalid-input',
    `The name ${JSON.stringify(name)} cannot be sent to a catalog. Nothing was done; use another ` +
      'name.',
  )
}

/** Halves of characters cannot be encoded. */
function isWhole(text: string): boolean {
  return !/\p{Cs}/u.test(text)
}

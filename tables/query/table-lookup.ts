import type { Catalog, LoadedTable } from '../catalog/catalog.ts'
import type { LoadedView } from '../catalog/view-catalog.ts'
import { SluiceError } from '../errors.ts'
import { tableKey } from '../spec/table-identifier.ts'
import type { TableIdentifier } from '../spec/table-identifier.ts'
import { metadataTableNames } from './metadata-table.ts'

/** What a name of a statement is. */
export type FoundRelation =
  | { readonly kind: 'table'; readonly table: LoadedTable }
  | { readonly kind: 'view'; readonly view: LoadedView }

/** Finds tables by the names that a statement gives them. Loads each once. */
export interface TableLookup {
  /** Throws `invalid-input` for a name that is no table, or of several. */
  load(namespace: readonly string[], name: string): Promise<LoadedTable>
  /** A table or a view. Throws `invalid-input` for a name that is neither, or of several. */
  find(namespace: readonly string[], name: string): Promise<FoundRelation>
  /** Every table of the catalog, in order of its name. */
  loadAll(): Promise<readonly LoadedTable[]>
  /** Every view; none where the catalog has no views. */
  loadAllViews(): Promise<readonly LoadedView[]>
}

export function createTableLookup(catalog: Catalog): TableLookup {
  const tables = createLoader((identifier) => catalog.loadTable(identifier))
  const views = createLoader(async (identifier) => catalog.views?.loadView(identifier))
  const listedTables = once(() => list(catalog, (namespace) => catalog.listTables(namespace)))
  const listedViews = once(() =>
    list(catalog, async (n) => (await catalog.views?.listViews(n)) ?? []),
  )
  const loadTable = async (namespace: readonly string[], name: string) => {
    const identifier = chooseIdentifier(await listedTables(), namespace, name)
    return identifier === undefined ? undefined : tables(identifier)
  }
  return {
    load: async (namespace, name) => {
      const exact = namespace.length === 0 ? undefined : await tables({ namespace, name })
      const table = exact ?? (await loadTable(namespace, name))
      if (table !== undefined) return table
      throw noSuchTable([...namespace, name].join('.'))
    },
    find: async (namespace, name) => {
      const exact = namespace.length === 0 ? undefined : await tables({ namespace, name })
      if (exact !== undefined) return { kind: 'table', table: exact }
      const exactView = namespace.length === 0 ? undefined : await views({ namespace, name })
      if (exactView !== undefined) return { kind: 'view', view: exactView }
      const all = [...(await listedTables()), ...(await listedViews())]
      const identifier = chooseIdentifier(all, namespace, name)
      const table = identifier === undefined ? undefined : await tables(identifier)
      if (table !== undefined) return { kind: 'table', table }
      const view = identifier === undefined ? undefined : await views(identifier)
      if (view !== undefined) return { kind: 'view', view }
      throw noSuchTable([...namespace, name].join('.'))
    },
    loadAll: async () => inOrder(await Promise.all((await listedTables()).map(tables))),
    loadAllViews: async () => inOrder(await Promise.all((await listedViews()).map(views))),
  }
}

function createLoader<T>(
  load: (identifier: TableIdentifier) => Promise<T | undefined>,
): (identifier: TableIdentifier) => Promise<T | undefined> {
  const loaded = new Map<string, T>()
  return async (identifier) => {
    const key = tableKey(identifier)
    const found = loaded.get(key) ?? (await load(identifier))
    if (found !== undefined) loaded.set(key, found)
    return found
  }
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => (made ??= make())
}

function inOrder<T extends { readonly identifier: TableIdentifier }>(
  loaded: readonly (T | undefined)[],
): readonly T[] {
  return loaded
    .filter((each) => each !== undefined)
    .sort((a, b) => (tableKey(a.identifier) < tableKey(b.identifier) ? -1 : 1))
}

async function list(
  catalog: Catalog,
  of: (namespace: readonly string[]) => Promise<readonly TableIdentifier[]>,
): Promise<readonly TableIdentifier[]> {
  return (await Promise.all((await catalog.listNamespaces()).map(of))).flat()
}

/** SQL names have no case; a bare name means the only table of that name. */
function chooseIdentifier(
  identifiers: readonly TableIdentifier[],
  namespace: readonly string[],
  name: string,
): TableIdentifier | undefined {
  const written = [...namespace, name].join('.')
  const found = identifiers.filter((identifier) =>
    namespace.length === 0
      ? identifier.name.toLowerCase() === name.toLowerCase()
      : tableKey(identifier).toLowerCase() === written.toLowerCase(),
  )
  if (found.length < 2) return found[0]
  throw new SluiceError(
    'invalid-input',
    `"${written}" may be ${found.map(tableKey).join(' or ')}. Nothing was read. ` +
      'Write the name with its namespace.',
  )
}

const aboutNames = metadataTableNames.map((name) => `$${name}`).join(', ')

function noSuchTable(written: string): SluiceError {
  return new SluiceError(
    'invalid-input',
    `There is no table ${written}. Nothing was read. SHOW TABLES lists the tables` +
      (written.includes('$') ? `; about each it has ${aboutNames}.` : '.'),
  )
}

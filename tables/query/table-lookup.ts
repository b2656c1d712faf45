import type { Catalog, LoadedTable } from '../catalog/catalog.ts'
import { SluiceError } from '../errors.ts'
import { tableKey } from '../spec/table-identifier.ts'
import type { TableIdentifier } from '../spec/table-identifier.ts'
import { metadataTableNames } from './metadata-table.ts'

/** Finds tables by the names that a statement gives them. Loads each once. */
export interface TableLookup {
  /** Throws `invalid-input` for a name that is no table, or of several. */
  load(namespace: readonly string[], name: string): Promise<LoadedTable>
  /** Every table of the catalog, in order of its name. */
  loadAll(): Promise<readonly LoadedTable[]>
}

export function createTableLookup(catalog: Catalog): TableLookup {
  const loaded = new Map<string, LoadedTable>()
  let identifiers: Promise<readonly TableIdentifier[]> | undefined
  const list = (): Promise<readonly TableIdentifier[]> => (identifiers ??= listTables(catalog))
  const loadOne = async (identifier: TableIdentifier): Promise<LoadedTable | undefined> => {
    const key = tableKey(identifier)
    const table = loaded.get(key) ?? (await catalog.loadTable(identifier))
    if (table !== undefined) loaded.set(key, table)
    return table
  }
  return {
    load: async (namespace, name) => {
      if (namespace.length > 0) {
        const exact = await loadOne({ namespace, name })
        if (exact !== undefined) return exact
      }
      const table = await loadOne(chooseTable(await list(), namespace, name))
      if (table !== undefined) return table
      throw noSuchTable([...namespace, name].join('.'))
    },
    loadAll: async () => {
      const tables = await Promise.all((await list()).map(loadOne))
      return tables
        .filter((table) => table !== undefined)
        .sort((a, b) => (tableKey(a.identifier) < tableKey(b.identifier) ? -1 : 1))
    },
  }
}

async function listTables(catalog: Catalog): Promise<readonly TableIdentifier[]> {
  const namespaces = await catalog.listNamespaces()
  const lists = await Promise.all(namespaces.map((namespace) => catalog.listTables(namespace)))
  return lists.flat()
}

/** SQL names have no case; a bare name means the only table of that name. */
function chooseTable(
  identifiers: readonly TableIdentifier[],
  namespace: readonly string[],
  name: string,
): TableIdentifier {
  const written = [...namespace, name].join('.')
  const found = identifiers.filter((identifier) =>
    namespace.length === 0
      ? identifier.name.toLowerCase() === name.toLowerCase()
      : tableKey(identifier).toLowerCase() === written.toLowerCase(),
  )
  const [only] = found
  if (only === undefined) throw noSuchTable(written)
  if (found.length === 1) return only
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

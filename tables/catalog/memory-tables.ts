import { nowMs } from '../clock.ts'
import { joinLocation } from '../file-io/location.ts'
import { createTableMetadata } from '../spec/create-table-metadata.ts'
import type { TableIdentifier } from '../spec/table-identifier.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'
import type { Catalog, CreateTableRequest, LoadedTable } from './catalog.ts'
import { noSuchNamespace, noSuchTable, tableExists } from './catalog-errors.ts'
import { checkTableName, folderNameOf } from './check-names.ts'
import type { MemoryParts } from './memory-pointers.ts'

type TableMethods = Pick<
  Catalog,
  | 'listTables'
  | 'loadTable'
  | 'tableExists'
  | 'createTable'
  | 'stageTable'
  | 'registerTable'
  | 'renameTable'
  | 'dropTable'
  | 'purgeTable'
>

export function memoryTableMethods(parts: MemoryParts): TableMethods {
  const { pointers, metadataFiles } = parts
  const drop = (identifier: TableIdentifier): LoadedTable => {
    const table = pointers.find(identifier)
    if (table === undefined) throw noSuchTable(identifier)
    pointers.remove(identifier)
    return table
  }
  return {
    listTables: async (namespace) => {
      requireNamespace(parts, namespace)
      const wanted = JSON.stringify(namespace)
      return pointers
        .tables()
        .map((table) => table.identifier)
        .filter((identifier) => JSON.stringify(identifier.namespace) === wanted)
    },
    loadTable: async (identifier) => pointers.find(identifier),
    tableExists: async (identifier) => pointers.find(identifier) !== undefined,
    createTable: async (identifier, request) => {
      const metadata = newMetadata(parts, identifier, request)
      const metadataLocation = metadataFiles.nextLocation(metadata, undefined)
      await metadataFiles.write(metadataLocation, metadata)
      return insert(parts, { identifier, metadataLocation, metadata })
    },
    stageTable: async (identifier, request) => newMetadata(parts, identifier, request),
    registerTable: async (identifier, metadataLocation, options = {}) => {
      checkTableName(identifier)
      requireNamespace(parts, identifier.namespace)
      const { overwrite = false } = options
      if (!overwrite && pointers.find(identifier) !== undefined) throw tableExists(identifier)
      const metadata = await metadataFiles.load(metadataLocation, { mustBeThere: true })
      const table = { identifier, metadataLocation, metadata }
      if (!overwrite) return insert(parts, table)
      pointers.set(table)
      return table
    },
    renameTable: async (from, to) => {
      checkTableName(to)
      const table = pointers.find(from)
      if (table === undefined) throw noSuchTable(from)
      requireNamespace(parts, to.namespace)
      if (pointers.find(to) !== undefined) throw tableExists(to)
      pointers.remove(from)
      pointers.set({ ...table, identifier: to })
    },
    dropTable: async (identifier) => {
      drop(identifier)
    },
    purgeTable: async (identifier) => {
      const { metadata } = drop(identifier)
      for await (const file of parts.fileIO.list(metadata.location)) {
        await parts.fileIO.delete(file.location)
      }
    },
  }
}

/** Another creator may have come while the metadata file was written. */
function insert({ pointers, metadataFiles }: MemoryParts, table: LoadedTable): LoadedTable {
  if (pointers.find(table.identifier) !== undefined) {
    void metadataFiles.remove([table.metadataLocation])
    throw tableExists(table.identifier)
  }
  pointers.set(table)
  return table
}

function newMetadata(
  parts: MemoryParts,
  identifier: TableIdentifier,
  request: CreateTableRequest,
): TableMetadata {
  checkTableName(identifier)
  const properties = requireNamespace(parts, identifier.namespace)
  if (parts.pointers.find(identifier) !== undefined) throw tableExists(identifier)
  const parent = properties['location'] ?? parts.warehouse
  return createTableMetadata({
    uuid: parts.ids.uuid(),
    location: request.location ?? joinLocation(parent, folderNameOf(identifier.name)),
    schema: request.schema,
    partitionSpec: request.partitionSpec,
    sortOrder: request.sortOrder,
    properties: request.properties ?? {},
    formatVersion: request.formatVersion ?? 2,
    nowMs: nowMs(parts.clock),
  })
}

function requireNamespace(
  { pointers }: MemoryParts,
  namespace: readonly string[],
): Readonly<Record<string, string>> {
  const properties = pointers.propertiesOf(namespace)
  if (properties === undefined) throw noSuchNamespace(namespace)
  return properties
}

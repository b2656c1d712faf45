import { nowMs } from '../clock.ts'
import { joinLocation, schemeOf } from '../file-io/location.ts'
import { createTableMetadata } from '../spec/create-table-metadata.ts'
import type { TableIdentifier } from '../spec/table-identifier.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'
import type { CreateTableRequest, LoadedTable } from './catalog.ts'
import { isMissingFile, noSuchNamespace, tableExists } from './catalog-errors.ts'
import type { CatalogParts } from './catalog-parts.ts'
import { checkTableName, folderNameOf } from './check-names.ts'
import { commitTables } from './commit-tables.ts'
import { namespaceLocation } from './embedded-namespaces.ts'
import { loadPointed } from './load-pointed.ts'
import type { LoadOptions } from './metadata-files.ts'
import { insertPointer, renamePointer } from './named-pointers.ts'
import { purgeFiles } from './purge-files.ts'
import { createSerialQueue } from './serial-queue.ts'
import type { ServedCatalog } from './served-catalog.ts'
import { writeThenPoint } from './write-then-point.ts'

type TableMethods = Pick<
  ServedCatalog,
  | 'listTables'
  | 'loadTable'
  | 'tableExists'
  | 'createTable'
  | 'stageTable'
  | 'registerTable'
  | 'renameTable'
  | 'dropTable'
  | 'purgeTable'
  | 'commitTransaction'
>

/** Commits of this process that may wait for their turn. */
const MAX_WAITING_COMMITS = 1_000

/** The table methods of the embedded catalog. */
export function tableMethods(parts: CatalogParts): TableMethods {
  const { pointers, namespaces } = parts
  // In one process commits take turns: they would only make each other lose.
  const takeTurn = createSerialQueue(MAX_WAITING_COMMITS)
  const load = (identifier: TableIdentifier, options?: LoadOptions) =>
    loadPointed(pointers, parts.metadataFiles, identifier, options)
  return {
    listTables: async (namespace) => {
      if (!namespaces.exists(namespace)) throw noSuchNamespace(namespace)
      return pointers.list(namespace)
    },
    loadTable: load,
    tableExists: async (identifier) => pointers.find(identifier) !== undefined,
    createTable: (identifier, request) => createTable(parts, identifier, request),
    stageTable: (identifier, request) => stageTable(parts, identifier, request),
    registerTable: (identifier, location, options = {}) =>
      registerTable(parts, identifier, location, options.overwrite ?? false),
    renameTable: async (from, to) => renamePointer(parts, pointers, from, to),
    dropTable: async (identifier) => pointers.remove(identifier),
    purgeTable: (identifier) => purgeTable(parts, identifier),
    commitTransaction: (commits) =>
      takeTurn(() => commitTables({ ...parts, loadTable: load }, commits)),
  }
}

async function createTable(
  parts: CatalogParts,
  identifier: TableIdentifier,
  request: CreateTableRequest,
): Promise<LoadedTable> {
  const metadata = newMetadata(parts, identifier, request)
  const metadataLocation = parts.metadataFiles.nextLocation(metadata, undefined)
  await writeThenPoint(parts.metadataFiles, [{ location: metadataLocation, metadata }], () => {
    insertPointer(parts, parts.pointers, identifier, metadataLocation)
    return true
  })
  return { identifier, metadataLocation, metadata }
}

async function stageTable(
  parts: CatalogParts,
  identifier: TableIdentifier,
  request: CreateTableRequest,
): Promise<TableMetadata> {
  const metadata = newMetadata(parts, identifier, request)
  if (schemeOf(metadata.location) === 'file') {
    // DuckDB writes its manifests there next and makes no folders: a file that comes and goes
    // leaves the folder behind.
    const folder = parts.metadataFiles.folderOf(metadata)
    const probe = joinLocation(folder, `.staged-${metadata['table-uuid']}`)
    await parts.fileIO.write(probe, new Uint8Array())
    await parts.fileIO.delete(probe)
  }
  return metadata
}

function newMetadata(
  parts: CatalogParts,
  identifier: TableIdentifier,
  request: CreateTableRequest,
): TableMetadata {
  checkTableName(identifier)
  const parent = namespaceLocation(parts, identifier.namespace)
  if (parent === undefined) throw noSuchNamespace(identifier.namespace)
  parts.pointers.checkIsFree(identifier)
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

async function registerTable(
  parts: CatalogParts,
  identifier: TableIdentifier,
  metadataLocation: string,
  overwrite: boolean,
): Promise<LoadedTable> {
  checkTableName(identifier)
  if (!parts.namespaces.exists(identifier.namespace)) throw noSuchNamespace(identifier.namespace)
  const from = parts.pointers.find(identifier)
  if (from === undefined || !overwrite) parts.pointers.checkIsFree(identifier)
  const metadata = await parts.metadataFiles.load(metadataLocation, { mustBeThere: true })
  if (!parts.pointers.swap([{ identifier, from, to: metadataLocation }])) {
    throw tableExists(identifier)
  }
  return { identifier, metadataLocation, metadata }
}

async function purgeTable(parts: CatalogParts, identifier: TableIdentifier): Promise<void> {
  const { pointers, metadataFiles } = parts
  const loaded = await loadPointed(pointers, metadataFiles, identifier).catch((error: unknown) => {
    // A table whose metadata is lost can be dropped all the same; its files stay.
    if (isMissingFile(error)) return undefined
    throw error
  })
  pointers.remove(identifier)
  if (loaded !== undefined) await purgeFiles(parts, loaded.metadata)
}

import { nowMs } from '../clock.ts'
import { applyViewUpdates, checkViewRequirements } from '../commit/apply-view-updates.ts'
import { createViewMetadata } from '../commit/create-view-metadata.ts'
import { SluiceError } from '../errors.ts'
import { joinLocation, schemeOf } from '../file-io/location.ts'
import { type TableIdentifier, tableKey } from '../spec/table-identifier.ts'
import type { ViewMetadata } from '../spec/view-metadata.ts'
import { noSuchNamespace, noSuchView } from './catalog-errors.ts'
import type { CatalogParts } from './catalog-parts.ts'
import { checkTableName, folderNameOf } from './check-names.ts'
import { namespaceLocation } from './embedded-namespaces.ts'
import { loadPointed } from './load-pointed.ts'
import { checkNamespace, insertPointer, renamePointer } from './named-pointers.ts'
import type { CreateViewRequest, LoadedView, ViewCatalog, ViewCommit } from './view-catalog.ts'
import { writeThenPoint } from './write-then-point.ts'

/** How often a change is made again whose view another process changed meanwhile. */
const MAX_ATTEMPTS = 20

/** The views of the embedded catalog: pointers and metadata files like those of tables. */
export function viewMethods(parts: CatalogParts): ViewCatalog {
  const { viewPointers } = parts
  return {
    listViews: async (namespace) => {
      checkNamespace(parts, namespace)
      return viewPointers.list(namespace)
    },
    // Seldom asked for, and by engines that open the file themselves.
    loadView: (identifier) =>
      loadPointed(viewPointers, parts.viewFiles, identifier, { mustBeThere: true }),
    viewExists: async (identifier) => viewPointers.find(identifier) !== undefined,
    createView: (identifier, request) => createView(parts, identifier, request),
    commitView: (commit) => commitView(parts, commit),
    dropView: async (identifier) => viewPointers.remove(identifier),
    renameView: async (from, to) => renamePointer(parts, viewPointers, from, to),
    registerView: async (identifier, metadataLocation) => {
      checkTableName(identifier)
      checkNamespace(parts, identifier.namespace)
      viewPointers.checkIsFree(identifier)
      const metadata = await parts.viewFiles.load(metadataLocation, { mustBeThere: true })
      insertPointer(parts, viewPointers, identifier, metadataLocation)
      return { identifier, metadataLocation, metadata }
    },
  }
}

async function createView(
  parts: CatalogParts,
  identifier: TableIdentifier,
  request: CreateViewRequest,
): Promise<LoadedView> {
  const metadata = newMetadata(parts, identifier, request)
  const metadataLocation = parts.viewFiles.nextLocation(metadata, undefined)
  await writeThenPoint(parts.viewFiles, [{ location: metadataLocation, metadata }], () => {
    insertPointer(parts, parts.viewPointers, identifier, metadataLocation)
    return true
  })
  return { identifier, metadataLocation, metadata }
}

function newMetadata(
  parts: CatalogParts,
  identifier: TableIdentifier,
  request: CreateViewRequest,
): ViewMetadata {
  checkTableName(identifier)
  const parent = namespaceLocation(parts, identifier.namespace)
  if (parent === undefined) throw noSuchNamespace(identifier.namespace)
  parts.viewPointers.checkIsFree(identifier)
  const location = request.location ?? joinLocation(parent, folderNameOf(identifier.name))
  schemeOf(location)
  return createViewMetadata({
    uuid: parts.ids.uuid(),
    location,
    schema: request.schema,
    version: request.version,
    properties: request.properties ?? {},
    nowMs: nowMs(parts.clock),
  })
}

/** Where another process was faster, the updates are applied again to the newer view. */
async function commitView(parts: CatalogParts, commit: ViewCommit): Promise<LoadedView> {
  const { identifier, requirements, updates } = commit
  const { viewFiles, viewPointers } = parts
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
    const current = await loadPointed(viewPointers, viewFiles, identifier)
    if (current === undefined) throw noSuchView(identifier)
    checkViewRequirements(current.metadata, requirements)
    const options = { nowMs: nowMs(parts.clock) }
    const metadata = applyViewUpdates(current.metadata, updates, options)
    if (metadata === current.metadata) return current
    const from = current.metadataLocation
    const location = viewFiles.nextLocation(metadata, from)
    const isVisible = await writeThenPoint(viewFiles, [{ location, metadata }], () =>
      viewPointers.swap([{ identifier, from, to: location }]),
    )
    if (isVisible) return { identifier, metadataLocation: location, metadata }
  }
  throw new SluiceError(
    'commit-conflict',
    `Other writers changed ${tableKey(identifier)} in each of ${MAX_ATTEMPTS} attempts. Nothing ` +
      'was committed; try again.',
    { isRetryable: true },
  )
}

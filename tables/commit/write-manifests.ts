import { SluiceError } from '../errors.ts'
import type { Manifest, ManifestEntry } from '../spec/manifest.ts'
import { schemaOfSpec } from '../spec/partition-type.ts'
import type { Snapshot } from '../spec/snapshot.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'
import { entriesKey } from '../scan/manifest-cache.ts'
import { encodeManifest, manifestOf, withRowIds } from '../write/manifest-file.ts'
import { encodeManifestList } from '../write/manifest-list.ts'
import type { ManifestDraft } from './compose-manifests.ts'
import type { ManifestReader } from './snapshot-manifests.ts'

export interface NewManifestFile {
  readonly metadata: TableMetadata
  readonly draft: ManifestDraft
  readonly snapshotId: bigint
  readonly sequenceNumber: number
  readonly path: string
}

/** Writes a manifest and remembers its entries, so that it is never read back by its writer. */
export async function writeManifestDraft(
  store: ManifestReader,
  request: NewManifestFile,
): Promise<Manifest> {
  const { metadata, draft, snapshotId, sequenceNumber, path } = request
  const spec = metadata['partition-specs'].find(
    (candidate) => candidate['spec-id'] === draft.specId,
  )
  const schema = spec === undefined ? undefined : schemaOfSpec(metadata, spec)
  if (schema === undefined || spec === undefined) throw unknownSpec(request)
  const bytes = encodeManifest({
    schema,
    spec,
    entries: draft.entries,
    content: draft.content,
    formatVersion: metadata['format-version'],
    snapshotId,
  })
  await store.fileIO.write(path, bytes)
  const entries = draft.entries.map((entry) => inherited(entry, snapshotId, sequenceNumber))
  store.manifestCache.putEntries(path, entries)
  const { content } = draft
  const length = bytes.length
  return manifestOf(entries, { path, length, schema, spec, content, snapshotId, sequenceNumber })
}

/** The lines of a manifest list, with the row ids that the snapshot assigns. */
export interface NumberedManifests {
  readonly manifests: readonly Manifest[]
  /** Row ids taken from the table's next one on. */
  readonly addedRowCount: number
}

/**
 * Gives every data manifest that has no first row id the next free ones, one for each live row in
 * it (a file in it that has its own leaves some unused). From then on the manifest keeps it.
 * Without `nextRowId` the table has no row ids.
 * Source: https://iceberg.apache.org/spec/#first-row-id-assignment
 */
export function numberManifests(
  manifests: readonly Manifest[],
  nextRowId: number | undefined,
): NumberedManifests {
  if (nextRowId === undefined) return { manifests, addedRowCount: 0 }
  let next = nextRowId
  const numbered = manifests.map((manifest) => {
    if (manifest.content !== 'data' || manifest.firstRowId !== undefined) return manifest
    const firstRowId = next
    next += manifest.addedRowsCount + manifest.existingRowsCount
    return { ...manifest, firstRowId }
  })
  return { manifests: numbered, addedRowCount: next - nextRowId }
}

export interface NewManifestListFile {
  readonly path: string
  readonly metadata: TableMetadata
  readonly snapshotId: bigint
  readonly parentSnapshotId: bigint | undefined
  readonly sequenceNumber: number
}

/** The members of a snapshot that say where its manifests are, and which row ids it assigned. */
export type SnapshotManifests = Pick<Snapshot, 'manifest-list' | 'first-row-id' | 'added-rows'>

/** Writes a manifest list and remembers it. In format version 3 it numbers the rows first. */
export async function writeManifestList(
  store: ManifestReader,
  manifests: readonly Manifest[],
  request: NewManifestListFile,
): Promise<SnapshotManifests> {
  const { path, metadata } = request
  const formatVersion = metadata['format-version']
  const firstRowId = formatVersion < 3 ? undefined : (metadata['next-row-id'] ?? 0)
  const numbered = numberManifests(manifests, firstRowId)
  const bytes = encodeManifestList({
    manifests: numbered.manifests,
    snapshotId: request.snapshotId,
    parentSnapshotId: request.parentSnapshotId,
    sequenceNumber: request.sequenceNumber,
    firstRowId,
    formatVersion,
  })
  await store.fileIO.write(path, bytes)
  for (const [index, manifest] of numbered.manifests.entries()) {
    if (manifest !== manifests[index]) rememberNumbered(store, manifest)
  }
  store.manifestCache.putManifests(path, numbered.manifests)
  if (firstRowId === undefined) return { 'manifest-list': path }
  const addedRows = numbered.addedRowCount
  return { 'manifest-list': path, 'first-row-id': firstRowId, 'added-rows': addedRows }
}

/** What was remembered before its rows had ids. */
function rememberNumbered({ manifestCache }: ManifestReader, manifest: Manifest): void {
  const held = manifestCache.getEntries(manifest.manifestPath)
  if (held === undefined) return
  manifestCache.putEntries(entriesKey(manifest), withRowIds(held, manifest))
}

/** An entry as a reader sees it: what it leaves out comes from its snapshot. */
function inherited(
  entry: ManifestEntry,
  snapshotId: bigint,
  sequenceNumber: number,
): ManifestEntry {
  return {
    ...entry,
    snapshotId: entry.snapshotId ?? snapshotId,
    sequenceNumber: entry.sequenceNumber ?? sequenceNumber,
    fileSequenceNumber: entry.fileSequenceNumber ?? sequenceNumber,
  }
}

function unknownSpec(request: NewManifestFile): SluiceError {
  return new SluiceError(
    'invalid-input',
    `A file has partition spec ${request.draft.specId}, which the table at ` +
      `${request.metadata.location} does not have. Nothing was committed. Write the file again ` +
      "with one of the table's specs.",
  )
}

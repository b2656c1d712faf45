import { SluiceError } from '../errors.ts'
import type { Manifest, ManifestEntry } from '../spec/manifest.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'
import { encodeManifest, manifestOf } from '../write/manifest-file.ts'
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
  const schema = metadata.schemas.find(
    (candidate) => candidate['schema-id'] === metadata['current-schema-id'],
  )
  const spec = metadata['partition-specs'].find(
    (candidate) => candidate['spec-id'] === draft.specId,
  )
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

export interface NewManifestListFile {
  readonly path: string
  readonly metadata: TableMetadata
  readonly snapshotId: bigint
  readonly parentSnapshotId: bigint | undefined
  readonly sequenceNumber: number
}

/** Writes a manifest list and remembers it. */
export async function writeManifestList(
  store: ManifestReader,
  manifests: readonly Manifest[],
  request: NewManifestListFile,
): Promise<void> {
  const bytes = encodeManifestList({
    manifests,
    snapshotId: request.snapshotId,
    parentSnapshotId: request.parentSnapshotId,
    sequenceNumber: request.sequenceNumber,
    formatVersion: request.metadata['format-version'],
  })
  await store.fileIO.write(request.path, bytes)
  store.manifestCache.putManifests(request.path, manifests)
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

import { SluiceError } from '../errors.ts'
import type { FileIO } from '../file-io/file-io.ts'
import type {
  DataFile,
  DeleteFile,
  EqualityDelete,
  Manifest,
  ManifestEntry,
} from '../spec/manifest.ts'
import type { Schema } from '../spec/schema.ts'
import type { Snapshot } from '../spec/snapshot.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'
import { currentSchema, schemaById, specById } from '../write/current-layout.ts'
import { bindPredicates } from './column-predicate.ts'
import type { BoundPredicate, ColumnPredicate } from './column-predicate.ts'
import { createDeleteIndex } from './delete-index.ts'
import type { LiveDelete } from './delete-index.ts'
import type { ManifestCache } from './manifest-cache.ts'
import { fileMayMatch } from './prune-files.ts'
import { manifestMayMatch, partitionMayMatch, projectFilter } from './prune-partitions.ts'
import type { PartitionFilter } from './prune-partitions.ts'
import { createManifestReader } from './read-manifests.ts'

export type { ColumnPredicate, PredicateValue } from './column-predicate.ts'

export interface ScanRequest {
  readonly fileIO: FileIO
  readonly metadata: TableMetadata
  /** Default: the current snapshot, read with the current schema. */
  readonly snapshotId?: bigint
  readonly filter?: readonly ColumnPredicate[]
  readonly manifestCache?: ManifestCache
}

export interface ScanTask {
  readonly file: DataFile
  readonly dataSequenceNumber: number
  /** Every delete file that applies. */
  readonly deletes: readonly DeleteFile[]
  /** Those of them that compare values: their own sequence numbers decide for which rows. */
  readonly equalityDeletes: readonly LiveDelete<EqualityDelete>[]
  /** The snapshot that added the data file; it may have expired since. */
  readonly addedBy: bigint | null
}

export interface ScanPlan {
  /** Of the table that is read: its specs, older schemas and properties count too. */
  readonly metadata: TableMetadata
  /** Of the snapshot that is read: an old snapshot keeps the columns that it had. */
  readonly schema: Schema
  /** Undefined for a table without a snapshot. */
  readonly snapshotId: bigint | undefined
  readonly tasks: readonly ScanTask[]
  /** Manifests that the filter did not leave out, whether from the cache or the store. */
  readonly manifestsRead: number
  readonly filesPlanned: number
  /** Bytes of manifest lists and manifests that came from the store. */
  readonly metadataBytesRead: number
}

/**
 * Finds the data files of a snapshot that may hold rows of a filter, with their delete files.
 * Files are left out by manifest summaries, partition values, bounds and null counts, never more
 * than these prove. Throws `invalid-input` for an unknown snapshot or column.
 */
export async function planScan(request: ScanRequest): Promise<ScanPlan> {
  const { metadata } = request
  const snapshot = snapshotOf(request)
  const schema = schemaOf(request, snapshot)
  const predicates = bindPredicates(schema, request.filter ?? [])
  if (snapshot === undefined) return emptyPlan(metadata, schema)
  const reader = createManifestReader(request.fileIO, metadata, request.manifestCache)
  const filters = createPartitionFilters(metadata, predicates)
  const kept = (await reader.readManifests(snapshot)).filter(
    (manifest) =>
      manifest.addedFilesCount + manifest.existingFilesCount > 0 &&
      manifestMayMatch(manifest, filters(manifest.partitionSpecId)),
  )
  const read = async (content: Manifest['content']): Promise<readonly ManifestEntry[]> => {
    const loaded = await reader.readEntries(kept.filter((manifest) => manifest.content === content))
    return loaded.flat().filter((entry) => entry.status !== 'deleted')
  }
  const dataEntries = (await read('data')).filter(({ file }) =>
    partitionMayMatch(file.partition, filters(file.specId)),
  )
  const index = createDeleteIndex(await read('deletes'), metadata['partition-specs'])
  const tasks = dataEntries.flatMap(({ file, sequenceNumber, snapshotId }): readonly ScanTask[] => {
    if (file.content !== 'data' || !fileMayMatch(file, predicates, filters(file.specId))) return []
    const dataSequenceNumber = sequenceNumber ?? 0
    const live = index.deletesFor(file, dataSequenceNumber)
    return [
      {
        file,
        dataSequenceNumber,
        deletes: live.map((one) => one.file),
        equalityDeletes: live.flatMap(equalityDelete),
        addedBy: snapshotId,
      },
    ]
  })
  return {
    metadata,
    schema,
    snapshotId: snapshot['snapshot-id'],
    tasks,
    manifestsRead: kept.length,
    filesPlanned: tasks.length,
    metadataBytesRead: reader.bytesRead,
  }
}

/** One projection a spec, made when the first file of it is met. */
function createPartitionFilters(
  metadata: TableMetadata,
  predicates: readonly BoundPredicate[],
): (specId: number) => PartitionFilter {
  const filters = new Map<number, PartitionFilter>()
  return (specId) => {
    const known = filters.get(specId)
    if (known !== undefined) return known
    const filter = projectFilter(specById(metadata, specId), predicates)
    filters.set(specId, filter)
    return filter
  }
}

function snapshotOf({ metadata, snapshotId }: ScanRequest): Snapshot | undefined {
  const wanted = snapshotId ?? metadata['current-snapshot-id']
  if (wanted === undefined) return undefined
  const found = metadata.snapshots.find((snapshot) => snapshot['snapshot-id'] === wanted)
  if (found !== undefined) return found
  throw new SluiceError(
    'invalid-input',
    `The table at ${metadata.location} has no snapshot ${wanted}: it expired or never was. ` +
      'Nothing was read. Choose one of the snapshots that the table still holds.',
    { context: { snapshotId: wanted } },
  )
}

function schemaOf(request: ScanRequest, snapshot: Snapshot | undefined): Schema {
  const schemaId = snapshot?.['schema-id']
  // The head is read with the current schema: columns may have come since its snapshot.
  if (request.snapshotId === undefined || schemaId === undefined) {
    return currentSchema(request.metadata)
  }
  return schemaById(request.metadata, schemaId)
}

function emptyPlan(metadata: TableMetadata, schema: Schema): ScanPlan {
  return {
    metadata,
    schema,
    snapshotId: undefined,
    tasks: [],
    manifestsRead: 0,
    filesPlanned: 0,
    metadataBytesRead: 0,
  }
}

function equalityDelete({
  file,
  sequenceNumber,
}: LiveDelete): readonly LiveDelete<EqualityDelete>[] {
  return file.content === 'equality-deletes' ? [{ file, sequenceNumber }] : []
}

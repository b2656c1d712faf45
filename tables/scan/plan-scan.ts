import { SluiceError } from '../errors.ts'
import type { FileIO } from '../file-io/file-io.ts'
import type { DataFile, Manifest, ManifestEntry, PositionDelete } from '../spec/manifest.ts'
import type { Schema } from '../spec/schema.ts'
import type { Snapshot } from '../spec/snapshot.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'
import { currentSchema, schemaById, specById } from '../write/current-layout.ts'
import { bindPredicates } from './column-predicate.ts'
import type { BoundPredicate, ColumnPredicate } from './column-predicate.ts'
import { createDeleteIndex } from './delete-index.ts'
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
  readonly deletes: readonly PositionDelete[]
}

export interface ScanPlan {
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
  if (snapshot === undefined) return emptyPlan(schema)
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
  const deletes = createDeleteIndex(await read('deletes'))
  const tasks = dataEntries.flatMap(({ file, sequenceNumber }): readonly ScanTask[] => {
    if (file.content !== 'data' || !fileMayMatch(file, predicates, filters(file.specId))) return []
    const dataSequenceNumber = sequenceNumber ?? 0
    return [
      {
        file: readable(file),
        dataSequenceNumber,
        deletes: deletes.deletesFor(file, dataSequenceNumber),
      },
    ]
  })
  return {
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

function emptyPlan(schema: Schema): ScanPlan {
  return {
    schema,
    snapshotId: undefined,
    tasks: [],
    manifestsRead: 0,
    filesPlanned: 0,
    metadataBytesRead: 0,
  }
}

function readable(file: DataFile): DataFile {
  const format: string = file.fileFormat
  if (format === 'PARQUET') return file
  throw new SluiceError(
    'unsupported',
    `The data file ${file.filePath} is ${format}; only Parquet can be read here. ` +
      'Nothing was read. Rewrite the table as Parquet with the engine that wrote it.',
  )
}

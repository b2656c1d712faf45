import type { LoadedTable } from '../catalog/catalog.ts'
import type { FileIO } from '../file-io/file-io.ts'
import type { ManifestCache } from '../scan/manifest-cache.ts'
import { createManifestReader } from '../scan/read-manifests.ts'
import { findSnapshot } from '../spec/cut-history.ts'
import { inspectEntries, inspectFiles } from './inspect-files.ts'
import { inspectManifests } from './inspect-manifests.ts'
import { inspectPartitions } from './inspect-partitions.ts'
import {
  inspectHistory,
  inspectMetadataLog,
  inspectProperties,
  inspectRefs,
  inspectSnapshots,
} from './inspect-snapshots.ts'
import type { MetadataTable, MetadataTableName } from './metadata-table.ts'

export interface InspectRequest {
  readonly table: LoadedTable
  readonly about: MetadataTableName
  /** For what tells of one snapshot; undefined = the table had none. */
  readonly snapshotId: bigint | undefined
  readonly fileIO: FileIO
  readonly manifestCache?: ManifestCache | undefined
}

/** Reads a metadata table. No data file is opened for it. */
export async function inspectTable(request: InspectRequest): Promise<MetadataTable> {
  const { table, about } = request
  switch (about) {
    case 'snapshots':
      return inspectSnapshots(table)
    case 'history':
      return inspectHistory(table)
    case 'refs':
      return inspectRefs(table)
    case 'metadata_log_entries':
      return inspectMetadataLog(table)
    case 'properties':
      return inspectProperties(table)
    default:
      return inspectSnapshot(request, about)
  }
}

async function inspectSnapshot(
  { table: { metadata }, snapshotId, fileIO, manifestCache }: InspectRequest,
  about: 'files' | 'data_files' | 'delete_files' | 'entries' | 'manifests' | 'partitions',
): Promise<MetadataTable> {
  const snapshot = snapshotId === undefined ? undefined : findSnapshot(metadata, snapshotId)
  const reader = createManifestReader(fileIO, metadata, manifestCache)
  const manifests = snapshot === undefined ? [] : await reader.readManifests(snapshot)
  if (about === 'manifests') return inspectManifests(metadata, manifests)
  const entries = (await reader.readEntries(manifests)).flat()
  switch (about) {
    case 'files':
      return inspectFiles(metadata, entries)
    case 'data_files':
      return inspectFiles(
        metadata,
        entries.filter(({ file }) => file.content === 'data'),
      )
    case 'delete_files':
      return inspectFiles(
        metadata,
        entries.filter(({ file }) => file.content !== 'data'),
      )
    case 'entries':
      return inspectEntries(metadata, entries)
    case 'partitions':
      return inspectPartitions(metadata, entries)
  }
}

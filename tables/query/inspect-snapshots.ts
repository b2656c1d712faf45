import type { LoadedTable } from '../catalog/catalog.ts'
import { ancestors, findSnapshot } from '../spec/cut-history.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'
import { timeText } from '../spec/time-text.ts'
import type { MetadataTable } from './metadata-table.ts'

/** `$snapshots`: every snapshot that is kept, oldest first. */
export function inspectSnapshots({ metadata }: LoadedTable): MetadataTable {
  return {
    columns: [
      ['committed_at', 'TIMESTAMPTZ'],
      ['snapshot_id', 'BIGINT'],
      ['parent_id', 'BIGINT'],
      ['operation', 'VARCHAR'],
      ['manifest_list', 'VARCHAR'],
      ['summary', 'MAP(VARCHAR, VARCHAR)'],
    ],
    rows: metadata.snapshots.map((snapshot) => {
      const { operation, ...summary } = snapshot.summary
      return {
        committed_at: timeOf(snapshot['timestamp-ms']),
        snapshot_id: snapshot['snapshot-id'],
        parent_id: snapshot['parent-snapshot-id'] ?? null,
        operation,
        manifest_list: snapshot['manifest-list'],
        summary,
      }
    }),
  }
}

/** `$history`: what `main` named, and since when; expired snapshots too, as the log keeps them. */
export function inspectHistory({ metadata }: LoadedTable): MetadataTable {
  const current = new Set([...ancestors(metadata)].map((snapshot) => snapshot['snapshot-id']))
  return {
    columns: [
      ['made_current_at', 'TIMESTAMPTZ'],
      ['snapshot_id', 'BIGINT'],
      ['parent_id', 'BIGINT'],
      ['is_current_ancestor', 'BOOLEAN'],
    ],
    rows: metadata['snapshot-log'].map((entry) => ({
      made_current_at: timeOf(entry['timestamp-ms']),
      snapshot_id: entry['snapshot-id'],
      parent_id: findSnapshot(metadata, entry['snapshot-id'])?.['parent-snapshot-id'] ?? null,
      is_current_ancestor: current.has(entry['snapshot-id']),
    })),
  }
}

/** `$refs`: branches and tags. */
export function inspectRefs({ metadata }: LoadedTable): MetadataTable {
  return {
    columns: [
      ['name', 'VARCHAR'],
      ['type', 'VARCHAR'],
      ['snapshot_id', 'BIGINT'],
      ['max_reference_age_in_ms', 'BIGINT'],
      ['min_snapshots_to_keep', 'INTEGER'],
      ['max_snapshot_age_in_ms', 'BIGINT'],
    ],
    rows: Object.entries(metadata.refs).map(([name, ref]) => ({
      name,
      type: ref.type.toUpperCase(),
      snapshot_id: ref['snapshot-id'],
      max_reference_age_in_ms: ref['max-ref-age-ms'] ?? null,
      min_snapshots_to_keep: ref['min-snapshots-to-keep'] ?? null,
      max_snapshot_age_in_ms: ref['max-snapshot-age-ms'] ?? null,
    })),
  }
}

/** `$metadata_log_entries`: the metadata files that are kept, the present one last. */
export function inspectMetadataLog({ metadata, metadataLocation }: LoadedTable): MetadataTable {
  const files = [
    ...metadata['metadata-log'],
    { 'metadata-file': metadataLocation, 'timestamp-ms': metadata['last-updated-ms'] },
  ]
  return {
    columns: [
      ['timestamp', 'TIMESTAMPTZ'],
      ['file', 'VARCHAR'],
      ['latest_snapshot_id', 'BIGINT'],
      ['latest_schema_id', 'INTEGER'],
      ['latest_sequence_number', 'BIGINT'],
    ],
    rows: files.map((entry) => {
      const latest = snapshotAsOf(metadata, entry['timestamp-ms'])
      return {
        timestamp: timeOf(entry['timestamp-ms']),
        file: entry['metadata-file'],
        latest_snapshot_id: latest?.['snapshot-id'] ?? null,
        latest_schema_id: latest?.['schema-id'] ?? null,
        latest_sequence_number: latest?.['sequence-number'] ?? null,
      }
    }),
  }
}

/** `$properties`: the table's properties. */
export function inspectProperties({ metadata }: LoadedTable): MetadataTable {
  return {
    columns: [
      ['key', 'VARCHAR'],
      ['value', 'VARCHAR'],
    ],
    rows: Object.entries(metadata.properties).map(([key, value]) => ({ key, value })),
  }
}

function snapshotAsOf(metadata: TableMetadata, timestampMs: number) {
  const entry = metadata['snapshot-log'].findLast((line) => line['timestamp-ms'] <= timestampMs)
  return entry === undefined ? undefined : findSnapshot(metadata, entry['snapshot-id'])
}

function timeOf(timestampMs: number): string {
  return `${timeText(BigInt(timestampMs) * 1000n)}Z`
}

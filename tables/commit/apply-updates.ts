import type { TableMetadata } from '../spec/table-metadata.ts'
import type { TableUpdate } from '../spec/table-update.ts'
import {
  addPartitionSpec,
  addSortOrder,
  removePartitionSpecs,
  setDefaultPartitionSpec,
  setDefaultSortOrder,
} from './apply-layout-updates.ts'
import { addSchema, removeSchemas, setCurrentSchema } from './apply-schema-updates.ts'
import {
  addSnapshot,
  removeSnapshotRef,
  removeSnapshots,
  settledSnapshotLog,
  setSnapshotRef,
} from './apply-snapshot-updates.ts'
import {
  removePartitionStatistics,
  removeStatistics,
  setPartitionStatistics,
  setStatistics,
} from './apply-statistics-updates.ts'
import {
  addEncryptionKey,
  assignUuid,
  removeEncryptionKey,
  removeProperties,
  setLocation,
  setProperties,
  upgradeFormatVersion,
} from './apply-table-updates.ts'
import { checkLayout } from './check-layout.ts'
import { createDraft, emptyMetadata, invalidUpdate, type MetadataDraft } from './metadata-draft.ts'

export interface ApplyUpdatesOptions {
  /** Milliseconds since 1970 of the commit; a clock behind the table's last change is lifted. */
  readonly nowMs: number
  /** Where `metadata` was read from: it becomes the newest entry of the metadata log. */
  readonly metadataLocation?: string
}

/** How many metadata files the log keeps where the table does not say. */
export const DEFAULT_PREVIOUS_VERSIONS_MAX = 20

/**
 * The table after `updates`, in their order. Pure: `metadata` is not changed, and what no update
 * touched is the same object; where nothing changed the answer is `metadata` itself. Without
 * `metadata` the updates make a new table.
 *
 * Throws `invalid-input` (an update that is unknown or does not fit the table) and
 * `commit-conflict` (a snapshot made against an older state).
 * The rules are those of https://iceberg.apache.org/spec/ and of the reference implementation.
 */
export function applyUpdates(
  metadata: TableMetadata | undefined,
  updates: readonly TableUpdate[],
  options: ApplyUpdatesOptions,
): TableMetadata {
  const draft = createDraft(metadata ?? newTable(updates), options.nowMs)
  const start = draft.metadata
  for (const update of updates) applyUpdate(draft, update)
  if (metadata === undefined) checkIsWhole(draft)
  else if (draft.metadata === start) return metadata
  checkLayout(draft)
  return settle(draft, metadata, options.metadataLocation)
}

/** A new table starts at version 2, or at 1 where the updates name that: none can go back to it. */
function newTable(updates: readonly TableUpdate[]): TableMetadata {
  const isVersionOne = updates.some(
    (update) => update.action === 'upgrade-format-version' && update['format-version'] === 1,
  )
  return isVersionOne ? { ...emptyMetadata, 'format-version': 1 } : emptyMetadata
}

function applyUpdate(draft: MetadataDraft, update: TableUpdate): void {
  switch (update.action) {
    case 'assign-uuid':
      return assignUuid(draft, update.uuid)
    case 'upgrade-format-version':
      return upgradeFormatVersion(draft, update['format-version'])
    case 'add-schema':
      return addSchema(draft, update.schema, update['last-column-id'])
    case 'set-current-schema':
      return setCurrentSchema(draft, update['schema-id'])
    case 'remove-schemas':
      return removeSchemas(draft, update['schema-ids'])
    case 'add-spec':
      return addPartitionSpec(draft, update.spec)
    case 'set-default-spec':
      return setDefaultPartitionSpec(draft, update['spec-id'])
    case 'remove-partition-specs':
      return removePartitionSpecs(draft, update['spec-ids'])
    case 'add-sort-order':
      return addSortOrder(draft, update['sort-order'])
    case 'set-default-sort-order':
      return setDefaultSortOrder(draft, update['sort-order-id'])
    case 'set-location':
      return setLocation(draft, update.location)
    case 'set-properties':
      return setProperties(draft, update.updates)
    case 'remove-properties':
      return removeProperties(draft, update.removals)
    case 'add-encryption-key':
      return addEncryptionKey(draft, update['encryption-key'])
    case 'remove-encryption-key':
      return removeEncryptionKey(draft, update['key-id'])
    default:
      return applySnapshotUpdate(draft, update)
  }
}

type SnapshotUpdate = Extract<
  TableUpdate,
  { readonly action: `${string}snapshot${string}` | `${string}statistics` }
>

function applySnapshotUpdate(draft: MetadataDraft, update: SnapshotUpdate): void {
  switch (update.action) {
    case 'add-snapshot':
      return addSnapshot(draft, update.snapshot)
    case 'set-snapshot-ref':
      return setSnapshotRef(draft, update['ref-name'], update)
    case 'remove-snapshots':
      return removeSnapshots(draft, update['snapshot-ids'])
    case 'remove-snapshot-ref':
      return removeSnapshotRef(draft, update['ref-name'])
    case 'set-statistics':
      return setStatistics(draft, update.statistics)
    case 'remove-statistics':
      return removeStatistics(draft, update['snapshot-id'])
    case 'set-partition-statistics':
      return setPartitionStatistics(draft, update['partition-statistics'])
    case 'remove-partition-statistics':
      return removePartitionStatistics(draft, update['snapshot-id'])
    default:
      return refuseUnknown(update)
  }
}

/** Updates come from the network too: one that is not in the type must never be skipped. */
function refuseUnknown(update: never): never {
  const { action } = update as { readonly action?: unknown }
  throw invalidUpdate(`Unknown update action: ${String(action)}`)
}

/** What a new table must have been given, and what it may leave to its defaults. */
function checkIsWhole(draft: MetadataDraft): void {
  const table = draft.metadata
  const missing = [
    table['table-uuid'] === '' ? 'assign-uuid' : undefined,
    table.location === '' ? 'set-location' : undefined,
    table['current-schema-id'] < 0 ? 'set-current-schema' : undefined,
  ].filter((action) => action !== undefined)
  if (missing.length > 0) {
    throw invalidUpdate(`Cannot create a table: its updates lack ${missing.join(', ')}`)
  }
  if (table['default-spec-id'] < 0) {
    addPartitionSpec(draft, { 'spec-id': 0, fields: [] })
    setDefaultPartitionSpec(draft, -1)
  }
  if (table['default-sort-order-id'] < 0) {
    addSortOrder(draft, { 'order-id': 0, fields: [] })
    setDefaultSortOrder(draft, -1)
  }
}

/** The last fields, which follow from all updates together: the logs and the time. */
function settle(
  draft: MetadataDraft,
  base: TableMetadata | undefined,
  metadataLocation: string | undefined,
): TableMetadata {
  const snapshotLog = settledSnapshotLog(draft)
  const logEndMs = snapshotLog.at(-1)?.['timestamp-ms'] ?? 0
  return {
    ...draft.metadata,
    // Readers refuse a table whose last change is before the end of its log.
    'last-updated-ms': Math.max(draft.nowMs, logEndMs),
    'snapshot-log': snapshotLog,
    'metadata-log': metadataLogAfter(draft.metadata, base, metadataLocation),
  }
}

function metadataLogAfter(
  table: TableMetadata,
  base: TableMetadata | undefined,
  metadataLocation: string | undefined,
): TableMetadata['metadata-log'] {
  if (base === undefined || metadataLocation === undefined) return table['metadata-log']
  const entry = { 'metadata-file': metadataLocation, 'timestamp-ms': base['last-updated-ms'] }
  return [...table['metadata-log'], entry].slice(-previousVersionsMax(table))
}

function previousVersionsMax(table: TableMetadata): number {
  const text = table.properties['write.metadata.previous-versions-max'] ?? ''
  const count = /^\d+$/.test(text) ? Number(text) : DEFAULT_PREVIOUS_VERSIONS_MAX
  return Math.max(1, count)
}

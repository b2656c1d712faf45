import { SluiceError } from '../errors.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'

/**
 * Table metadata while updates are applied to it. `metadata` is replaced, never changed, so that
 * what did not change stays the same object (serialised snapshots are remembered by object).
 */
export interface MetadataDraft {
  metadata: TableMetadata
  /** Milliseconds since 1970 of this commit, never before the table's last change. */
  readonly nowMs: number
  lastAddedSchemaId: number | undefined
  lastAddedSpecId: number | undefined
  lastAddedSortOrderId: number | undefined
  readonly addedSnapshotIds: Set<bigint>
  /** Snapshots that `main` was set to in these updates. */
  readonly mainSnapshotIds: Set<bigint>
  hasRemovedSnapshots: boolean
}

/** Partition field ids start above it (spec: partition field ids). */
const LAST_PARTITION_ID_BEFORE_FIRST = 999

/** The start of a table that is made by a commit's updates (a staged create). */
export const emptyMetadata: TableMetadata = {
  'format-version': 2,
  'table-uuid': '',
  location: '',
  'last-sequence-number': 0,
  'last-updated-ms': 0,
  'last-column-id': 0,
  schemas: [],
  'current-schema-id': -1,
  'partition-specs': [],
  'default-spec-id': -1,
  'last-partition-id': LAST_PARTITION_ID_BEFORE_FIRST,
  'sort-orders': [],
  'default-sort-order-id': -1,
  properties: {},
  snapshots: [],
  refs: {},
  'snapshot-log': [],
  'metadata-log': [],
}

/** A draft of a table; of a new one where it is `emptyMetadata`. */
export function createDraft(metadata: TableMetadata, nowMs: number): MetadataDraft {
  return {
    metadata,
    nowMs: Math.max(nowMs, metadata['last-updated-ms']),
    lastAddedSchemaId: undefined,
    lastAddedSpecId: undefined,
    lastAddedSortOrderId: undefined,
    addedSnapshotIds: new Set(),
    mainSnapshotIds: new Set(),
    hasRemovedSnapshots: false,
  }
}

/** Replaces some fields of the draft's metadata. */
export function change(draft: MetadataDraft, fields: Partial<TableMetadata>): void {
  draft.metadata = { ...draft.metadata, ...fields }
}

/** What a wrong update throws: nothing of the commit is applied. */
export function invalidUpdate(what: string): SluiceError {
  return new SluiceError(
    'invalid-input',
    `${what}. Nothing was committed; load the table again and correct the updates.`,
  )
}

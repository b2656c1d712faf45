/** Source: https://iceberg.apache.org/spec/#snapshots */
export type SnapshotOperation = 'append' | 'replace' | 'overwrite' | 'delete'

/** String map; `operation` is required. Ours adds `sluice.cut` and `sluice.commit-token`. */
export interface SnapshotSummary {
  readonly operation: SnapshotOperation
  readonly [key: string]: string
}

export interface Snapshot {
  readonly 'snapshot-id': bigint
  readonly 'parent-snapshot-id'?: bigint
  readonly 'sequence-number': number
  readonly 'timestamp-ms': number
  readonly 'manifest-list': string
  readonly summary: SnapshotSummary
  readonly 'schema-id'?: number
  /** Format version 3: the first row id that this snapshot assigned, and how many it did. */
  readonly 'first-row-id'?: number
  readonly 'added-rows'?: number
  /** Format version 3: the key of the manifest list, where it is encrypted. */
  readonly 'key-id'?: string
}

/** Source: https://iceberg.apache.org/spec/#snapshot-references */
export interface SnapshotRef {
  readonly 'snapshot-id': bigint
  readonly type: 'branch' | 'tag'
  readonly 'min-snapshots-to-keep'?: number
  readonly 'max-snapshot-age-ms'?: number
  readonly 'max-ref-age-ms'?: number
}

export const MAIN_BRANCH = 'main'

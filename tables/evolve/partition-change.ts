import type { PartitionTransform } from '../spec/partition-spec.ts'

/** A change to a table's partition spec. Rows that are there stay in the partitions they have. */
export type PartitionChange =
  | {
      readonly op: 'add-field'
      /** Dotted path of a primitive column that is not inside of a list or map. */
      readonly column: string
      readonly transform: PartitionTransform
      /** Absent: the name that other engines give, `event_ts_day`, `symbol_bucket_16`. */
      readonly name?: string
    }
  | { readonly op: 'remove-field'; readonly name: string }
  | { readonly op: 'rename-field'; readonly name: string; readonly newName: string }

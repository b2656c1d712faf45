import type { PartitionTransform } from './partition-spec.ts'

/** Source: https://iceberg.apache.org/spec/#sort-orders */
export interface SortField {
  readonly transform: PartitionTransform
  readonly 'source-id': number
  readonly direction: 'asc' | 'desc'
  readonly 'null-order': 'nulls-first' | 'nulls-last'
}

export interface SortOrder {
  readonly 'order-id': number
  readonly fields: readonly SortField[]
}

/** Source: https://iceberg.apache.org/spec/#partition-specs */
export type PartitionTransform =
  | 'identity'
  | 'year'
  | 'month'
  | 'day'
  | 'hour'
  | 'void'
  | `bucket[${number}]`
  | `truncate[${number}]`

export interface PartitionField {
  readonly 'source-id': number
  readonly 'field-id': number
  readonly name: string
  readonly transform: PartitionTransform
}

export interface PartitionSpec {
  readonly 'spec-id': number
  readonly fields: readonly PartitionField[]
}

/** One value of a partition tuple: month and day are numbers since 1970. */
export type PartitionValue = boolean | number | bigint | string | Uint8Array | null

/** A partition tuple by partition field name. */
export type PartitionTuple = Readonly<Record<string, PartitionValue>>

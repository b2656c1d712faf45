/**
 * Schemas as the Iceberg specification writes them in JSON (wire names kept, so that the spec can
 * be read beside this file). Source: https://iceberg.apache.org/spec/#schemas-and-data-types
 */
export type PrimitiveType =
  | 'boolean'
  | 'int'
  | 'long'
  | 'float'
  | 'double'
  | 'date'
  | 'time'
  | 'timestamp'
  | 'timestamptz'
  | 'timestamp_ns'
  | 'timestamptz_ns'
  | 'string'
  | 'uuid'
  | 'binary'
  | 'unknown'
  | OpaqueType
  | `fixed[${number}]`
  | `decimal(${number},${number})`
  | `decimal(${number}, ${number})`

/**
 * Types of format version 3 that are kept in schemas, while no value of them is read or written
 * here. Coordinate reference systems are texts: `geography(srid:4326, spherical)`.
 */
export type OpaqueType =
  'variant' | 'geometry' | `geometry(${string})` | 'geography' | `geography(${string})`

export interface StructType {
  readonly type: 'struct'
  readonly fields: readonly SchemaField[]
}

export interface ListType {
  readonly type: 'list'
  readonly 'element-id': number
  readonly 'element-required': boolean
  readonly element: IcebergType
}

export interface MapType {
  readonly type: 'map'
  readonly 'key-id': number
  readonly key: IcebergType
  readonly 'value-id': number
  readonly 'value-required': boolean
  readonly value: IcebergType
}

export type IcebergType = PrimitiveType | StructType | ListType | MapType

export interface SchemaField {
  readonly id: number
  readonly name: string
  readonly required: boolean
  readonly type: IcebergType
  readonly doc?: string
  /** Format version 3: what rows hold that were written before the column was; JSON form. */
  readonly 'initial-default'?: unknown
  /** Format version 3: what a writer puts where it is given no value; JSON form. */
  readonly 'write-default'?: unknown
}

export interface Schema extends StructType {
  readonly 'schema-id': number
  readonly 'identifier-field-ids'?: readonly number[]
}

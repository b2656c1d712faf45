import { SluiceError } from '../errors.ts'
import type { PartitionSpec } from '../spec/partition-spec.ts'
import type { Schema } from '../spec/schema.ts'
import type { SortOrder } from '../spec/sort-order.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'

/** The schema that new files are written with. Throws `corrupt-data` where it is missing. */
export function currentSchema(metadata: TableMetadata): Schema {
  return schemaById(metadata, metadata['current-schema-id'])
}

export function schemaById(metadata: TableMetadata, schemaId: number): Schema {
  const schema = metadata.schemas.find((candidate) => candidate['schema-id'] === schemaId)
  return schema ?? missing(metadata, `schema ${schemaId}`)
}

export function defaultSpec(metadata: TableMetadata): PartitionSpec {
  return specById(metadata, metadata['default-spec-id'])
}

export function specById(metadata: TableMetadata, specId: number): PartitionSpec {
  const spec = metadata['partition-specs'].find((candidate) => candidate['spec-id'] === specId)
  return spec ?? missing(metadata, `partition spec ${specId}`)
}

export function defaultSortOrder(metadata: TableMetadata): SortOrder {
  const orderId = metadata['default-sort-order-id']
  const order = metadata['sort-orders'].find((candidate) => candidate['order-id'] === orderId)
  return order ?? { 'order-id': 0, fields: [] }
}

function missing(metadata: TableMetadata, what: string): never {
  throw new SluiceError(
    'corrupt-data',
    `The metadata of the table at ${metadata.location} names ${what} but does not hold it. ` +
      'Nothing was read or written. Roll the table back to an older metadata file.',
  )
}

import { SluiceError } from '../errors.ts'
import type { PartitionField, PartitionSpec } from './partition-spec.ts'
import { transformResultType } from './partition-transform.ts'
import { findFieldById } from './schema-fields.ts'
import type { IcebergType, PrimitiveType, StructType } from './schema.ts'

/** A partition field with the type of its values. */
export interface TypedPartitionField {
  readonly field: PartitionField
  readonly type: PrimitiveType
}

/**
 * The types of a spec's partition values. Throws `invalid-input` where a source column that
 * decides the type is not in the schema; time parts and buckets need no source column, so that an
 * old spec stays readable after its column was dropped.
 */
export function partitionType(
  schema: StructType,
  spec: PartitionSpec,
): readonly TypedPartitionField[] {
  return spec.fields.map((field) => {
    const source = findFieldById(schema, field['source-id'])?.type ?? fallback(field)
    return { field, type: transformResultType(field.transform, source) }
  })
}

function fallback(field: PartitionField): IcebergType {
  if (field.transform !== 'identity' && !field.transform.startsWith('truncate')) return 'int'
  throw new SluiceError(
    'invalid-input',
    `The partition field ${field.name} is made from column id ${field['source-id']}, which the ` +
      'schema does not have. Nothing was written; pass the schema that the spec was made for.',
  )
}

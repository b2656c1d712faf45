import { SluiceError } from '../errors.ts'
import type { PartitionField, PartitionSpec } from './partition-spec.ts'
import { transformResultType } from './partition-transform.ts'
import { findFieldById } from './schema-fields.ts'
import type { IcebergType, PrimitiveType, Schema, StructType } from './schema.ts'
import type { TableMetadata } from './table-metadata.ts'

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

/**
 * The schema that tells the types of a spec's partition values: the current one, or where it has
 * dropped a column that the spec was made of, the newest one that still has them all. Undefined
 * where the table has no current schema.
 */
export function schemaOfSpec(metadata: TableMetadata, spec: PartitionSpec): Schema | undefined {
  const { schemas, 'current-schema-id': currentId } = metadata
  const current = schemas.find((schema) => schema['schema-id'] === currentId)
  const hasSources = (schema: Schema) =>
    spec.fields.every((field) => findFieldById(schema, field['source-id']) !== undefined)
  if (current === undefined || hasSources(current)) return current
  return schemas.findLast(hasSources) ?? current
}

function fallback(field: PartitionField): IcebergType {
  if (field.transform !== 'identity' && !field.transform.startsWith('truncate')) return 'int'
  throw new SluiceError(
    'invalid-input',
    `The partition field ${field.name} is made from column id ${field['source-id']}, which the ` +
      'schema does not have. Nothing was written; pass the schema that the spec was made for.',
  )
}

import { FIRST_PARTITION_FIELD_ID } from './create-table-metadata.ts'

type Members = Readonly<Record<string, unknown>>

/**
 * Gives metadata of format version 1 the members that version 2 requires: lists in place of the
 * single `schema` and `partition-spec`, ids from where the specification starts them, sequence
 * number 0. The version itself stays 1.
 * Source: https://iceberg.apache.org/spec/#version-2 ("reading v1 metadata for v2")
 */
export function upgradeV1Metadata(raw: Members): Members {
  const { schema, 'partition-spec': partitionSpec, ...rest } = raw
  const specs = (raw['partition-specs'] ?? [
    { 'spec-id': 0, fields: partitionSpec ?? [] },
  ]) as readonly Members[]
  const numbered = specs.map(withFieldIds)
  return {
    ...rest,
    'last-sequence-number': 0,
    schemas: raw['schemas'] ?? (schema === undefined ? undefined : [{ 'schema-id': 0, ...schema }]),
    'current-schema-id': raw['current-schema-id'] ?? schemaIdOf(schema),
    'partition-specs': numbered,
    'default-spec-id': raw['default-spec-id'] ?? 0,
    'last-partition-id': raw['last-partition-id'] ?? highestPartitionFieldId(numbered),
    'sort-orders': raw['sort-orders'] ?? [{ 'order-id': 0, fields: [] }],
    'default-sort-order-id': raw['default-sort-order-id'] ?? 0,
  }
}

function schemaIdOf(schema: unknown): unknown {
  return (schema as Members | undefined)?.['schema-id'] ?? 0
}

/** Version 1 leaves partition field ids out; they count up from 1000 in each spec. */
function withFieldIds(spec: Members): Members {
  const fields = spec['fields'] as readonly Members[]
  return {
    ...spec,
    fields: fields.map((field, index) => ({
      ...field,
      'field-id': field['field-id'] ?? FIRST_PARTITION_FIELD_ID + index,
    })),
  }
}

function highestPartitionFieldId(specs: readonly Members[]): number {
  const ids = specs.flatMap((spec) =>
    (spec['fields'] as readonly Members[]).map((field) => Number(field['field-id'])),
  )
  return ids.reduce((highest, id) => Math.max(highest, id), FIRST_PARTITION_FIELD_ID - 1)
}

import { createHash } from 'node:crypto'

import { FIRST_PARTITION_FIELD_ID } from './create-table-metadata.ts'
import { isMembers, type Members } from './member-reader.ts'

/**
 * Gives metadata of format version 1 the members that version 2 requires: lists in place of the
 * single `schema` and `partition-spec`, ids from where the specification starts them, sequence
 * number 0. The version itself stays 1. What has the wrong form stays as it is: the reader names it.
 * Source: https://iceberg.apache.org/spec/#version-2 ("reading v1 metadata for v2")
 */
export function upgradeV1Metadata(raw: Members): Members {
  const { schema, 'partition-spec': partitionSpec, ...rest } = raw
  const specs = raw['partition-specs'] ?? [{ 'spec-id': 0, fields: partitionSpec ?? [] }]
  const numbered = Array.isArray(specs) ? specs.map(withFieldIds) : specs
  return {
    ...rest,
    'table-uuid': raw['table-uuid'] ?? uuidOf(String(raw['location'])),
    'last-sequence-number': 0,
    schemas: raw['schemas'] ?? (isMembers(schema) ? [{ 'schema-id': 0, ...schema }] : undefined),
    'current-schema-id': raw['current-schema-id'] ?? schemaIdOf(schema),
    'partition-specs': numbered,
    'default-spec-id': raw['default-spec-id'] ?? highest(numbered, specIdsOf, 0),
    'last-partition-id':
      raw['last-partition-id'] ?? highest(numbered, fieldIdsOf, FIRST_PARTITION_FIELD_ID - 1),
    'sort-orders': raw['sort-orders'] ?? [{ 'order-id': 0, fields: [] }],
    'default-sort-order-id': raw['default-sort-order-id'] ?? 0,
  }
}

/** Undefined where the file has no schema of its own: then it must say which one counts. */
function schemaIdOf(schema: unknown): unknown {
  return isMembers(schema) ? (schema['schema-id'] ?? 0) : undefined
}

/** Version 1 leaves partition field ids out; they count up from 1000 in each spec. */
function withFieldIds(spec: unknown): unknown {
  if (!isMembers(spec) || !Array.isArray(spec['fields'])) return spec
  const fields = (spec['fields'] as readonly unknown[]).map((field, index) =>
    isMembers(field) ? { 'field-id': FIRST_PARTITION_FIELD_ID + index, ...field } : field,
  )
  return { ...spec, fields }
}

function highest(
  specs: unknown,
  idsOf: (spec: Members) => readonly unknown[],
  start: number,
): number {
  const ids = Array.isArray(specs) ? specs.filter(isMembers).flatMap(idsOf) : []
  return ids.reduce<number>((most, id) => Math.max(most, Number(id)), start)
}

function specIdsOf(spec: Members): readonly unknown[] {
  return [spec['spec-id']]
}

function fieldIdsOf(spec: Members): readonly unknown[] {
  const { fields } = spec
  return Array.isArray(fields) ? fields.filter(isMembers).map((field) => field['field-id']) : []
}

/**
 * A table without an id gets one that follows from its place, so that every reader gives it the
 * same until a commit writes it down. Name-based (RFC 9562, version 8: no own name space).
 */
function uuidOf(location: string): string {
  const hex = createHash('sha256').update(location).digest('hex')
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 0x3) | 0x8).toString(16)
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-')
}

import { isDeepStrictEqual } from 'node:util'

import { highestFieldId, schemaIdList } from '../spec/schema-fields.ts'
import { schemaFaults } from '../spec/schema-rules.ts'
import type { Schema } from '../spec/schema.ts'
import { change, invalidUpdate, type MetadataDraft } from './metadata-draft.ts'

/**
 * Adds a schema under a new id, or finds the equal one that is there. The id that came with it is
 * not kept: ids are the catalog's to give, so that two writers cannot take the same one.
 */
export function addSchema(
  draft: MetadataDraft,
  schema: Schema,
  lastColumnId: number | undefined,
): void {
  const { schemas } = draft.metadata
  checkSchema(draft, schema)
  const lastId = draft.metadata['last-column-id']
  const highest = Math.max(lastId, lastColumnId ?? 0, highestFieldId(schema))

  const same = schemas.find((known) => isSameSchema(known, schema))
  const schemaId = same?.['schema-id'] ?? nextId(schemas.map((known) => known['schema-id']))
  draft.lastAddedSchemaId = schemaId
  if (same === undefined) {
    change(draft, { schemas: [...schemas, { ...schema, 'schema-id': schemaId }] })
  }
  if (highest > lastId) change(draft, { 'last-column-id': highest })
}

function checkSchema(draft: MetadataDraft, schema: Schema): void {
  const ids = schemaIdList(schema)
  const repeated = ids.find((id, index) => ids.indexOf(id) !== index)
  if (repeated !== undefined) throw invalidUpdate(`Schema uses field id ${repeated} twice`)
  const version = draft.metadata['format-version']
  const faults = schemaFaults(schema, version)
  if (faults.length > 0) throw invalidUpdate(`Invalid schema for v${version}: ${faults.join('; ')}`)
}

/** Makes a schema the current one; -1 is the one added last. */
export function setCurrentSchema(draft: MetadataDraft, schemaId: number): void {
  const id = schemaId === -1 ? draft.lastAddedSchemaId : schemaId
  if (id === undefined) {
    throw invalidUpdate('Cannot set last added schema: no schema has been added')
  }
  if (!draft.metadata.schemas.some((schema) => schema['schema-id'] === id)) {
    throw invalidUpdate(`Cannot set current schema to unknown schema: ${id}`)
  }
  if (id !== draft.metadata['current-schema-id']) change(draft, { 'current-schema-id': id })
}

export function removeSchemas(draft: MetadataDraft, schemaIds: readonly number[]): void {
  const removed = new Set(schemaIds)
  if (removed.has(draft.metadata['current-schema-id'])) {
    throw invalidUpdate('Cannot remove the current schema')
  }
  const { schemas } = draft.metadata
  const kept = schemas.filter((schema) => !removed.has(schema['schema-id']))
  if (kept.length < schemas.length) change(draft, { schemas: kept })
}

/** One more than the highest of `ids`; `first` where there is none. */
export function nextId(ids: readonly number[], first = 0): number {
  return Math.max(first - 1, ...ids) + 1
}

/** Equal fields and identifiers, whatever their ids in the table. */
export function isSameSchema(left: Schema, right: Schema): boolean {
  const identifiers = (schema: Schema): ReadonlySet<number> =>
    new Set(schema['identifier-field-ids'] ?? [])
  return (
    isDeepStrictEqual(left.fields, right.fields) &&
    isDeepStrictEqual(identifiers(left), identifiers(right))
  )
}

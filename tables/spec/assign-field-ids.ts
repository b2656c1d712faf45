import { schemaIdList } from './schema-fields.ts'
import type { IcebergType, Schema, SchemaField } from './schema.ts'

export interface AssignedSchema {
  readonly schema: Schema
  /** The new id of each id that the schema came with. */
  readonly newIds: ReadonlyMap<number, number>
}

/**
 * Field ids 1..n for a new table, in the order of the reference catalog: all fields of a struct
 * first, then what is nested in them. A schema whose ids already are 1..n, each once, keeps them.
 */
export function assignFieldIds(schema: Schema): AssignedSchema {
  const ids = schemaIdList(schema)
  if (areConsecutive(ids)) {
    return { schema, newIds: new Map(ids.map((id) => [id, id])) }
  }
  const newIds = new Map<number, number>()
  let last = 0
  const draw = (oldId: number) => {
    last += 1
    if (!newIds.has(oldId)) newIds.set(oldId, last)
    return last
  }
  const fields = assignFields(schema.fields, draw)
  const identifiers = schema['identifier-field-ids']
  const assigned: Schema = { ...schema, fields }
  if (identifiers === undefined) return { schema: assigned, newIds }
  const renamed = identifiers.map((id) => newIds.get(id) ?? id)
  return { schema: { ...assigned, 'identifier-field-ids': renamed }, newIds }
}

type Draw = (oldId: number) => number

function assignFields(fields: readonly SchemaField[], draw: Draw): readonly SchemaField[] {
  const ids = fields.map((field) => draw(field.id))
  return fields.map((field, index) => ({
    ...field,
    id: ids[index] ?? field.id,
    type: assignTypeIds(field.type, draw),
  }))
}

/** A type with the ids of its fields drawn anew: `draw` gets the old id and gives the new one. */
export function assignTypeIds(type: IcebergType, draw: (oldId: number) => number): IcebergType {
  if (typeof type === 'string') return type
  if (type.type === 'struct') return { ...type, fields: assignFields(type.fields, draw) }
  if (type.type === 'list') {
    const elementId = draw(type['element-id'])
    return { ...type, 'element-id': elementId, element: assignTypeIds(type.element, draw) }
  }
  const keyId = draw(type['key-id'])
  const valueId = draw(type['value-id'])
  const key = assignTypeIds(type.key, draw)
  return {
    ...type,
    'key-id': keyId,
    'value-id': valueId,
    key,
    value: assignTypeIds(type.value, draw),
  }
}

function areConsecutive(ids: readonly number[]): boolean {
  const distinct = new Set(ids)
  return distinct.size === ids.length && ids.every((id) => id >= 1 && id <= ids.length)
}

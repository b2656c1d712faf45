import type { IcebergType, SchemaField, StructType } from './schema.ts'

/** Schemas never change, so their index is built once. */
const indexes = new WeakMap<StructType, ReadonlyMap<number, SchemaField>>()

/**
 * Every field of a schema by id, nested ones too. The element of a list and the key and value of
 * a map come as fields named `element`, `key` and `value`.
 */
export function fieldsById(schema: StructType): ReadonlyMap<number, SchemaField> {
  const known = indexes.get(schema)
  if (known !== undefined) return known
  const index = new Map<number, SchemaField>()
  for (const field of schema.fields) addField(index, field)
  indexes.set(schema, index)
  return index
}

export function findFieldById(schema: StructType, fieldId: number): SchemaField | undefined {
  return fieldsById(schema).get(fieldId)
}

/** By name, exact case; a nested field by its dotted name (`order.price`, `levels.element`). */
export function findFieldByName(schema: StructType, name: string): SchemaField | undefined {
  const direct = schema.fields.find((field) => field.name === name)
  if (direct !== undefined) return direct
  for (const field of schema.fields) {
    if (!name.startsWith(`${field.name}.`)) continue
    const rest = name.slice(field.name.length + 1)
    const nested = findFieldByName({ type: 'struct', fields: childFields(field.type) }, rest)
    if (nested !== undefined) return nested
  }
  return undefined
}

/** All field ids, nested ones too, in the order in which the fields are met. */
export function schemaFieldIds(schema: StructType): readonly number[] {
  return [...fieldsById(schema).keys()]
}

/** Every field id with its repeats, which an index by id would hide. */
export function schemaIdList(schema: StructType): readonly number[] {
  return schema.fields.flatMap(idsBelow)
}

/** The largest field id, nested ones too; 0 for a schema without fields. */
export function highestFieldId(schema: StructType): number {
  return schemaFieldIds(schema).reduce((highest, id) => Math.max(highest, id), 0)
}

/** The fields directly below a type; none below a primitive. */
export function childFields(type: IcebergType): readonly SchemaField[] {
  if (typeof type === 'string') return []
  if (type.type === 'struct') return type.fields
  if (type.type === 'list') {
    const required = type['element-required']
    return [{ id: type['element-id'], name: 'element', required, type: type.element }]
  }
  return [
    { id: type['key-id'], name: 'key', required: true, type: type.key },
    { id: type['value-id'], name: 'value', required: type['value-required'], type: type.value },
  ]
}

function addField(index: Map<number, SchemaField>, field: SchemaField): void {
  index.set(field.id, field)
  for (const child of childFields(field.type)) addField(index, child)
}

function idsBelow(field: SchemaField): readonly number[] {
  return [field.id, ...childFields(field.type).flatMap(idsBelow)]
}

import type { IcebergType, Schema, SchemaField, StructType } from '../../../tables/spec/schema.ts'

/** A column of each nested kind, with members that can change. */
export const firstFields: readonly SchemaField[] = [
  optional(1, 'id', 'long'),
  optional(2, 'v', 'int'),
  optional(3, 's', 'string'),
  optional(4, 'n', {
    type: 'struct',
    fields: [optional(5, 'a', 'int'), optional(6, 'b', 'string')],
  }),
  optional(7, 'l', {
    type: 'list',
    'element-id': 8,
    'element-required': false,
    element: { type: 'struct', fields: [optional(9, 'q', 'int'), optional(10, 'r', 'string')] },
  }),
  optional(11, 'm', {
    type: 'map',
    'key-id': 12,
    key: 'string',
    'value-id': 13,
    'value-required': false,
    value: { type: 'struct', fields: [optional(14, 'w', 'int'), optional(15, 'x', 'string')] },
  }),
]

export function optional(id: number, name: string, type: IcebergType): SchemaField {
  return { id, name, required: false, type }
}

export type FieldChange = 'add' | 'drop' | 'rename' | 'promote' | 'reorder'

/**
 * One step of evolution in one of the schema's structs. `pick` chooses struct and field. A schema
 * that has nothing to change that way is given back as it is. Names of dropped fields are used
 * again where `reusesNames`: an engine that goes by names would bring old values back.
 */
export function changeSchema(
  schema: Schema,
  change: FieldChange,
  pick: number,
  options: { nextId: number; reusesNames: boolean; withDefaults: boolean },
): Schema {
  const structs = 1 + countStructs(schema.fields)
  const target = pick % structs
  let seen = -1
  const visit = (type: IcebergType): IcebergType => {
    if (typeof type === 'string') return type
    if (type.type === 'list') return { ...type, element: visit(type.element) }
    if (type.type === 'map') return { ...type, value: visit(type.value) }
    return visitStruct(type)
  }
  const visitStruct = (type: StructType): StructType => {
    seen += 1
    const fields =
      seen === target
        ? changeFields(type.fields, change, Math.floor(pick / structs), options)
        : type.fields
    return { ...type, fields: fields.map((field) => ({ ...field, type: visit(field.type) })) }
  }
  const { fields } = visitStruct(schema)
  return { ...schema, 'schema-id': schema['schema-id'] + 1, fields }
}

function changeFields(
  fields: readonly SchemaField[],
  change: FieldChange,
  pick: number,
  options: { nextId: number; reusesNames: boolean; withDefaults: boolean },
): readonly SchemaField[] {
  const at = pick % fields.length
  const chosen = fields[at]
  const { nextId } = options
  const free = ['a', 'b', 'q', 'r', 'v', 'w'].filter(
    (name) => !fields.some((field) => field.name === name),
  )
  const name = (options.reusesNames ? free[pick % free.length] : undefined) ?? `f${nextId}`
  switch (change) {
    case 'add': {
      const added = optional(nextId, name, pick % 2 === 0 ? 'int' : 'string')
      if (!options.withDefaults || pick % 3 === 0) return [...fields, added]
      return [...fields, { ...added, 'initial-default': added.type === 'int' ? 77 : "it's" }]
    }
    case 'drop':
      return fields.length < 2 || chosen?.id === 1 ? fields : fields.toSpliced(at, 1)
    case 'rename':
      return fields.map((field, index) => (index === at ? { ...field, name } : field))
    case 'promote':
      return fields.map((field) => (field.type === 'int' ? { ...field, type: 'long' } : field))
    case 'reorder':
      return [...fields.slice(at), ...fields.slice(0, at)]
  }
}

function countStructs(fields: readonly SchemaField[]): number {
  return fields.reduce((sum, { type }) => sum + structsOf(type), 0)
}

function structsOf(type: IcebergType): number {
  if (typeof type === 'string') return 0
  if (type.type === 'list') return structsOf(type.element)
  if (type.type === 'map') return structsOf(type.value)
  return 1 + countStructs(type.fields)
}

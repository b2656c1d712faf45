import type { IcebergType, SchemaField, StructType } from '../spec/schema.ts'
import type { ColumnPosition } from './schema-change.ts'
import { refused } from './metadata-change.ts'

/** Edits of a tree of fields. Pure: what an edit does not reach stays the same object. */

/** Replaces the field with this id, wherever it is; lists and maps take the type and the null. */
export function replaceField(
  fields: readonly SchemaField[],
  fieldId: number,
  edit: (field: SchemaField) => SchemaField,
): readonly SchemaField[] {
  return mapFields(fields, (field) =>
    field.id === fieldId
      ? edit(field)
      : withType(
          field,
          editBelow(field.type, (below) => replaceField(below, fieldId, edit)),
        ),
  )
}

/** The field list that holds this id, edited: to drop, add and move fields. */
export function editSiblings(
  fields: readonly SchemaField[],
  fieldId: number,
  edit: (siblings: readonly SchemaField[]) => readonly SchemaField[],
): readonly SchemaField[] {
  if (fields.some((field) => field.id === fieldId)) return edit(fields)
  return mapFields(fields, (field) =>
    withType(
      field,
      editStructs(field.type, (below) => editSiblings(below, fieldId, edit)),
    ),
  )
}

/** Puts a field among its siblings, after removing it from where it is. */
export function placeField(
  siblings: readonly SchemaField[],
  field: SchemaField,
  position: ColumnPosition,
): readonly SchemaField[] {
  const others = siblings.filter((sibling) => sibling.id !== field.id)
  if (position === 'first') return [field, ...others]
  if (position === 'last') return [...others, field]
  const isAfter = 'after' in position
  const name = isAfter ? position.after : position.before
  if (name === field.name) {
    throw refused(`Cannot move ${name} ${isAfter ? 'after' : 'before'} itself`)
  }
  const index = others.findIndex((sibling) => sibling.name === name)
  if (index === -1) {
    const side = isAfter ? 'after' : 'before'
    throw refused(`Cannot place ${field.name} ${side} ${name}, which is no column beside it`)
  }
  return others.toSpliced(isAfter ? index + 1 : index, 0, field)
}

function mapFields(
  fields: readonly SchemaField[],
  edit: (field: SchemaField) => SchemaField,
): readonly SchemaField[] {
  const edited = fields.map(edit)
  return edited.some((field, index) => field !== fields[index]) ? edited : fields
}

function withType(field: SchemaField, type: IcebergType): SchemaField {
  return type === field.type ? field : { ...field, type }
}

type EditFields = (fields: readonly SchemaField[]) => readonly SchemaField[]

/** Edits what is directly below a type: the element of a list stands as a field. */
function editBelow(type: IcebergType, edit: EditFields): IcebergType {
  if (typeof type === 'string') return type
  switch (type.type) {
    case 'struct':
      return structOf(type, edit(type.fields))
    case 'list': {
      const field = pseudoField(
        type['element-id'],
        'element',
        type['element-required'],
        type.element,
      )
      const [element = field] = edit([field])
      if (element === field) return type
      return { ...type, element: element.type, 'element-required': element.required }
    }
    case 'map': {
      const key = pseudoField(type['key-id'], 'key', true, type.key)
      const field = pseudoField(type['value-id'], 'value', type['value-required'], type.value)
      const [newKey = key, value = field] = edit([key, field])
      if (newKey === key && value === field) return type
      return { ...type, key: newKey.type, value: value.type, 'value-required': value.required }
    }
  }
}

/** As `editBelow`, but a list's element and a map's value are no siblings of anything. */
function editStructs(type: IcebergType, edit: EditFields): IcebergType {
  if (typeof type === 'string') return type
  if (type.type === 'struct') return structOf(type, edit(type.fields))
  return editBelow(type, (fields) =>
    mapFields(fields, (field) => withType(field, editStructs(field.type, edit))),
  )
}

function structOf(type: StructType, fields: readonly SchemaField[]): StructType {
  return fields === type.fields ? type : { ...type, fields }
}

function pseudoField(id: number, name: string, required: boolean, type: IcebergType): SchemaField {
  return { id, name, required, type }
}

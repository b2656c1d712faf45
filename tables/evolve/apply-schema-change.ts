import { assignTypeIds } from '../spec/assign-field-ids.ts'
import { isDefaultValue } from '../spec/default-value.ts'
import { normalizePrimitiveType } from '../spec/primitive-type.ts'
import { findFieldByName } from '../spec/schema-fields.ts'
import { parentsOf } from '../spec/schema-rules.ts'
import type { IcebergType, PrimitiveType, Schema, SchemaField } from '../spec/schema.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'
import { editSiblings, placeField, replaceField } from './edit-fields.ts'
import { refused } from './metadata-change.ts'
import type { SchemaChange } from './schema-change.ts'
import { isPromotionAllowed, promotionChangesPartition } from './type-promotion.ts'

/** A schema while changes are applied to it. `schema` is replaced, never changed. */
export interface SchemaDraft {
  readonly metadata: TableMetadata
  schema: Schema
  lastColumnId: number
}

type Change<Op extends SchemaChange['op']> = Extract<SchemaChange, { readonly op: Op }>

/** Throws `invalid-input` where the change breaks a rule. */
export function applySchemaChange(draft: SchemaDraft, change: SchemaChange): void {
  switch (change.op) {
    case 'add-column':
      return addColumn(draft, change)
    case 'drop-column':
      return dropColumn(draft, change.column)
    case 'rename-column':
      return renameColumn(draft, change.column, change.name)
    case 'move-column':
      return moveColumn(draft, change)
    case 'widen-column':
      return widenColumn(draft, change.column, change.type)
    case 'make-optional': {
      const field = columnOf(draft, change.column, 'make optional')
      return editColumn(draft, field, { required: false })
    }
    case 'set-doc': {
      const field = columnOf(draft, change.column, 'describe')
      if (isPseudoField(draft, field)) throw refused(`Cannot describe ${change.column}`)
      const { doc: _, ...rest } = field
      return replace(draft, change.doc === undefined ? rest : { ...rest, doc: change.doc })
    }
    case 'set-default':
      return setDefault(draft, change.column, change.defaultValue)
    case 'set-identifier': {
      const fields = change.columns.map((column) => columnOf(draft, column, 'identify rows by'))
      draft.schema = { ...draft.schema, 'identifier-field-ids': fields.map((field) => field.id) }
    }
  }
}

function addColumn(draft: SchemaDraft, change: Change<'add-column'>): void {
  const { parent: parentPath, name, position = 'last' } = change
  const parent = parentPath === undefined ? undefined : structBelow(draft, parentPath)
  const siblings = parent === undefined ? draft.schema.fields : parent.fields
  checkName(draft, siblings, { name, id: undefined, isTop: parent === undefined })
  const draw = () => {
    draft.lastColumnId += 1
    return draft.lastColumnId
  }
  const id = draw()
  const field: SchemaField = {
    id,
    name,
    required: change.isRequired ?? false,
    type: assignTypeIds(normalize(change.type), draw),
    ...(change.doc === undefined ? {} : { doc: change.doc }),
    ...addedDefaults(draft, change),
  }
  const placed = placeField(siblings, field, position)
  if (parent === undefined) draft.schema = { ...draft.schema, fields: placed }
  else {
    const fields = replaceField(draft.schema.fields, parent.fieldId, (owner) => ({
      ...owner,
      type: { ...parent.type, fields: placed },
    }))
    draft.schema = { ...draft.schema, fields }
  }
}

function addedDefaults(draft: SchemaDraft, change: Change<'add-column'>): Partial<SchemaField> {
  const value = change.defaultValue ?? null
  if (value === null) {
    if (change.isRequired !== true) return {}
    throw refused(
      `Incompatible change: cannot add required column without a default value: ${change.name}`,
    )
  }
  checkDefault(draft, change.name, change.type, value)
  return { 'initial-default': value, 'write-default': value }
}

/** The struct that a path names, or that is the element or the value of what it names. */
function structBelow(
  draft: SchemaDraft,
  path: string,
): {
  readonly fieldId: number
  readonly type: Extract<IcebergType, { readonly type: 'struct' }>
  readonly fields: readonly SchemaField[]
} {
  const field = columnOf(draft, path, 'add a column to')
  let { id: fieldId, type } = field
  if (typeof type !== 'string' && type.type === 'list') {
    fieldId = type['element-id']
    type = type.element
  } else if (typeof type !== 'string' && type.type === 'map') {
    fieldId = type['value-id']
    type = type.value
  }
  if (typeof type === 'string' || type.type !== 'struct') {
    throw refused(`Cannot add to non-struct column: ${path}`)
  }
  return { fieldId, type, fields: type.fields }
}

function dropColumn(draft: SchemaDraft, path: string): void {
  const field = columnOf(draft, path, 'delete')
  if (isPseudoField(draft, field)) throw refused(`Cannot delete ${path} of its list or map`)
  for (const id of draft.schema['identifier-field-ids'] ?? []) {
    if (id === field.id || parentsOf(draft.schema, id).some((parent) => parent.id === field.id)) {
      throw refused(`Cannot delete identifier field ${path}; set the identifier first`)
    }
  }
  const fields = editSiblings(draft.schema.fields, field.id, (siblings) => {
    if (siblings.length === 1) throw refused(`Cannot delete ${path}, the last column of its struct`)
    return siblings.filter((sibling) => sibling.id !== field.id)
  })
  draft.schema = { ...draft.schema, fields }
}

function renameColumn(draft: SchemaDraft, path: string, name: string): void {
  const field = columnOf(draft, path, 'rename')
  if (isPseudoField(draft, field)) throw refused(`Cannot rename ${path} of its list or map`)
  if (name === field.name) return
  const isTop = draft.schema.fields.some((column) => column.id === field.id)
  editSiblings(draft.schema.fields, field.id, (siblings) => {
    checkName(draft, siblings, { name, id: field.id, isTop })
    return siblings
  })
  editColumn(draft, field, { name })
}

function moveColumn(draft: SchemaDraft, change: Change<'move-column'>): void {
  const field = columnOf(draft, change.column, 'move')
  if (isPseudoField(draft, field)) throw refused(`Cannot move fields in non-struct type`)
  const fields = editSiblings(draft.schema.fields, field.id, (siblings) =>
    placeField(siblings, field, change.position),
  )
  draft.schema = { ...draft.schema, fields }
}

function widenColumn(draft: SchemaDraft, path: string, wanted: PrimitiveType): void {
  const field = columnOf(draft, path, 'change the type of')
  const type = normalizePrimitiveType(wanted)
  const { type: before } = field
  if (before === type) return
  const { metadata } = draft
  const from = typeof before === 'string' ? before : before.type
  if (!isPromotionAllowed(before, type, metadata['format-version'])) {
    throw refused(`Cannot change column type: ${path}: ${from} -> ${type}`)
  }
  for (const spec of metadata['partition-specs']) {
    for (const { 'source-id': sourceId, transform, name } of spec.fields) {
      if (sourceId !== field.id || !promotionChangesPartition(before, transform)) continue
      throw refused(
        `Cannot change column type: ${path}: ${from} -> ${type} would change the values of the ` +
          `partition field ${name}`,
      )
    }
  }
  const widened = { ...field, type }
  replace(draft, before === 'date' ? withMidnight(widened) : widened)
}

/** Defaults of a date say no time of day, which a timestamp's have to. */
function withMidnight(field: SchemaField): SchemaField {
  const names = ['initial-default', 'write-default'] as const
  return names.reduce<SchemaField>((changed, name) => {
    const value = changed[name]
    return typeof value === 'string' ? { ...changed, [name]: `${value}T00:00:00` } : changed
  }, field)
}

function setDefault(draft: SchemaDraft, path: string, value: unknown): void {
  const field = columnOf(draft, path, 'set the default of')
  if (isPseudoField(draft, field)) throw refused(`Cannot set a default of ${path}`)
  checkDefault(draft, path, field.type, value ?? null)
  const { 'write-default': _, ...rest } = field
  replace(draft, (value ?? null) === null ? rest : { ...rest, 'write-default': value })
}

function checkDefault(draft: SchemaDraft, path: string, type: IcebergType, value: unknown): void {
  const version = draft.metadata['format-version']
  if (value !== null && version < 3) {
    throw refused(
      `Cannot set a default of ${path}: default values need format version 3, the table has ` +
        String(version),
    )
  }
  if (isDefaultValue(type, value)) return
  const text = typeof type === 'string' ? type : type.type
  throw refused(`Cannot set a default of ${path}: ${JSON.stringify(value)} is no ${text} value`)
}

/** Names that differ in case alone are one name to most engines. */
function checkName(
  draft: SchemaDraft,
  siblings: readonly SchemaField[],
  wanted: { readonly name: string; readonly id: number | undefined; readonly isTop: boolean },
): void {
  const { name, id } = wanted
  if (name === '') throw refused('A column must have a name')
  const lower = name.toLowerCase()
  if (siblings.some((other) => other.id !== id && other.name.toLowerCase() === lower)) {
    throw refused(`Cannot add column, name already exists: ${name}`)
  }
  const { 'partition-specs': specs, 'default-spec-id': specId } = draft.metadata
  const fields = specs.find((spec) => spec['spec-id'] === specId)?.fields ?? []
  const clash = fields.find(
    (field) =>
      field.name === name && !(field.transform === 'identity' && field['source-id'] === id),
  )
  if (wanted.isTop && clash !== undefined) {
    throw refused(`Cannot name a column ${name}: a partition field has that name`)
  }
}

function columnOf(draft: SchemaDraft, path: string, verb: string): SchemaField {
  const field = findFieldByName(draft.schema, path)
  if (field === undefined) throw refused(`Cannot ${verb} missing column: ${path}`)
  const chain = [field, ...parentsOf(draft.schema, field.id)]
  if (chain.some((link) => isKeyOf(draft, link))) {
    throw refused(`Cannot ${verb} ${path}: the keys of a map cannot be changed`)
  }
  return field
}

/** True for the element of a list and the key and value of a map, which have no name of theirs. */
function isPseudoField(draft: SchemaDraft, field: SchemaField): boolean {
  const [parent] = parentsOf(draft.schema, field.id)
  return parent !== undefined && typeof parent.type !== 'string' && parent.type.type !== 'struct'
}

function isKeyOf(draft: SchemaDraft, field: SchemaField): boolean {
  const [parent] = parentsOf(draft.schema, field.id)
  if (parent === undefined || typeof parent.type === 'string') return false
  return parent.type.type === 'map' && parent.type['key-id'] === field.id
}

function editColumn(draft: SchemaDraft, field: SchemaField, edit: Partial<SchemaField>): void {
  replace(draft, { ...field, ...edit })
}

function replace(draft: SchemaDraft, field: SchemaField): void {
  const fields = replaceField(draft.schema.fields, field.id, () => field)
  draft.schema = { ...draft.schema, fields }
}

/** One spelling of every type inside of a type; throws for one that is not known. */
function normalize(type: IcebergType): IcebergType {
  if (typeof type === 'string') return normalizePrimitiveType(type)
  switch (type.type) {
    case 'struct': {
      const fields = type.fields.map((field) => ({ ...field, type: normalize(field.type) }))
      return { ...type, fields }
    }
    case 'list':
      return { ...type, element: normalize(type.element) }
    case 'map':
      return { ...type, key: normalize(type.key), value: normalize(type.value) }
  }
}

import { formatVersionOf } from './primitive-type.ts'
import { childFields, fieldsById } from './schema-fields.ts'
import type { IcebergType, Schema, SchemaField, StructType } from './schema.ts'

/** Ids above it are of metadata columns (spec: reserved field ids). */
const HIGHEST_FIELD_ID = 2_147_483_447

/** The format version from which columns may have default values. */
const DEFAULTS_VERSION = 3

/**
 * What is wrong with a schema in a table of this format version, one sentence a fault; empty where
 * nothing is. The words are the reference's where it has some.
 * Source: https://iceberg.apache.org/spec/#schemas-and-data-types
 */
export function schemaFaults(schema: Schema, formatVersion: number): readonly string[] {
  return [
    ...nameFaults(schema.fields, ''),
    ...[...fieldsByPath(schema)].flatMap(([path, field]) =>
      fieldFaults(path, field, formatVersion),
    ),
    ...identifierFaults(schema),
  ]
}

/** Every field by its dotted path, nested ones too. */
export function fieldsByPath(schema: StructType): ReadonlyMap<string, SchemaField> {
  const byPath = new Map<string, SchemaField>()
  const add = (field: SchemaField, prefix: string) => {
    const path = `${prefix}${field.name}`
    byPath.set(path, field)
    for (const child of childFields(field.type)) add(child, `${path}.`)
  }
  for (const field of schema.fields) add(field, '')
  return byPath
}

/** The fields that a field lies in, the innermost first. */
export function parentsOf(schema: StructType, fieldId: number): readonly SchemaField[] {
  for (const parent of fieldsById(schema).values()) {
    if (childFields(parent.type).some((child) => child.id === fieldId)) {
      return [parent, ...parentsOf(schema, parent.id)]
    }
  }
  return []
}

function nameFaults(fields: readonly SchemaField[], prefix: string): readonly string[] {
  const seen = new Set<string>()
  return fields.flatMap((field) => {
    const path = `${prefix}${field.name}`
    const isRepeated = seen.has(field.name)
    seen.add(field.name)
    return [
      ...(isRepeated ? [`Invalid schema: multiple fields for name ${path}`] : []),
      ...(field.name === '' ? [`Invalid schema: a field below ${prefix} has no name`] : []),
      ...nameFaults(childFields(field.type), `${path}.`),
    ]
  })
}

function fieldFaults(path: string, field: SchemaField, formatVersion: number): readonly string[] {
  const { type, id } = field
  const needed = formatVersionOf(type)
  const faults: string[] = []
  if (formatVersion < needed) {
    faults.push(`Invalid type for ${path}: ${typeText(type)} is not supported until v${needed}`)
  }
  const initial = field['initial-default'] ?? null
  if (initial !== null && formatVersion < DEFAULTS_VERSION) {
    faults.push(
      `Invalid initial default for ${path}: non-null default (${JSON.stringify(initial)}) is not ` +
        `supported until v${DEFAULTS_VERSION}`,
    )
  }
  if (type === 'unknown' && (field.required || initial !== null)) {
    faults.push(`Invalid field ${path}: a column of type unknown must be optional without default`)
  }
  if (id > HIGHEST_FIELD_ID) faults.push(`Invalid field id ${id} of ${path}: it is reserved`)
  return faults
}

/** Identifiers are primitive, never null, comparable and not inside of lists and maps. */
function identifierFaults(schema: Schema): readonly string[] {
  return (schema['identifier-field-ids'] ?? []).flatMap((id) => {
    const fault = identifierFault(schema, id)
    return fault === undefined ? [] : [fault]
  })
}

function identifierFault(schema: Schema, id: number): string | undefined {
  const field = fieldsById(schema).get(id)
  if (field === undefined)
    return `Cannot add fieldId ${id} as an identifier field: field does not exist`
  const cannot = `Cannot add field ${field.name} as an identifier field`
  if (typeof field.type !== 'string') return `${cannot}: not a primitive type field`
  if (!field.required) return `${cannot}: not a required field`
  if (field.type === 'float' || field.type === 'double') {
    return `${cannot}: must not be float or double field`
  }
  for (const parent of parentsOf(schema, id)) {
    if (typeof parent.type === 'string' || parent.type.type !== 'struct') {
      return `${cannot}: must not be nested in ${parent.name}, a ${typeText(parent.type)}`
    }
    if (!parent.required)
      return `${cannot}: must not be nested in the optional field ${parent.name}`
  }
  return undefined
}

function typeText(type: IcebergType): string {
  return typeof type === 'string' ? type : type.type
}

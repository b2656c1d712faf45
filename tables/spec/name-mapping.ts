import { parseJson, stringifyJson } from './json.ts'
import { corruptDocument, createMemberReader, type Members, withoutNulls } from './member-reader.ts'
import { childFields } from './schema-fields.ts'
import type { SchemaField, StructType } from './schema.ts'

/** The table property that holds a mapping's JSON text. */
export const NAME_MAPPING_PROPERTY = 'schema.name-mapping.default'

/**
 * Which field a column of a data file is, where the file carries no field ids. A column may have
 * had several names; one without `field-id` belongs to no field.
 * Source: https://iceberg.apache.org/spec/#name-mapping-serialization
 */
export interface MappedField {
  readonly names: readonly string[]
  readonly 'field-id'?: number
  /** What is nested: of a list `element`, of a map `key` and `value`. */
  readonly fields?: NameMapping
}

export type NameMapping = readonly MappedField[]

/** Deeper than any engine nests columns. */
const MAX_DEPTH = 100

const corrupt = corruptDocument(
  `The property ${NAME_MAPPING_PROPERTY}`,
  'Files without field ids were not read; correct the property.',
)
const { listOf, membersOf, numberOf } = createMemberReader(corrupt)

/** Throws `corrupt-data` where the text is no mapping, or names two columns alike in one place. */
export function parseNameMapping(text: string): NameMapping {
  const value = parseJson(text)
  if (!Array.isArray(value)) throw corrupt('it is no list')
  return readFields({ fields: value }, 0)
}

/** As the reference writes it into the property. */
export function serializeNameMapping(mapping: NameMapping): string {
  return stringifyJson(mapping)
}

/**
 * The field of a file's column by its path (`['levels', 'element', 'price']`); undefined where the
 * mapping does not know it.
 */
export function findMappedField(
  mapping: NameMapping,
  path: readonly string[],
): MappedField | undefined {
  const [name, ...rest] = path
  if (name === undefined) return undefined
  const field = mapping.find((candidate) => candidate.names.includes(name))
  return rest.length === 0 || field === undefined
    ? field
    : findMappedField(field.fields ?? [], rest)
}

/** The mapping that a table gets when files without field ids are added to it: today's names. */
export function nameMappingOf(schema: StructType): NameMapping {
  return schema.fields.map(mapField)
}

function mapField(field: SchemaField): MappedField {
  const children = childFields(field.type)
  const mapped = { 'field-id': field.id, names: [field.name] }
  return children.length === 0 ? mapped : { ...mapped, fields: children.map(mapField) }
}

function readFields(raw: Members, depth: number): NameMapping {
  if (depth > MAX_DEPTH) throw corrupt(`it is nested more than ${MAX_DEPTH} levels deep`)
  const fields = listOf(raw, 'fields').map((field) => readField(withoutNulls(field), depth))
  const seen = new Set<string>()
  for (const name of fields.flatMap((field) => field.names)) {
    if (seen.has(name)) throw corrupt(`the name ${JSON.stringify(name)} stands for two columns`)
    seen.add(name)
  }
  return fields
}

function readField(raw: Members, depth: number): MappedField {
  const { names } = membersOf(raw, 'an entry')
  if (!Array.isArray(names) || names.some((name) => typeof name !== 'string')) {
    throw corrupt('names of an entry is missing or no list of texts')
  }
  return {
    ...raw,
    names: [...new Set(names as readonly string[])],
    ...(raw['field-id'] === undefined ? {} : { 'field-id': numberOf(raw, 'field-id') }),
    ...(raw['fields'] === undefined ? {} : { fields: readFields(raw, depth + 1) }),
  }
}

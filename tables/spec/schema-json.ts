import { type Corrupt, createMemberReader, isMembers, type Members } from './member-reader.ts'
import { withoutNulls } from './member-reader.ts'
import { normalizeTypeName } from './primitive-type.ts'
import { schemaIdList } from './schema-fields.ts'
import type { IcebergType, Schema, SchemaField } from './schema.ts'

/** Deeper nesting than any engine makes: a file of a million brackets must not end the process. */
const MAX_DEPTH = 100

/**
 * A schema from parsed JSON. Types get one spelling (`decimal(18, 8)`); a type that is not known
 * here stays as it is, since it counts only where a column of it is read. Members that are not
 * known stay. Throws what `corrupt` makes, which names the field.
 */
export function readSchema(read: Members, corrupt: Corrupt): Schema {
  const raw = withoutNulls(read)
  const { numberOf } = createMemberReader(corrupt)
  const identifiers = raw['identifier-field-ids']
  if (identifiers !== undefined && !isIntegerList(identifiers)) {
    throw corrupt('identifier-field-ids of a schema is no list of integers')
  }
  if (raw['type'] !== 'struct') throw corrupt('a schema is not of the type struct')
  const schema: Schema = {
    ...raw,
    type: 'struct',
    'schema-id': raw['schema-id'] === undefined ? 0 : numberOf(raw, 'schema-id', 'a schema'),
    fields: createTypeReader(corrupt).readFields(raw, 'a schema', 0),
  }
  const ids = schemaIdList(schema)
  const repeated = ids.length === new Set(ids).size ? undefined : firstRepeated(ids)
  if (repeated !== undefined) throw corrupt(`a schema uses field id ${repeated} twice`)
  return schema
}

interface TypeReader {
  readFields(raw: Members, owner: string, depth: number): readonly SchemaField[]
}

function createTypeReader(corrupt: Corrupt): TypeReader {
  const { booleanOf, listOf, numberOf, textOf } = createMemberReader(corrupt)

  function readFields(raw: Members, owner: string, depth: number): readonly SchemaField[] {
    return listOf(raw, 'fields', owner).map((read) => {
      const field = withoutNulls(read)
      const name = textOf(field, 'name', `a field of ${owner}`)
      return {
        ...field,
        id: numberOf(field, 'id', name),
        name,
        required: booleanOf(field, 'required', name),
        type: readType(field['type'], name, depth + 1),
      }
    })
  }

  function readType(raw: unknown, owner: string, depth: number): IcebergType {
    if (depth > MAX_DEPTH) throw corrupt(`${owner} is nested more than ${MAX_DEPTH} levels deep`)
    if (typeof raw === 'string') return normalizeTypeName(raw)
    const type = isMembers(raw) ? raw : {}
    switch (type['type']) {
      case 'struct':
        return { ...type, type: 'struct', fields: readFields(type, owner, depth) }
      case 'list':
        return {
          ...type,
          type: 'list',
          'element-id': numberOf(type, 'element-id', owner),
          'element-required': booleanOf(type, 'element-required', owner),
          element: readType(type['element'], `${owner}.element`, depth + 1),
        }
      case 'map':
        return {
          ...type,
          type: 'map',
          'key-id': numberOf(type, 'key-id', owner),
          key: readType(type['key'], `${owner}.key`, depth + 1),
          'value-id': numberOf(type, 'value-id', owner),
          'value-required': booleanOf(type, 'value-required', owner),
          value: readType(type['value'], `${owner}.value`, depth + 1),
        }
      default:
        throw corrupt(`the type of ${owner} is missing or none of struct, list and map`)
    }
  }

  return { readFields }
}

function firstRepeated(ids: readonly number[]): number | undefined {
  const seen = new Set<number>()
  return ids.find((id) => seen.size === seen.add(id).size)
}

function isIntegerList(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item))
}

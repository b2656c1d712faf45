import {
  type MappedField,
  NAME_MAPPING_PROPERTY,
  type NameMapping,
  nameMappingOf,
  parseNameMapping,
  serializeNameMapping,
} from '../spec/name-mapping.ts'
import { childFields } from '../spec/schema-fields.ts'
import { fieldsByPath } from '../spec/schema-rules.ts'
import type { Schema, SchemaField } from '../spec/schema.ts'
import type { TableUpdate } from '../spec/table-update.ts'

/** Properties whose names end in a column's path. */
const columnProperties = [
  'write.metadata.metrics.column.',
  'write.parquet.bloom-filter-enabled.column.',
  'write.parquet.bloom-filter-fpp.column.',
  'write.parquet.bloom-filter-ndv.column.',
  'write.parquet.stats-enabled.column.',
]

/** Updates of the properties that name columns, so that they go on to mean the same columns. */
export function followSchema(
  properties: Readonly<Record<string, string>>,
  before: Schema,
  after: Schema,
): readonly TableUpdate[] {
  const updates: Record<string, string> = followMapping(properties, after)
  const removals: string[] = []
  const pathById = new Map([...fieldsByPath(after)].map(([path, field]) => [field.id, path]))
  const oldFields = fieldsByPath(before)
  for (const [key, value] of Object.entries(properties)) {
    const prefix = columnProperties.find((candidate) => key.startsWith(candidate))
    const field = prefix === undefined ? undefined : oldFields.get(key.slice(prefix.length))
    if (prefix === undefined || field === undefined) continue
    const path = pathById.get(field.id)
    if (key === `${prefix}${path ?? ''}`) continue
    removals.push(key)
    if (path !== undefined) updates[`${prefix}${path}`] = value
  }
  const gone = removals.filter((key) => !(key in updates))
  return [
    ...(Object.keys(updates).length === 0 ? [] : [{ action: 'set-properties' as const, updates }]),
    ...(gone.length === 0 ? [] : [{ action: 'remove-properties' as const, removals: gone }]),
  ]
}

/** Old names stay, for the files that have them; a name that a new column took leaves the old. */
function followMapping(
  properties: Readonly<Record<string, string>>,
  after: Schema,
): Record<string, string> {
  const text = properties[NAME_MAPPING_PROPERTY]
  if (text === undefined) return {}
  const mapping = parseNameMapping(text)
  const updated = serializeNameMapping(mergeFields(mapping, after.fields))
  return updated === serializeNameMapping(mapping) ? {} : { [NAME_MAPPING_PROPERTY]: updated }
}

function mergeFields(mapping: NameMapping, fields: readonly SchemaField[]): NameMapping {
  const idByName = new Map(fields.map((field) => [field.name, field.id]))
  const kept = mapping.map((mapped): MappedField => {
    const field = fields.find((candidate) => candidate.id === mapped['field-id'])
    const names = mapped.names.filter((name) => {
      const owner = idByName.get(name)
      return owner === undefined || owner === mapped['field-id']
    })
    if (field === undefined) return { ...mapped, names }
    const children = childFields(field.type)
    return {
      ...mapped,
      names: names.includes(field.name) ? names : [...names, field.name],
      ...(children.length === 0 ? {} : { fields: mergeFields(mapped.fields ?? [], children) }),
    }
  })
  const known = new Set(mapping.map((mapped) => mapped['field-id']))
  const added = fields.filter((field) => !known.has(field.id))
  return [...kept, ...nameMappingOf({ type: 'struct', fields: added })]
}

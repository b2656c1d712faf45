import { isDeepStrictEqual } from 'node:util'

import type { PartitionField, PartitionSpec } from '../spec/partition-spec.ts'
import { isTransformable, transformShape } from '../spec/partition-transform.ts'
import { findFieldByName } from '../spec/schema-fields.ts'
import { fieldsByPath, parentsOf } from '../spec/schema-rules.ts'
import type { SchemaField } from '../spec/schema.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'
import { currentSchema, type MetadataChange, noChange, refused } from './metadata-change.ts'
import type { PartitionChange } from './partition-change.ts'

interface SpecDraft {
  readonly metadata: TableMetadata
  fields: readonly PartitionField[]
  lastPartitionId: number
  /** Columns that these changes gave a field of time: a second one would say nothing new. */
  readonly timeSources: Set<number>
}

/**
 * The commit that changes how rows to come are partitioned: `changes` one after the other, as one
 * new default spec. A field of the same column and transform keeps the id that any earlier spec
 * gave it. In format version 1, where ids count up from 1000 in every spec, a removed field stays
 * as one that is always null. Pure. Throws `invalid-input` where a change breaks a rule.
 * Source: https://iceberg.apache.org/spec/#partition-evolution and the reference implementation.
 */
export function planPartitionChange(
  metadata: TableMetadata,
  changes: readonly PartitionChange[],
): MetadataChange {
  const before = defaultSpec(metadata)
  for (const field of before.fields) transformShape(field.transform)
  const draft: SpecDraft = {
    metadata,
    fields: before.fields,
    lastPartitionId: metadata['last-partition-id'],
    timeSources: new Set(),
  }
  for (const change of changes) applyPartitionChange(draft, change)
  if (isDeepStrictEqual(draft.fields, before.fields)) return noChange
  checkNames(draft)
  const specIds = metadata['partition-specs'].map((spec) => spec['spec-id'])
  return {
    requirements: [
      { type: 'assert-table-uuid', uuid: metadata['table-uuid'] },
      {
        type: 'assert-last-assigned-partition-id',
        'last-assigned-partition-id': metadata['last-partition-id'],
      },
      { type: 'assert-default-spec-id', 'default-spec-id': metadata['default-spec-id'] },
    ],
    updates: [
      {
        action: 'add-spec',
        spec: { 'spec-id': Math.max(...specIds) + 1, fields: draft.fields },
      },
      { action: 'set-default-spec', 'spec-id': -1 },
    ],
  }
}

function applyPartitionChange(draft: SpecDraft, change: PartitionChange): void {
  switch (change.op) {
    case 'add-field':
      return addField(draft, change)
    case 'remove-field':
      return removeField(draft, change.name)
    case 'rename-field': {
      const field = fieldOf(draft, change.name, 'rename')
      makeRoomFor(draft, change.newName, field)
      replaceField(draft, { ...field, name: change.newName })
    }
  }
}

function addField(
  draft: SpecDraft,
  change: Extract<PartitionChange, { readonly op: 'add-field' }>,
): void {
  const { transform } = change
  const source = sourceOf(draft, change.column)
  if (!isTransformable(transform, source.type)) {
    const type = typeof source.type === 'string' ? source.type : source.type.type
    throw refused(`Invalid source type ${type} for transform: ${transform}`)
  }
  const name = change.name ?? defaultName(change.column, transform)
  const isSame = (field: PartitionField) =>
    field['source-id'] === source.id && field.transform === transform
  if (draft.fields.some(isSame)) {
    throw refused(`Cannot add duplicate partition field ${name}=${transform}(${change.column})`)
  }
  checkTimeField(draft, source, change)
  const known = earlierFields(draft.metadata).find(isSame)
  const fieldId = known?.['field-id'] ?? draft.lastPartitionId + 1
  draft.lastPartitionId = Math.max(draft.lastPartitionId, fieldId)
  const field = { 'source-id': source.id, 'field-id': fieldId, name, transform }
  const removed = draft.fields.find((other) => other['field-id'] === fieldId)
  if (removed !== undefined) {
    // A table that was once of version 1 has it still, as one that is always null.
    makeRoomFor(draft, name, removed)
    return replaceField(draft, field)
  }
  makeRoomFor(draft, name, field)
  draft.fields = [...draft.fields, field]
}

/** In version 1 the ids of a spec follow each other, so only its own removed field may come back. */
function earlierFields(metadata: TableMetadata): readonly PartitionField[] {
  const specs = metadata['format-version'] === 1 ? [] : metadata['partition-specs']
  return specs.flatMap((spec) => spec.fields)
}

function removeField(draft: SpecDraft, name: string): void {
  const field = fieldOf(draft, name, 'remove')
  if (field.transform === 'void') throw refused(`The partition field ${name} is removed already`)
  if (draft.metadata['format-version'] === 1) replaceField(draft, { ...field, transform: 'void' })
  else draft.fields = draft.fields.filter((other) => other !== field)
}

/** A field that is always null gives its name up to one that is wanted. */
function makeRoomFor(draft: SpecDraft, name: string, field: PartitionField): void {
  const holder = draft.fields.find(
    (other) => other.name === name && other['field-id'] !== field['field-id'],
  )
  if (holder?.transform !== 'void') return
  replaceField(draft, { ...holder, name: `${name}_${holder['field-id']}` })
}

function checkTimeField(
  draft: SpecDraft,
  source: SchemaField,
  { transform, column }: { readonly transform: string; readonly column: string },
): void {
  if (!['year', 'month', 'day', 'hour'].includes(transform)) return
  if (draft.timeSources.has(source.id)) {
    throw refused(`Cannot add redundant partition field: ${transform}(${column})`)
  }
  draft.timeSources.add(source.id)
}

function checkNames(draft: SpecDraft): void {
  const seen = new Set<string>()
  const schema = currentSchema(draft.metadata)
  for (const { name, transform, 'source-id': sourceId } of draft.fields) {
    if (name === '') throw refused('A partition field must have a name')
    if (seen.has(name)) throw refused(`Cannot use partition name more than once: ${name}`)
    seen.add(name)
    const column = fieldsByPath(schema).get(name)
    const isOwn = transform === 'identity' && column?.id === sourceId
    if (column !== undefined && !isOwn) {
      throw refused(`Cannot create partition from name that exists in schema: ${name}`)
    }
  }
}

function sourceOf(draft: SpecDraft, path: string): SchemaField {
  const schema = currentSchema(draft.metadata)
  const column = findFieldByName(schema, path)
  if (column === undefined) throw refused(`Cannot find source column: ${path}`)
  for (const parent of parentsOf(schema, column.id)) {
    if (typeof parent.type !== 'string' && parent.type.type !== 'struct') {
      throw refused(`Invalid partition field parent: ${parent.name}, a ${parent.type.type}`)
    }
  }
  return column
}

function fieldOf(draft: SpecDraft, name: string, verb: string): PartitionField {
  const field = draft.fields.find((candidate) => candidate.name === name)
  if (field === undefined) throw refused(`Cannot find partition field to ${verb}: ${name}`)
  return field
}

function replaceField(draft: SpecDraft, field: PartitionField): void {
  draft.fields = draft.fields.map((other) =>
    other['field-id'] === field['field-id'] ? field : other,
  )
}

/** Partition fields as the reference names them. */
function defaultName(path: string, transform: PartitionField['transform']): string {
  const shape = transformShape(transform)
  switch (shape.kind) {
    case 'identity':
      return path
    case 'bucket':
      return `${path}_bucket_${shape.width}`
    case 'truncate':
      return `${path}_trunc_${shape.width}`
    case 'void':
      return `${path}_null`
    default:
      return `${path}_${shape.kind}`
  }
}

function defaultSpec(metadata: TableMetadata): PartitionSpec {
  const id = metadata['default-spec-id']
  const spec = metadata['partition-specs'].find((candidate) => candidate['spec-id'] === id)
  if (spec === undefined) throw refused(`The table has no partition spec of its default id ${id}`)
  return spec
}

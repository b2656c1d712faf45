import { isDeepStrictEqual } from 'node:util'

import { FIRST_PARTITION_FIELD_ID } from '../spec/create-table-metadata.ts'
import type { PartitionField, PartitionSpec } from '../spec/partition-spec.ts'
import { schemaFieldIds } from '../spec/schema-fields.ts'
import { fieldsByPath } from '../spec/schema-rules.ts'
import type { SortOrder } from '../spec/sort-order.ts'
import { nextId } from './apply-schema-updates.ts'
import { change, invalidUpdate, type MetadataDraft } from './metadata-draft.ts'

/** Partition specs and sort orders: how rows are laid out in files. */

/** A spec as it may come from outside: field ids are given by the catalog where they are left out. */
type UnboundPartitionField = Omit<PartitionField, 'field-id'> & { readonly 'field-id'?: number }

/** Adds a spec under a new id, or finds the one that is there with the same fields. */
export function addPartitionSpec(draft: MetadataDraft, spec: PartitionSpec): void {
  const specs = draft.metadata['partition-specs']
  const same = specs.find((known) => isSameLayout(known, spec))
  if (same !== undefined) {
    draft.lastAddedSpecId = same['spec-id']
    return
  }
  checkFieldNames(draft, spec)
  const columns = sourceColumns(draft)
  let lastPartitionId = draft.metadata['last-partition-id']
  const fields = spec.fields.map((field: UnboundPartitionField): PartitionField => {
    if (field.transform !== 'void' && !columns.has(field['source-id'])) {
      throw invalidUpdate(
        `Cannot find source column for partition field: ${field.name} (id ${field['source-id']})`,
      )
    }
    const fieldId = field['field-id'] ?? knownFieldId(specs, field) ?? lastPartitionId + 1
    lastPartitionId = Math.max(lastPartitionId, fieldId)
    return { ...field, 'field-id': fieldId }
  })
  if (draft.metadata['format-version'] === 1) checkSequentialIds(fields)
  const specId = nextId(specs.map((known) => known['spec-id']))
  draft.lastAddedSpecId = specId
  change(draft, {
    'partition-specs': [...specs, { ...spec, 'spec-id': specId, fields }],
    'last-partition-id': lastPartitionId,
  })
}

/** A column and a partition field of one name could not be told apart in a data file's folder. */
function checkFieldNames(draft: MetadataDraft, spec: PartitionSpec): void {
  const { schemas, 'current-schema-id': schemaId } = draft.metadata
  const schema = schemas.find((candidate) => candidate['schema-id'] === schemaId)
  const columns = schema === undefined ? new Map<string, never>() : fieldsByPath(schema)
  const seen = new Set<string>()
  for (const { name, transform, 'source-id': sourceId } of spec.fields) {
    if (seen.has(name)) {
      throw invalidUpdate(`Cannot use partition name more than once: ${name}`)
    }
    seen.add(name)
    const column = columns.get(name)
    if (column === undefined || (transform === 'identity' && column.id === sourceId)) continue
    throw invalidUpdate(`Cannot create partition from name that exists in schema: ${name}`)
  }
}

/** Readers of version 1 number the fields of a spec themselves. */
function checkSequentialIds(fields: readonly PartitionField[]): void {
  const isSequential = fields.every(
    (field, index) => field['field-id'] === FIRST_PARTITION_FIELD_ID + index,
  )
  if (!isSequential) {
    throw invalidUpdate('Spec does not use sequential IDs that are required in v1')
  }
}

/** Makes a spec the default one; -1 is the one added last. */
export function setDefaultPartitionSpec(draft: MetadataDraft, specId: number): void {
  const id = specId === -1 ? draft.lastAddedSpecId : specId
  if (id === undefined) throw invalidUpdate('Cannot set last added spec: no spec has been added')
  if (!draft.metadata['partition-specs'].some((spec) => spec['spec-id'] === id)) {
    throw invalidUpdate(`Cannot set default partition spec to unknown spec: ${id}`)
  }
  if (id !== draft.metadata['default-spec-id']) change(draft, { 'default-spec-id': id })
}

export function removePartitionSpecs(draft: MetadataDraft, specIds: readonly number[]): void {
  const removed = new Set(specIds)
  if (removed.has(draft.metadata['default-spec-id'])) {
    throw invalidUpdate('Cannot remove the default partition spec')
  }
  const specs = draft.metadata['partition-specs']
  const kept = specs.filter((spec) => !removed.has(spec['spec-id']))
  if (kept.length < specs.length) change(draft, { 'partition-specs': kept })
}

/** Adds a sort order under a new id, or finds the equal one. Id 0 is always "unsorted". */
export function addSortOrder(draft: MetadataDraft, order: SortOrder): void {
  const orders = draft.metadata['sort-orders']
  const same = orders.find((known) => isDeepStrictEqual(known.fields, order.fields))
  if (same !== undefined) {
    draft.lastAddedSortOrderId = same['order-id']
    return
  }
  const columns = sourceColumns(draft)
  for (const field of order.fields) {
    if (!columns.has(field['source-id'])) {
      throw invalidUpdate(`Cannot find source column for sort field: id ${field['source-id']}`)
    }
  }
  const isUnsorted = order.fields.length === 0
  const knownIds = orders.map((known) => known['order-id'])
  const orderId = isUnsorted ? 0 : nextId(knownIds, 1)
  draft.lastAddedSortOrderId = orderId
  change(draft, { 'sort-orders': [...orders, { ...order, 'order-id': orderId }] })
}

/** Makes a sort order the default one; -1 is the one added last. */
export function setDefaultSortOrder(draft: MetadataDraft, orderId: number): void {
  const id = orderId === -1 ? draft.lastAddedSortOrderId : orderId
  if (id === undefined) {
    throw invalidUpdate('Cannot set last added sort order: no sort order has been added')
  }
  if (!draft.metadata['sort-orders'].some((order) => order['order-id'] === id)) {
    throw invalidUpdate(`Cannot set default sort order to unknown sort order: ${id}`)
  }
  if (id !== draft.metadata['default-sort-order-id']) {
    change(draft, { 'default-sort-order-id': id })
  }
}

/** Ids of the columns that a new spec or order may name: those of any schema of the table. */
function sourceColumns(draft: MetadataDraft): ReadonlySet<number> {
  return new Set(draft.metadata.schemas.flatMap(schemaFieldIds))
}

/** One field keeps its id over all specs of a table (spec: partition evolution). */
function knownFieldId(
  specs: readonly PartitionSpec[],
  field: UnboundPartitionField,
): number | undefined {
  return specs
    .flatMap((spec) => spec.fields)
    .find(
      (known) => known['source-id'] === field['source-id'] && known.transform === field.transform,
    )?.['field-id']
}

function isSameLayout(left: PartitionSpec, right: PartitionSpec): boolean {
  const layout = (spec: PartitionSpec): readonly unknown[] =>
    spec.fields.map((field) => [field['source-id'], field.transform, field.name])
  return isDeepStrictEqual(layout(left), layout(right))
}

import { type Corrupt, createMemberReader, type Members } from './member-reader.ts'
import type { PartitionField, PartitionSpec } from './partition-spec.ts'
import type { SortField, SortOrder } from './sort-order.ts'

/**
 * A partition spec from parsed JSON. A transform that is not known, or of several columns
 * (`source-ids`), stays as it is: it counts where it is used. Throws what `corrupt` makes.
 */
export function readPartitionSpec(raw: Members, corrupt: Corrupt): PartitionSpec {
  const { listOf, numberOf, textOf } = createMemberReader(corrupt)
  const specId = numberOf(raw, 'spec-id', 'a partition spec')
  const fields = listOf(raw, 'fields', `partition spec ${specId}`).map((field) => {
    const name = textOf(field, 'name', `a field of partition spec ${specId}`)
    const owner = `the partition field ${name}`
    numberOf(field, 'field-id', owner)
    textOf(field, 'transform', owner)
    checkSource(field, owner, corrupt)
    return field as unknown as PartitionField
  })
  return { ...raw, 'spec-id': specId, fields }
}

/** A sort order from parsed JSON; its transforms are as those of `readPartitionSpec`. */
export function readSortOrder(raw: Members, corrupt: Corrupt): SortOrder {
  const { listOf, numberOf, textOf } = createMemberReader(corrupt)
  const orderId = numberOf(raw, 'order-id', 'a sort order')
  const owner = `sort order ${orderId}`
  const fields = listOf(raw, 'fields', owner).map((field) => {
    textOf(field, 'transform', `a field of ${owner}`)
    checkSource(field, `a field of ${owner}`, corrupt)
    const { direction, 'null-order': nullOrder } = field
    if (direction !== 'asc' && direction !== 'desc') {
      throw corrupt(`direction of a field of ${owner} is neither asc nor desc`)
    }
    if (nullOrder !== 'nulls-first' && nullOrder !== 'nulls-last') {
      throw corrupt(`null-order of a field of ${owner} is neither nulls-first nor nulls-last`)
    }
    return field as unknown as SortField
  })
  return { ...raw, 'order-id': orderId, fields }
}

function checkSource(field: Members, owner: string, corrupt: Corrupt): void {
  if (Array.isArray(field['source-ids'])) return
  createMemberReader(corrupt).numberOf(field, 'source-id', owner)
}

import { isDeepStrictEqual } from 'node:util'

import type { PartitionTransform } from '../spec/partition-spec.ts'
import { isTransformable } from '../spec/partition-transform.ts'
import { findFieldByName } from '../spec/schema-fields.ts'
import { parentsOf } from '../spec/schema-rules.ts'
import type { Schema } from '../spec/schema.ts'
import type { SortField } from '../spec/sort-order.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'
import { currentSchema, type MetadataChange, noChange, refused } from './metadata-change.ts'

/** What rows of a data file are sorted by, the first field first. */
export interface SortBy {
  /** Dotted path of a primitive column that is not inside of a list or map. */
  readonly column: string
  /** Absent: identity. */
  readonly transform?: PartitionTransform
  /** Absent: ascending. */
  readonly direction?: 'asc' | 'desc'
  /** Absent: first where ascending, last where descending, as the reference has it. */
  readonly nullOrder?: 'nulls-first' | 'nulls-last'
}

/**
 * The commit that gives rows to come another order within their files; no fields: none. An order
 * that the table had before gets its id back. Pure. Throws `invalid-input` where a column is not
 * there or has no order.
 * Source: https://iceberg.apache.org/spec/#sort-orders
 */
export function planSortOrderChange(
  metadata: TableMetadata,
  sortBy: readonly SortBy[],
): MetadataChange {
  const schema = currentSchema(metadata)
  const fields = sortBy.map((sort) => sortFieldOf(schema, sort))
  const defaultId = metadata['default-sort-order-id']
  const orders = metadata['sort-orders']
  const current = orders.find((order) => order['order-id'] === defaultId)
  if (isDeepStrictEqual(current?.fields ?? [], fields)) return noChange
  const orderId =
    fields.length === 0 ? 0 : Math.max(0, ...orders.map((order) => order['order-id'])) + 1
  return {
    requirements: [
      { type: 'assert-table-uuid', uuid: metadata['table-uuid'] },
      { type: 'assert-default-sort-order-id', 'default-sort-order-id': defaultId },
    ],
    updates: [
      { action: 'add-sort-order', 'sort-order': { 'order-id': orderId, fields } },
      { action: 'set-default-sort-order', 'sort-order-id': -1 },
    ],
  }
}

function sortFieldOf(schema: Schema, sort: SortBy): SortField {
  const { column: path, transform = 'identity', direction = 'asc' } = sort
  const column = findFieldByName(schema, path)
  if (column === undefined) throw refused(`Cannot find source column for sort field: ${path}`)
  const isRepeated = parentsOf(schema, column.id).some(
    (parent) => typeof parent.type !== 'string' && parent.type.type !== 'struct',
  )
  if (isRepeated || !isTransformable(transform, column.type)) {
    throw refused(`Cannot sort by ${transform}(${path}): its values have no order there`)
  }
  const nullOrder = sort.nullOrder ?? (direction === 'asc' ? 'nulls-first' : 'nulls-last')
  return { transform, 'source-id': column.id, direction, 'null-order': nullOrder }
}

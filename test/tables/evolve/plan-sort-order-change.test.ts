import { describe, expect, it } from 'vitest'
import { planSortOrderChange, type SortBy } from '../../../tables/evolve/plan-sort-order-change.ts'
import type { TableMetadata } from '../../../tables/spec/table-metadata.ts'
import { commitChange, evolvingTable } from './evolved-table.ts'

function sort(metadata: TableMetadata, ...by: readonly SortBy[]): TableMetadata {
  return commitChange(metadata, planSortOrderChange(metadata, by))
}

describe('a change of sort order', () => {
  it('is one new default order, and demands that nobody was faster', () => {
    const table = evolvingTable()
    const plan = planSortOrderChange(table, [
      { column: 'symbol' },
      { column: 'event_ts', direction: 'desc' },
      { column: 'venue.name', transform: 'truncate[2]', nullOrder: 'nulls-last' },
    ])
    expect(plan.requirements).toEqual([
      { type: 'assert-table-uuid', uuid: table['table-uuid'] },
      { type: 'assert-default-sort-order-id', 'default-sort-order-id': 0 },
    ])
    const after = commitChange(table, plan)
    expect(after['default-sort-order-id']).toBe(1)
    expect(after['sort-orders'][1]?.fields).toEqual([
      field(1, 'identity', 'asc', 'nulls-first'),
      field(4, 'identity', 'desc', 'nulls-last'),
      field(9, 'truncate[2]', 'asc', 'nulls-last'),
    ])
  })

  it('takes an order that was there under its id, and 0 for none', () => {
    const first = sort(evolvingTable(), { column: 'symbol' })
    const second = sort(first, { column: 'size' })
    expect(second['default-sort-order-id']).toBe(2)
    expect(sort(second, { column: 'symbol' })['default-sort-order-id']).toBe(1)
    expect(sort(second)['default-sort-order-id']).toBe(0)
    expect(planSortOrderChange(second, [{ column: 'size' }]).updates).toEqual([])
    expect(planSortOrderChange(evolvingTable(), []).updates).toEqual([])
  })

  it.each<[SortBy, RegExp]>([
    [{ column: 'x' }, /Cannot find source column for sort field: x/],
    [{ column: 'venue' }, /Cannot sort by identity\(venue\)/],
    [{ column: 'tags.value' }, /Cannot sort by identity\(tags.value\)/],
    [{ column: 'symbol', transform: 'day' }, /Cannot sort by day\(symbol\)/],
  ])('by %j is refused', (by, fault) => {
    expect(() => planSortOrderChange(evolvingTable(), [by])).toThrow(fault)
  })
})

function field(sourceId: number, transform: string, direction: string, nullOrder: string): object {
  return { 'source-id': sourceId, transform, direction, 'null-order': nullOrder }
}

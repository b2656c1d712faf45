import { describe, expect, it } from 'vitest'
import type { PartitionChange } from '../../../tables/evolve/partition-change.ts'
import { planPartitionChange } from '../../../tables/evolve/plan-partition-change.ts'
import type { PartitionField } from '../../../tables/spec/partition-spec.ts'
import type { TableMetadata } from '../../../tables/spec/table-metadata.ts'
import { commitChange, evolvingTable } from './evolved-table.ts'

function evolve(metadata: TableMetadata, ...changes: readonly PartitionChange[]): TableMetadata {
  return commitChange(metadata, planPartitionChange(metadata, changes))
}

function fieldsOf(metadata: TableMetadata): readonly PartitionField[] {
  const id = metadata['default-spec-id']
  return metadata['partition-specs'].find((spec) => spec['spec-id'] === id)?.fields ?? []
}

/** As `name transform source id`, which fits on a line. */
function shown(metadata: TableMetadata): readonly string[] {
  return fieldsOf(metadata).map((field) => {
    return `${field.name} ${field.transform} ${field['source-id']} ${field['field-id']}`
  })
}

const byDay: PartitionChange = { op: 'add-field', column: 'event_ts', transform: 'day' }
const bySymbol: PartitionChange = { op: 'add-field', column: 'symbol', transform: 'identity' }

describe('a change of partitions', () => {
  it('is one new default spec, and demands that nobody was faster', () => {
    const table = evolvingTable()
    const plan = planPartitionChange(table, [byDay, bySymbol])
    expect(plan.requirements).toEqual([
      { type: 'assert-table-uuid', uuid: table['table-uuid'] },
      { type: 'assert-last-assigned-partition-id', 'last-assigned-partition-id': 999 },
      { type: 'assert-default-spec-id', 'default-spec-id': 0 },
    ])
    const after = commitChange(table, plan)
    expect(shown(after)).toEqual(['event_ts_day day 4 1000', 'symbol identity 1 1001'])
    expect(after).toMatchObject({ 'default-spec-id': 1, 'last-partition-id': 1001 })
    expect(after['partition-specs']).toHaveLength(2)
  })

  it('that changes nothing is no commit', () => {
    const table = evolve(evolvingTable(), byDay)
    expect(planPartitionChange(table, [])).toEqual({ requirements: [], updates: [] })
    const back = [{ op: 'remove-field', name: 'event_ts_day' } as const, byDay]
    expect(planPartitionChange(table, back).updates).toEqual([])
  })

  it.each<[PartitionChange & { op: 'add-field' }, string]>([
    [{ op: 'add-field', column: 'event_ts', transform: 'hour' }, 'event_ts_hour'],
    [{ op: 'add-field', column: 'day', transform: 'month' }, 'day_month'],
    [{ op: 'add-field', column: 'symbol', transform: 'bucket[16]' }, 'symbol_bucket_16'],
    [{ op: 'add-field', column: 'symbol', transform: 'truncate[4]' }, 'symbol_trunc_4'],
    [{ op: 'add-field', column: 'symbol', transform: 'void' }, 'symbol_null'],
    [{ op: 'add-field', column: 'venue.name', transform: 'identity' }, 'venue.name'],
    [{ op: 'add-field', column: 'size', transform: 'bucket[2]', name: 'shard' }, 'shard'],
  ])('names the field of %j %s', (change, name) => {
    expect(fieldsOf(evolve(evolvingTable(), change))[0]?.name).toBe(name)
  })

  it('gives a field of an earlier spec its id back, and no id twice', () => {
    let table = evolve(evolvingTable(), byDay, bySymbol)
    table = evolve(table, { op: 'remove-field', name: 'event_ts_day' })
    expect(shown(table)).toEqual(['symbol identity 1 1001'])
    table = evolve(table, { op: 'add-field', column: 'event_ts', transform: 'hour' })
    expect(shown(table)).toEqual(['symbol identity 1 1001', 'event_ts_hour hour 4 1002'])
    table = evolve(table, { op: 'remove-field', name: 'event_ts_hour' }, byDay)
    expect(shown(table)).toEqual(['symbol identity 1 1001', 'event_ts_day day 4 1000'])
    expect(table['last-partition-id']).toBe(1002)
  })

  it('renames a field under its id', () => {
    const table = evolve(evolvingTable(), byDay, {
      op: 'rename-field',
      name: 'event_ts_day',
      newName: 'd',
    })
    expect(shown(table)).toEqual(['d day 4 1000'])
  })

  it('back to an earlier layout takes that spec again', () => {
    const table = evolve(evolve(evolvingTable(), byDay), {
      op: 'remove-field',
      name: 'event_ts_day',
    })
    expect(table['default-spec-id']).toBe(0)
    expect(table['partition-specs']).toHaveLength(2)
  })

  it.each<[string, readonly PartitionChange[], RegExp]>([
    ['a column that is not there', [{ ...byDay, column: 'x' }], /Cannot find source column: x/],
    ['the same field twice', [byDay, byDay], /Cannot add duplicate partition field/],
    [
      'two fields of time of one column',
      [byDay, { ...byDay, transform: 'hour' }],
      /redundant partition field: hour\(event_ts\)/,
    ],
    [
      'a transform that does not take the type',
      [{ ...byDay, column: 'symbol' }],
      /Invalid source type string for transform: day/,
    ],
    ['a hash of a float', [{ ...byDay, column: 'venue.rank', transform: 'bucket[4]' }], /Invalid/],
    ['a struct', [{ ...bySymbol, column: 'venue' }], /Invalid source type struct/],
    [
      'a column inside of a list',
      [{ ...bySymbol, column: 'levels.element.quantity' }],
      /Invalid partition field parent: element|Invalid partition field parent: levels/,
    ],
    ['an unknown transform', [{ ...byDay, transform: 'zorder' as 'day' }], /not known here/],
    [
      'the name of another column',
      [{ ...byDay, name: 'price' }],
      /Cannot create partition from name that exists in schema: price/,
    ],
    [
      'the name of its own column, where it is not its value',
      [{ ...byDay, name: 'event_ts' }],
      /name that exists in schema: event_ts/,
    ],
    [
      'one name twice',
      [
        { ...byDay, name: 'p' },
        { ...bySymbol, name: 'p' },
      ],
      /Cannot use partition name more than once: p/,
    ],
    [
      'removing what is not there',
      [{ op: 'remove-field', name: 'x' }],
      /Cannot find partition field to remove: x/,
    ],
    [
      'renaming what is not there',
      [{ op: 'rename-field', name: 'x', newName: 'y' }],
      /Cannot find partition field to rename: x/,
    ],
  ])('refuses %s', (_, changes, fault) => {
    expect(() => planPartitionChange(evolvingTable(), changes)).toThrow(fault)
  })
})

describe('a change of partitions in format version 1', () => {
  it('leaves a removed field as one that is always null, under its id', () => {
    const table = evolve(evolvingTable({ formatVersion: 1 }), byDay, bySymbol)
    const removed = evolve(table, { op: 'remove-field', name: 'event_ts_day' })
    expect(shown(removed)).toEqual(['event_ts_day void 4 1000', 'symbol identity 1 1001'])
    expect(() =>
      planPartitionChange(removed, [{ op: 'remove-field', name: 'event_ts_day' }]),
    ).toThrow(/is removed already/)
  })

  it('gives the name of such a field to the one that takes its place', () => {
    const table = evolve(evolvingTable({ formatVersion: 1 }), byDay)
    const removed = evolve(table, { op: 'remove-field', name: 'event_ts_day' })
    const again = evolve(removed, byDay)
    expect(shown(again)).toEqual(['event_ts_day_1000 void 4 1000', 'event_ts_day day 4 1001'])
  })

  it('is made good in version 2: the field comes back under its id', () => {
    const table = evolve(evolvingTable({ formatVersion: 1 }), byDay)
    const removed = evolve(table, { op: 'remove-field', name: 'event_ts_day' })
    const upgraded = commitChange(removed, {
      requirements: [],
      updates: [{ action: 'upgrade-format-version', 'format-version': 2 }],
    })
    expect(shown(evolve(upgraded, byDay))).toEqual(['event_ts_day day 4 1000'])
  })
})

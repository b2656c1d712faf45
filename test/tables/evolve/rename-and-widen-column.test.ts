import { describe, expect, it } from 'vitest'
import { planSchemaChange } from '../../../tables/evolve/plan-schema-change.ts'
import type { SchemaChange } from '../../../tables/evolve/schema-change.ts'
import { isPromotionAllowed } from '../../../tables/evolve/type-promotion.ts'
import type { PartitionTransform } from '../../../tables/spec/partition-spec.ts'
import type { PrimitiveType } from '../../../tables/spec/schema.ts'
import {
  columnAt,
  columnNames,
  evolve,
  evolvingTable,
  partitionedBy,
  schemaOf,
} from './evolved-table.ts'

describe('renaming and moving a column', () => {
  it('keeps its id, and the identifier with it', () => {
    const table = evolve(
      evolvingTable(),
      { op: 'rename-column', column: 'symbol', name: 'ticker' },
      { op: 'rename-column', column: 'levels.element.quantity', name: 'size' },
      { op: 'set-doc', column: 'ticker', doc: 'its short name' },
    )
    expect(columnAt(table, 'ticker')).toMatchObject({ id: 1, doc: 'its short name' })
    expect(columnAt(table, 'levels.element.size')?.id).toBe(12)
    expect(schemaOf(table)['identifier-field-ids']).toEqual([1])
  })

  it('lets two columns swap their names', () => {
    const table = evolve(
      evolvingTable(),
      { op: 'rename-column', column: 'size', name: 'x' },
      { op: 'rename-column', column: 'price', name: 'size' },
      { op: 'rename-column', column: 'x', name: 'price' },
    )
    expect([columnAt(table, 'size')?.id, columnAt(table, 'price')?.id]).toEqual([3, 2])
  })

  it('may change the case of a name alone', () => {
    const table = evolve(evolvingTable(), { op: 'rename-column', column: 'size', name: 'Size' })
    expect(columnAt(table, 'Size')?.id).toBe(2)
  })

  it('moves among the columns of its struct', () => {
    const table = evolve(
      evolvingTable(),
      { op: 'move-column', column: 'price', position: 'first' },
      { op: 'move-column', column: 'symbol', position: { after: 'day' } },
      { op: 'move-column', column: 'tags', position: { before: 'levels' } },
      { op: 'move-column', column: 'size', position: 'last' },
      { op: 'move-column', column: 'venue.rank', position: { before: 'name' } },
    )
    expect(columnNames(table)).toEqual([
      ...['price', 'event_ts', 'day', 'symbol', 'venue', 'tags', 'levels', 'size'],
    ])
    expect(columnAt(table, 'venue')?.type).toMatchObject({ fields: [{ id: 10 }, { id: 9 }] })
  })

  it.each<[string, SchemaChange, RegExp]>([
    ['renaming to a name that is there', rename('size', 'price'), /already exists/],
    ['renaming to nothing', rename('size', ''), /must have a name/],
    ['renaming what is not there', rename('x', 'y'), /rename missing column: x/],
    ['renaming an element', rename('levels.element', 'y'), /of its list or map/],
    ['renaming a key', rename('tags.key', 'y'), /keys of a map/],
    [
      'moving next to a column of another struct',
      { op: 'move-column', column: 'size', position: { after: 'rank' } },
      /no column beside it/,
    ],
    [
      'moving next to itself',
      { op: 'move-column', column: 'size', position: { before: 'size' } },
      /Cannot move size before itself/,
    ],
    [
      'moving a value',
      { op: 'move-column', column: 'tags.value', position: 'first' },
      /non-struct type/,
    ],
  ])('is refused: %s', (_, change, fault) => {
    expect(() => planSchemaChange(evolvingTable(), [change])).toThrow(fault)
  })
})

function rename(column: string, name: string): SchemaChange {
  return { op: 'rename-column', column, name }
}

function widen(column: string, type: PrimitiveType): SchemaChange {
  return { op: 'widen-column', column, type }
}

describe('widening a column', () => {
  // The table of the specification, in full: everything else is refused.
  const types: readonly PrimitiveType[] = [
    ...(['boolean', 'int', 'long', 'float', 'double', 'date', 'time', 'timestamp'] as const),
    ...(['timestamptz', 'timestamp_ns', 'timestamptz_ns', 'string', 'uuid', 'binary'] as const),
    ...(['fixed[4]', 'decimal(4, 2)', 'decimal(9, 2)', 'decimal(9, 3)', 'unknown'] as const),
  ]
  const always = ['int>long', 'float>double', 'decimal(4, 2)>decimal(9, 2)']
  const inVersion3 = [...always, 'date>timestamp', 'date>timestamp_ns']

  it.each([1, 2, 3])('follows the table of the specification in version %s', (version) => {
    const allowed = types.flatMap((from) =>
      types
        .filter((to) => from !== to && isPromotionAllowed(from, to, version))
        .map((to) => `${from}>${to}`),
    )
    const unknowns = types.filter((type) => type !== 'unknown').map((type) => `unknown>${type}`)
    expect(allowed).toEqual(version < 3 ? always : [...inVersion3, ...unknowns].sort(byTable))
    function byTable(left: string, right: string): number {
      const place = (text: string) => types.indexOf(text.split('>')[0] as 'int')
      return place(left) - place(right)
    }
  })

  it('reaches into structs, lists and values', () => {
    const table = evolve(
      evolvingTable(),
      widen('size', 'long'),
      widen('price', 'decimal(20,2)'),
      widen('venue.rank', 'double'),
      widen('levels.element.quantity', 'long'),
      widen('tags.value', 'long'),
    )
    expect(columnAt(table, 'price')).toMatchObject({ id: 3, type: 'decimal(20, 2)' })
    expect(
      ['size', 'venue.rank', 'levels.element.quantity', 'tags.value'].map(
        (path) => columnAt(table, path)?.type,
      ),
    ).toEqual(['long', 'double', 'long', 'long'])
    expect(columnAt(table, 'tags')?.type).toMatchObject({ 'value-required': true })
  })

  it('gives the default of a date its midnight', () => {
    const table = evolve(
      evolvingTable({ formatVersion: 3 }),
      { op: 'add-column', name: 'due', type: 'date', defaultValue: '2024-02-29' },
      widen('due', 'timestamp'),
    )
    expect(columnAt(table, 'due')).toMatchObject({
      type: 'timestamp',
      'initial-default': '2024-02-29T00:00:00',
      'write-default': '2024-02-29T00:00:00',
    })
  })

  it.each<[string, SchemaChange]>([
    ['narrowing', widen('price', 'decimal(9, 2)')],
    ['another scale', widen('price', 'decimal(20, 4)')],
    ['another kind', widen('size', 'string')],
    ['a date before version 3', widen('day', 'timestamp')],
    ['a struct', widen('venue', 'string')],
    ['a key', widen('tags.key', 'binary')],
  ])('refuses %s', (_, change) => {
    expect(() => planSchemaChange(evolvingTable(), [change])).toThrow(/Cannot change/)
  })

  // bucket hashes a date's day number, and a timestamp's microseconds.
  it.each<[PartitionTransform, boolean]>([
    ['bucket[4]', false],
    ['identity', false],
    ['year', true],
    ['month', true],
    ['day', true],
    ['void', true],
  ])('of a date that %s partitions is allowed: %s', (transform, isAllowed) => {
    const plan = () => planSchemaChange(partitionedBy(5, transform, 3), [widen('day', 'timestamp')])
    if (isAllowed) expect(plan().updates).toHaveLength(2)
    else expect(plan).toThrow(/would change the values of the partition field part/)
  })
})

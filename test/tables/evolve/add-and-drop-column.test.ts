import { describe, expect, it } from 'vitest'
import { planSchemaChange } from '../../../tables/evolve/plan-schema-change.ts'
import type { SchemaChange } from '../../../tables/evolve/schema-change.ts'
import type { IcebergType } from '../../../tables/spec/schema.ts'
import {
  columnAt,
  columnNames,
  commitChange,
  evolve,
  evolvingTable,
  partitionedBy,
} from './evolved-table.ts'

const rank: SchemaChange = { op: 'add-column', name: 'flags', type: 'long' }

describe('a new column', () => {
  it('gets ids that no column had before, those of what is in it after its own', () => {
    const type: IcebergType = {
      type: 'struct',
      fields: [
        {
          id: 1,
          name: 'l',
          required: false,
          type: { type: 'list', 'element-id': 1, 'element-required': false, element: 'int' },
        },
        { id: 1, name: 'd', required: true, type: 'decimal(4,2)' },
      ],
    }
    const dropped = evolve(evolvingTable(), { op: 'drop-column', column: 'tags' })
    const table = evolve(dropped, { op: 'add-column', name: 's', type })
    expect(['s', 's.l', 's.d', 's.l.element'].map((path) => columnAt(table, path)?.id)).toEqual([
      15, 16, 17, 18,
    ])
    expect(columnAt(table, 's.d')?.type).toBe('decimal(4, 2)')
    expect(table['last-column-id']).toBe(18)
  })

  it.each<[SchemaChange & { op: 'add-column' }, readonly string[]]>([
    [{ op: 'add-column', name: 'n', type: 'int' }, ['levels', 'tags', 'n']],
    [{ op: 'add-column', name: 'n', type: 'int', position: 'first' }, ['n', 'symbol']],
    [{ op: 'add-column', name: 'n', type: 'int', position: { after: 'size' } }, ['size', 'n']],
    [{ op: 'add-column', name: 'n', type: 'int', position: { before: 'size' } }, ['n', 'size']],
  ])('%j stands where it is said to', (change, neighbours) => {
    expect(columnNames(evolve(evolvingTable(), change)).join()).toContain(neighbours.join())
  })

  it.each([
    ['venue', 'venue.country'],
    ['levels', 'levels.element.country'],
    ['levels.element', 'levels.element.country'],
  ])('goes into the struct below %s', (parent, path) => {
    const table = evolve(evolvingTable(), {
      op: 'add-column',
      parent,
      name: 'country',
      type: 'string',
      doc: 'ISO',
    })
    expect(columnAt(table, path)).toEqual({
      id: 15,
      name: 'country',
      required: false,
      type: 'string',
      doc: 'ISO',
    })
  })

  it('may be required in version 3 with a default, which old rows and new rows get', () => {
    const table = evolve(evolvingTable({ formatVersion: 3 }), {
      op: 'add-column',
      name: 'fee',
      type: 'decimal(9, 2)',
      isRequired: true,
      defaultValue: '0.50',
    })
    expect(columnAt(table, 'fee')).toMatchObject({
      required: true,
      'initial-default': '0.50',
      'write-default': '0.50',
    })
  })

  it.each<[string, SchemaChange, RegExp]>([
    ['required without a default', { ...rank, isRequired: true }, /without a default/],
    [
      'with a default before version 3',
      { ...rank, defaultValue: 1 },
      /need format version 3, the table has 2/,
    ],
    ['of a name that is there', { op: 'add-column', name: 'size', type: 'int' }, /already exists/],
    ['of that name in capitals', { op: 'add-column', name: 'SIZE', type: 'int' }, /already exists/],
    ['without a name', { op: 'add-column', name: '', type: 'int' }, /must have a name/],
    [
      'of a name that is there in its struct',
      { op: 'add-column', parent: 'venue', name: 'rank', type: 'int' },
      /already exists/,
    ],
    [
      'below what is no struct',
      { op: 'add-column', parent: 'size', name: 'x', type: 'int' },
      /Cannot add to non-struct column: size/,
    ],
    [
      'below a map of no structs',
      { op: 'add-column', parent: 'tags', name: 'x', type: 'int' },
      /non-struct column: tags/,
    ],
    [
      'below what is not there',
      { op: 'add-column', parent: 'nothing', name: 'x', type: 'int' },
      /missing column: nothing/,
    ],
    [
      'beside what is not there',
      { op: 'add-column', name: 'x', type: 'int', position: { after: 'rank' } },
      /after rank, which is no column beside it/,
    ],
    ['of an unknown type', { op: 'add-column', name: 'x', type: 'hugeint' as 'int' }, /not known/],
    [
      'of a type of version 3',
      { op: 'add-column', name: 'x', type: 'timestamp_ns' },
      /Invalid type for x: timestamp_ns is not supported until v3/,
    ],
  ])('%s is refused', (_, change, fault) => {
    expect(() => planSchemaChange(evolvingTable(), [change])).toThrow(fault)
  })

  it('of the name of a partition field is refused', () => {
    const table = partitionedBy(1, 'bucket[4]')
    const change: SchemaChange = { op: 'add-column', name: 'part', type: 'int' }
    expect(() => planSchemaChange(table, [change])).toThrow(/a partition field has that name/)
  })
})

describe('dropping a column', () => {
  it('leaves all others as they are', () => {
    const table = evolve(
      evolvingTable(),
      { op: 'drop-column', column: 'venue.rank' },
      { op: 'drop-column', column: 'price' },
    )
    expect(columnNames(table)).not.toContain('price')
    expect(columnAt(table, 'venue')?.type).toMatchObject({ fields: [{ id: 9 }] })
    expect(table['last-column-id']).toBe(14)
  })

  it.each<[string, SchemaChange, RegExp]>([
    ['that is not there', { op: 'drop-column', column: 'x' }, /delete missing column: x/],
    [
      'of the identifier',
      { op: 'drop-column', column: 'symbol' },
      /delete identifier field symbol/,
    ],
    ['that is an element', { op: 'drop-column', column: 'levels.element' }, /of its list or map/],
    ['that is a key', { op: 'drop-column', column: 'tags.key' }, /keys of a map/],
    ['that is a value', { op: 'drop-column', column: 'tags.value' }, /of its list or map/],
    [
      'that is the last of its struct',
      { op: 'drop-column', column: 'levels.element.quantity' },
      /the last column of its struct/,
    ],
  ])('%s is refused', (_, change, fault) => {
    expect(() => planSchemaChange(evolvingTable(), [change])).toThrow(fault)
  })

  it('is refused while rows to come are partitioned or sorted by it', () => {
    const drop: SchemaChange = { op: 'drop-column', column: 'event_ts' }
    expect(() => planSchemaChange(partitionedBy(4, 'day'), [drop])).toThrow(
      /Cannot find source column for partition field: part \(event_ts\)/,
    )
    const sort = { 'source-id': 4, transform: 'identity', direction: 'asc' } as const
    const sorted = evolvingTable({
      sortOrder: { 'order-id': 1, fields: [{ ...sort, 'null-order': 'nulls-first' }] },
    })
    expect(() => planSchemaChange(sorted, [drop])).toThrow(
      /Cannot find source column for sort field: event_ts/,
    )
  })

  it('is allowed where only an older spec, or a field that is always null, has it', () => {
    const drop: SchemaChange = { op: 'drop-column', column: 'event_ts' }
    const table = partitionedBy(4, 'day')
    const unpartitioned = commitChange(table, {
      requirements: [],
      updates: [
        { action: 'add-spec', spec: { 'spec-id': 1, fields: [] } },
        { action: 'set-default-spec', 'spec-id': -1 },
      ],
    })
    expect(columnNames(evolve(unpartitioned, drop))).not.toContain('event_ts')
    expect(columnNames(evolve(partitionedBy(4, 'void'), drop))).not.toContain('event_ts')
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { planSchemaChange } from '../../../tables/evolve/plan-schema-change.ts'
import type { ColumnPosition, SchemaChange } from '../../../tables/evolve/schema-change.ts'
import { schemaIdList } from '../../../tables/spec/schema-fields.ts'
import { schemaFaults } from '../../../tables/spec/schema-rules.ts'
import type { PrimitiveType } from '../../../tables/spec/schema.ts'
import { columnAt, commitChange, evolve, evolvingTable, schemaOf } from './evolved-table.ts'

const rank: SchemaChange = { op: 'add-column', name: 'flags', type: 'long' }

describe('a change of schema', () => {
  it('is one new schema under the next id, and demands that nobody was faster', () => {
    const table = evolvingTable()
    const plan = planSchemaChange(table, [
      { op: 'add-column', name: 'a', type: 'long' },
      { op: 'add-column', name: 'b', type: 'long' },
    ])
    expect(plan.requirements).toEqual([
      { type: 'assert-table-uuid', uuid: table['table-uuid'] },
      { type: 'assert-last-assigned-field-id', 'last-assigned-field-id': 14 },
      { type: 'assert-current-schema-id', 'current-schema-id': 0 },
    ])
    expect(plan.updates.map((update) => update.action)).toEqual([
      'add-schema',
      'set-current-schema',
    ])
    const after = commitChange(table, plan)
    expect(after).toMatchObject({ 'current-schema-id': 1, 'last-column-id': 16 })
    expect(after.schemas).toHaveLength(2)
    expect(after.schemas[0]).toEqual(table.schemas[0])
  })

  it('that changes nothing is no commit', () => {
    const table = evolvingTable()
    const change: SchemaChange = { op: 'move-column', column: 'symbol', position: 'first' }
    expect(planSchemaChange(table, [change])).toEqual({ requirements: [], updates: [] })
  })

  it('back to an earlier schema takes that one again', () => {
    const table = evolve(evolvingTable(), rank)
    const back = evolve(table, { op: 'drop-column', column: 'flags' })
    expect(back['current-schema-id']).toBe(0)
    expect(back.schemas).toHaveLength(2)
    expect(back['last-column-id']).toBe(15)
  })
})

describe('the facts of a column', () => {
  it('become optional, and docs come and go', () => {
    const table = evolve(
      evolvingTable(),
      { op: 'make-optional', column: 'size' },
      { op: 'make-optional', column: 'venue.name' },
      { op: 'make-optional', column: 'levels.element' },
      { op: 'make-optional', column: 'tags.value' },
      { op: 'set-doc', column: 'symbol', doc: undefined },
    )
    expect(
      ['size', 'venue.name', 'levels.element', 'tags.value'].map(
        (path) => columnAt(table, path)?.required,
      ),
    ).toEqual([false, false, false, false])
    expect(columnAt(table, 'symbol')).not.toHaveProperty('doc')
  })

  it('set the default of rows to come, and leave that of old rows', () => {
    const table = evolve(
      evolvingTable({ formatVersion: 3 }),
      { op: 'add-column', name: 'flags', type: 'int', defaultValue: 1 },
      { op: 'set-default', column: 'flags', defaultValue: 2 },
      { op: 'set-default', column: 'size', defaultValue: 5 },
    )
    expect(columnAt(table, 'flags')).toMatchObject({ 'initial-default': 1, 'write-default': 2 })
    expect(columnAt(table, 'size')).not.toHaveProperty('initial-default')
    const without = evolve(table, { op: 'set-default', column: 'flags', defaultValue: null })
    expect(columnAt(without, 'flags')).not.toHaveProperty('write-default')
    expect(columnAt(without, 'flags')).toMatchObject({ 'initial-default': 1 })
  })

  it.each<[string, SchemaChange, RegExp]>([
    ['an optional identifier', { op: 'make-optional', column: 'symbol' }, /not a required field/],
    ['a default before version 3', setDefault('size', 1), /need format version 3/],
    [
      'an identifier that may be null',
      { op: 'set-identifier', columns: ['price'] },
      /not a required field/,
    ],
    [
      'an identifier below an optional struct',
      { op: 'set-identifier', columns: ['venue.name'] },
      /nested in the optional field venue/,
    ],
    [
      'an identifier inside of a map',
      { op: 'set-identifier', columns: ['tags.value'] },
      /must not be nested in tags, a map/,
    ],
    ['an identifier that is not there', { op: 'set-identifier', columns: ['x'] }, /missing column/],
  ])('refuse %s', (_, change, fault) => {
    expect(() => planSchemaChange(evolvingTable(), [change])).toThrow(fault)
  })

  it('refuse a default that is no value of the type', () => {
    const table = evolvingTable({ formatVersion: 3 })
    expect(() => planSchemaChange(table, [setDefault('size', '1')])).toThrow(/"1" is no int value/)
    expect(() => planSchemaChange(table, [setDefault('price', '1.5')])).toThrow(/no decimal/)
  })

  it('change the identifier', () => {
    const table = evolve(evolvingTable(), { op: 'set-identifier', columns: ['symbol', 'size'] })
    expect(schemaOf(table)['identifier-field-ids']).toEqual([1, 2])
    const without = evolve(table, { op: 'set-identifier', columns: [] }, rank)
    expect(schemaOf(without)['identifier-field-ids']).toEqual([])
  })
})

function setDefault(column: string, defaultValue: unknown): SchemaChange {
  return { op: 'set-default', column, defaultValue }
}

describe('what names columns by text', () => {
  it('follows them: the name mapping and the settings of single columns', () => {
    const mapping = [
      { 'field-id': 2, names: ['size'] },
      { 'field-id': 3, names: ['price', 'px'] },
      { 'field-id': 6, names: ['venue'], fields: [{ 'field-id': 9, names: ['name'] }] },
    ]
    const table = evolve(
      evolvingTable({
        properties: {
          'schema.name-mapping.default': JSON.stringify(mapping),
          'write.metadata.metrics.column.size': 'full',
          'write.metadata.metrics.column.price': 'none',
          'write.metadata.metrics.column.day': 'counts',
        },
      }),
      { op: 'drop-column', column: 'price' },
      { op: 'rename-column', column: 'size', name: 'price' },
      { op: 'add-column', parent: 'venue', name: 'country', type: 'string' },
    )
    const properties = table.properties
    expect(properties).toMatchObject({
      'write.metadata.metrics.column.price': 'full',
      'write.metadata.metrics.column.day': 'counts',
    })
    expect(properties).not.toHaveProperty(['write.metadata.metrics.column.size'])
    const updated = JSON.parse(properties['schema.name-mapping.default'] ?? '') as object[]
    expect(updated.slice(0, 3)).toEqual([
      { 'field-id': 2, names: ['size', 'price'] },
      { 'field-id': 3, names: ['px'] },
      {
        'field-id': 6,
        names: ['venue'],
        fields: [
          { 'field-id': 9, names: ['name'] },
          { 'field-id': 10, names: ['rank'] },
          { 'field-id': 15, names: ['country'] },
        ],
      },
    ])
  })
})

describe('any changes', () => {
  const paths = ['symbol', 'size', 'price', 'day', 'venue.rank', 'levels.element.quantity', 'n0']
  const change: fc.Arbitrary<SchemaChange> = fc.oneof(
    fc.record({
      op: fc.constant('add-column' as const),
      name: fc.constantFrom('n0', 'n1', 'n2'),
      type: fc.constantFrom<PrimitiveType>('int', 'string', 'float'),
      position: fc.constantFrom<ColumnPosition>('first', 'last', { after: 'day' }),
    }),
    fc.record({ op: fc.constant('drop-column' as const), column: fc.constantFrom(...paths) }),
    fc.record({
      op: fc.constant('rename-column' as const),
      column: fc.constantFrom(...paths),
      name: fc.constantFrom('n0', 'r1', 'r2'),
    }),
    fc.record({
      op: fc.constant('move-column' as const),
      column: fc.constantFrom(...paths),
      position: fc.constantFrom<ColumnPosition>('first', { before: 'tags' }),
    }),
    fc.record({
      op: fc.constant('widen-column' as const),
      column: fc.constantFrom(...paths),
      type: fc.constantFrom<PrimitiveType>('long', 'double'),
    }),
    fc.record({ op: fc.constant('make-optional' as const), column: fc.constantFrom(...paths) }),
  )

  it('leave a sound schema, in which no id ever means a second column', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 25 }), (changes) => {
        let table = evolvingTable()
        for (const one of changes) {
          const before = new Set(schemaIdList(schemaOf(table)))
          const ever = table['last-column-id']
          try {
            table = evolve(table, one)
          } catch {
            continue
          }
          expect(schemaFaults(schemaOf(table), 2)).toEqual([])
          const ids = schemaIdList(schemaOf(table))
          expect(new Set(ids).size).toBe(ids.length)
          expect(ids.filter((id) => !before.has(id) && id <= ever)).toEqual([])
          expect(Math.max(...ids)).toBeLessThanOrEqual(table['last-column-id'])
        }
      }),
    )
  })
})

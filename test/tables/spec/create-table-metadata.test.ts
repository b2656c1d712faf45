import { describe, expect, it } from 'vitest'
import { createTableMetadata } from '../../../tables/spec/create-table-metadata.ts'
import type { NewTable } from '../../../tables/spec/create-table-metadata.ts'
import { schemaFaults } from '../../../tables/spec/schema-rules.ts'
import type { IcebergType, Schema, SchemaField } from '../../../tables/spec/schema.ts'
import {
  parseTableMetadata,
  serializeTableMetadata,
} from '../../../tables/spec/table-metadata-json.ts'

const schema: Schema = {
  type: 'struct',
  'schema-id': 7,
  'identifier-field-ids': [30],
  fields: [
    {
      id: 10,
      name: 'levels',
      required: false,
      type: {
        type: 'list',
        'element-id': 11,
        'element-required': true,
        element: {
          type: 'struct',
          fields: [{ id: 12, name: 'price', required: true, type: 'double' }],
        },
      },
    },
    {
      id: 20,
      name: 'tags',
      required: false,
      type: {
        type: 'map',
        'key-id': 21,
        key: 'string',
        'value-id': 22,
        'value-required': false,
        value: 'int',
      },
    },
    { id: 30, name: 'symbol', required: true, type: 'string' },
  ],
}

const table: NewTable = {
  uuid: '9c12d441-03fe-4693-9a96-a0705ddf69c1',
  location: 'file:///lake/t/',
  schema,
  partitionSpec: {
    'spec-id': 5,
    fields: [{ 'source-id': 30, 'field-id': 1044, name: 'symbol', transform: 'identity' }],
  },
  sortOrder: {
    'order-id': 9,
    fields: [
      { transform: 'identity', 'source-id': 30, direction: 'asc', 'null-order': 'nulls-first' },
    ],
  },
  properties: { comment: 'x', 'format-version': '2' },
  formatVersion: 2,
  nowMs: 1_700_000_000_000,
}

describe('createTableMetadata', () => {
  // The reference catalog numbers all fields of a struct before it goes into them, and clients
  // compare what they get with that.
  it('numbers fields level by level, as the reference catalog does', () => {
    const metadata = createTableMetadata(table)
    expect(metadata.schemas).toEqual([
      {
        type: 'struct',
        'schema-id': 0,
        'identifier-field-ids': [3],
        fields: [
          {
            id: 1,
            name: 'levels',
            required: false,
            type: {
              type: 'list',
              'element-id': 4,
              'element-required': true,
              element: {
                type: 'struct',
                fields: [{ id: 5, name: 'price', required: true, type: 'double' }],
              },
            },
          },
          {
            id: 2,
            name: 'tags',
            required: false,
            type: {
              type: 'map',
              'key-id': 6,
              key: 'string',
              'value-id': 7,
              'value-required': false,
              value: 'int',
            },
          },
          { id: 3, name: 'symbol', required: true, type: 'string' },
        ],
      },
    ])
    expect(metadata['last-column-id']).toBe(7)
  })

  it('points spec and sort order at the new ids and numbers them afresh', () => {
    const metadata = createTableMetadata(table)
    expect(metadata['partition-specs']).toEqual([
      {
        'spec-id': 0,
        fields: [{ 'source-id': 3, 'field-id': 1000, name: 'symbol', transform: 'identity' }],
      },
    ])
    expect(metadata['last-partition-id']).toBe(1000)
    expect(metadata['sort-orders'][0]?.fields[0]?.['source-id']).toBe(3)
    expect(metadata['default-sort-order-id']).toBe(1)
  })

  it('keeps ids that are 1 to n already, in whatever order', () => {
    const fields = [
      { id: 2, name: 'a', required: true, type: 'long' as const },
      { id: 1, name: 'b', required: true, type: 'long' as const },
    ]
    const ours: Schema = { type: 'struct', 'schema-id': 0, fields }
    const { partitionSpec: _, sortOrder: __, ...plain } = table
    const metadata = createTableMetadata({ ...plain, schema: ours })
    expect(metadata.schemas[0]?.fields).toEqual(fields)
    expect(metadata['last-partition-id']).toBe(999)
    expect(metadata['sort-orders']).toEqual([{ 'order-id': 0, fields: [] }])
  })

  it('numbers a schema afresh that gives two fields one id', () => {
    const fields = ['a', 'b'].map((name) => ({ id: 1, name, required: true, type: 'int' as const }))
    const { partitionSpec: _, sortOrder: __, ...plain } = table
    const metadata = createTableMetadata({
      ...plain,
      schema: { type: 'struct', 'schema-id': 0, fields },
    })
    expect(metadata.schemas[0]?.fields.map((field) => field.id)).toEqual([1, 2])
  })

  it('makes metadata that reads back as it is, without reserved properties', () => {
    for (const formatVersion of [1, 2, 3] as const) {
      const metadata = createTableMetadata({ ...table, formatVersion })
      expect(parseTableMetadata(serializeTableMetadata(metadata))).toEqual(metadata)
      expect(metadata.properties).toEqual({ comment: 'x' })
      expect(metadata.location).toBe('file:///lake/t')
      expect(metadata['next-row-id']).toBe(formatVersion === 3 ? 0 : undefined)
    }
  })

  it('refuses a spec of a column that is not there', () => {
    const fields = [{ 'source-id': 99, 'field-id': 1000, name: 'x', transform: 'day' as const }]
    expect(() =>
      createTableMetadata({ ...table, partitionSpec: { 'spec-id': 0, fields } }),
    ).toThrow(/partition field x names column id 99/)
  })

  it.each<[string, IcebergType, 1 | 2, RegExp]>([
    [
      'nanoseconds',
      'timestamptz_ns',
      2,
      /Invalid schema for v2: Invalid type for x: timestamptz_ns/,
    ],
    ['a variant', 'variant', 2, /variant is not supported until v3/],
    ['a place', 'geometry(srid:3857)', 1, /is not supported until v3/],
    [
      'an unknown type deep inside',
      { type: 'list', 'element-id': 2, 'element-required': false, element: 'unknown' },
      2,
      /Invalid type for x.element: unknown is not supported until v3/,
    ],
  ])('refuses %s before version 3', (_, type, formatVersion, fault) => {
    const fields = [{ id: 1, name: 'x', required: false, type }]
    const made = (version: 1 | 2 | 3) =>
      createTableMetadata({
        uuid: table.uuid,
        location: table.location,
        schema: { type: 'struct', 'schema-id': 0, fields },
        properties: {},
        formatVersion: version,
        nowMs: 1,
      })
    expect(() => made(formatVersion)).toThrow(fault)
    expect(made(3).schemas[0]?.fields[0]?.type).toEqual(type)
  })

  it.each<[string, Partial<SchemaField>, RegExp]>([
    [
      'a default before version 3',
      { 'initial-default': 1 },
      /non-null default \(1\) is not supported/,
    ],
    ['a second column of one name', { name: 'symbol' }, /multiple fields for name symbol/],
    ['a reserved field id', { id: 2_147_483_546 }, /it is reserved/],
  ])('refuses %s', (_, changes, fault) => {
    const field: SchemaField = { id: 2, name: 'x', required: false, type: 'int', ...changes }
    const symbol: SchemaField = { id: 1, name: 'symbol', required: true, type: 'string' }
    const faults = schemaFaults({ type: 'struct', 'schema-id': 0, fields: [symbol, field] }, 2)
    expect(faults.join()).toMatch(fault)
  })
})

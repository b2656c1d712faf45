import { describe, expect, it } from 'vitest'
import type { TableDefinition } from '../../../tables/spec/table-definition.ts'
import { tableSchemaOf } from '../../../tables/spec/table-schema-of.ts'

const definition: TableDefinition = {
  name: 'gold.bars',
  doc: 'Bars.',
  columns: [
    column(1, 'symbol', 'string'),
    column(2, 'open_ts', 'timestamptz'),
    column(3, 'volume', 'decimal(38,8)'),
  ],
  key: ['symbol', 'open_ts'],
  partition: [
    { column: 'open_ts', transform: 'month' },
    { column: 'symbol', transform: 'bucket[8]' },
    { column: 'symbol', transform: 'identity' },
  ],
  sort: ['symbol', 'open_ts'],
}

function column(fieldId: number, name: string, type: 'string' | 'timestamptz' | 'decimal(38,8)') {
  return { fieldId, name, type, isRequired: fieldId < 3, role: 'content' as const, doc: `${name}.` }
}

describe('tableSchemaOf', () => {
  it('turns a definition into schema, partition spec and sort order', () => {
    expect(tableSchemaOf(definition)).toEqual({
      schema: {
        type: 'struct',
        'schema-id': 0,
        fields: [
          { id: 1, name: 'symbol', required: true, type: 'string', doc: 'symbol.' },
          { id: 2, name: 'open_ts', required: true, type: 'timestamptz', doc: 'open_ts.' },
          { id: 3, name: 'volume', required: false, type: 'decimal(38, 8)', doc: 'volume.' },
        ],
      },
      partitionSpec: {
        'spec-id': 0,
        fields: [
          { 'source-id': 2, 'field-id': 1000, name: 'open_ts_month', transform: 'month' },
          { 'source-id': 1, 'field-id': 1001, name: 'symbol_bucket', transform: 'bucket[8]' },
          { 'source-id': 1, 'field-id': 1002, name: 'symbol', transform: 'identity' },
        ],
      },
      sortOrder: {
        'order-id': 1,
        fields: [1, 2].map((id) => ({
          transform: 'identity',
          'source-id': id,
          direction: 'asc',
          'null-order': 'nulls-first',
        })),
      },
    })
  })

  it('gives order 0 to a table without an order', () => {
    const plain = tableSchemaOf({ ...definition, sort: [], partition: [] })
    expect(plain.sortOrder).toEqual({ 'order-id': 0, fields: [] })
    expect(plain.partitionSpec).toEqual({ 'spec-id': 0, fields: [] })
  })

  it('refuses a name that is no column, and an id that two columns share', () => {
    expect(() => tableSchemaOf({ ...definition, sort: ['nothing'] })).toThrow(/by nothing/)
    const twice = [column(1, 'a', 'string'), column(1, 'b', 'string')]
    expect(() => tableSchemaOf({ ...definition, columns: twice })).toThrow(/one field id/)
  })
})

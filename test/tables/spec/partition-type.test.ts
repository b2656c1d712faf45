import { describe, expect, it } from 'vitest'
import { createTableMetadata } from '../../../tables/spec/create-table-metadata.ts'
import { partitionType, schemaOfSpec } from '../../../tables/spec/partition-type.ts'
import type { Schema, SchemaField } from '../../../tables/spec/schema.ts'
import type { TableMetadata } from '../../../tables/spec/table-metadata.ts'

const symbol: SchemaField = { id: 1, name: 'symbol', required: true, type: 'string' }
const size: SchemaField = { id: 2, name: 'size', required: true, type: 'int' }
const wide: SchemaField = { ...size, type: 'long' }

function schemaOf(id: number, ...fields: readonly SchemaField[]): Schema {
  return { type: 'struct', 'schema-id': id, fields }
}

const spec = {
  'spec-id': 0,
  fields: [
    { 'source-id': 2, 'field-id': 1000, name: 'size', transform: 'identity' as const },
    { 'source-id': 1, 'field-id': 1001, name: 'shard', transform: 'bucket[4]' as const },
  ],
}

function tableWith(...schemas: readonly Schema[]): TableMetadata {
  const made = createTableMetadata({
    uuid: '9c12d441-03fe-4693-9a96-a0705ddf69c1',
    location: 'file:///lake/t',
    schema: schemaOf(0, symbol, size),
    partitionSpec: spec,
    properties: {},
    formatVersion: 2,
    nowMs: 1,
  })
  return { ...made, schemas, 'current-schema-id': schemas.length - 1 }
}

describe('the schema of a partition spec', () => {
  it('is the current one while it has the columns: types are those of today', () => {
    const table = tableWith(schemaOf(0, symbol, size), schemaOf(1, wide, symbol))
    const schema = schemaOfSpec(table, spec)
    expect(schema?.['schema-id']).toBe(1)
    expect(partitionType(schema!, spec).map(({ type }) => type)).toEqual(['long', 'int'])
  })

  // Old files lie in partitions of a column that is gone: their manifests are still written.
  it('is the newest that has them where a column was dropped', () => {
    const table = tableWith(
      schemaOf(0, symbol, size),
      schemaOf(1, symbol, wide),
      schemaOf(2, symbol),
      schemaOf(3, { ...symbol, name: 'ticker' }),
    )
    const schema = schemaOfSpec(table, spec)
    expect(schema?.['schema-id']).toBe(1)
    expect(partitionType(schema!, spec).map(({ type }) => type)).toEqual(['long', 'int'])
  })
})

import { describe, expect, it } from 'vitest'

import { applyUpdates } from '../../../tables/commit/apply-updates.ts'
import type { TableMetadata } from '../../../tables/spec/table-metadata.ts'
import type { TableUpdate } from '../../../tables/spec/table-update.ts'
import { append, sampleSchema, sampleSnapshot, sampleTable } from './sample-table.ts'

const apply = (table: TableMetadata, ...updates: readonly TableUpdate[]): TableMetadata =>
  applyUpdates(table, updates, { nowMs: 5_000 })

const withSide = {
  ...sampleSchema,
  fields: [
    ...sampleSchema.fields,
    { id: 4, name: 'side', required: false, type: 'string' as const },
  ],
}

const byDay = {
  'spec-id': 7,
  fields: [{ 'source-id': 3, 'field-id': 1000, name: 'day', transform: 'day' as const }],
}

const bySymbol = {
  'order-id': 9,
  fields: [
    {
      transform: 'identity' as const,
      'source-id': 1,
      direction: 'asc' as const,
      'null-order': 'nulls-first' as const,
    },
  ],
}

describe('applyUpdates to schemas, specs and sort orders', () => {
  it('gives a new schema the next id and raises last-column-id', () => {
    const table = apply(
      sampleTable(),
      { action: 'add-schema', schema: withSide },
      { action: 'set-current-schema', 'schema-id': -1 },
    )
    expect(table.schemas.map((schema) => schema['schema-id'])).toEqual([0, 1])
    expect(table).toMatchObject({ 'current-schema-id': 1, 'last-column-id': 4 })
  })

  it('finds an equal schema again instead of adding it twice', () => {
    const table = apply(
      sampleTable(),
      { action: 'add-schema', schema: { ...sampleSchema, 'schema-id': 5 } },
      { action: 'set-current-schema', 'schema-id': -1 },
    )
    expect(table).toEqual(sampleTable())
  })

  it('never lowers last-column-id, so that the id of a dropped column is not used again', () => {
    const widened = apply(sampleTable(), { action: 'add-schema', schema: withSide })
    const narrowed = { ...sampleSchema, fields: sampleSchema.fields.slice(0, 2) }
    expect(apply(widened, { action: 'add-schema', schema: narrowed })['last-column-id']).toBe(4)
  })

  it('removes a schema that is not current', () => {
    const table = apply(sampleTable(), { action: 'add-schema', schema: withSide })
    expect(apply(table, { action: 'remove-schemas', 'schema-ids': [1] }).schemas).toEqual(
      sampleTable().schemas,
    )
  })

  it('adds a partition spec and makes it the default one', () => {
    const table = apply(
      sampleTable(),
      { action: 'add-spec', spec: byDay },
      { action: 'set-default-spec', 'spec-id': -1 },
    )
    expect(table['partition-specs']).toEqual([
      { 'spec-id': 0, fields: [] },
      { ...byDay, 'spec-id': 1 },
    ])
    expect(table).toMatchObject({ 'default-spec-id': 1, 'last-partition-id': 1000 })
    expect(
      apply(
        table,
        { action: 'set-default-spec', 'spec-id': 0 },
        { action: 'remove-partition-specs', 'spec-ids': [1] },
      )['partition-specs'],
    ).toEqual([{ 'spec-id': 0, fields: [] }])
  })

  it('gives a partition field without an id the one it had before, else the next free one', () => {
    const unbound = { 'source-id': 3, name: 'event_day', transform: 'day' }
    const second = { 'source-id': 1, name: 'symbol', transform: 'identity' }
    const table = apply(
      sampleTable(),
      { action: 'add-spec', spec: byDay },
      {
        action: 'add-spec',
        spec: { 'spec-id': 0, fields: [unbound, second] } as never,
      },
    )
    expect(table['partition-specs'][2]?.fields.map((field) => field['field-id'])).toEqual([
      1000, 1001,
    ])
    expect(table['last-partition-id']).toBe(1001)
  })

  it('numbers sort orders from 1 and keeps 0 for unsorted', () => {
    const table = apply(
      sampleTable(),
      { action: 'add-sort-order', 'sort-order': bySymbol },
      { action: 'set-default-sort-order', 'sort-order-id': -1 },
    )
    expect(table['sort-orders'].map((order) => order['order-id'])).toEqual([0, 1])
    expect(table['default-sort-order-id']).toBe(1)
    const back = apply(
      table,
      { action: 'add-sort-order', 'sort-order': { 'order-id': 4, fields: [] } },
      { action: 'set-default-sort-order', 'sort-order-id': -1 },
    )
    expect(back['default-sort-order-id']).toBe(0)
  })
})

describe('applyUpdates to the table itself', () => {
  it('sets and removes properties', () => {
    const table = apply(
      sampleTable({ kept: 'a', old: 'b' }),
      { action: 'set-properties', updates: { fresh: 'c' } },
      { action: 'remove-properties', removals: ['old', 'unknown'] },
    )
    expect(table.properties).toEqual({ kept: 'a', fresh: 'c' })
  })

  it('moves the location, without a slash at its end', () => {
    expect(apply(sampleTable(), { action: 'set-location', location: 's3://b/t/' }).location).toBe(
      's3://b/t',
    )
  })

  it('raises the format version and gives version 3 its row ids', () => {
    const table = apply(sampleTable(), { action: 'upgrade-format-version', 'format-version': 3 })
    expect(table).toMatchObject({ 'format-version': 3, 'next-row-id': 0 })
    const snapshot = sampleSnapshot(1n, { sequenceNumber: 1 })
    const rows = { 'first-row-id': 0, 'added-rows': 12 }
    expect(
      apply(table, { action: 'add-snapshot', snapshot: { ...snapshot, ...rows } }),
    ).toMatchObject({ 'next-row-id': 12 })
    expect(() => apply(table, { action: 'add-snapshot', snapshot })).toThrow(/first-row-id is null/)
  })

  it('answers the same object where nothing changes, so that no metadata file is written', () => {
    const table = apply(sampleTable({ a: 'b' }), ...append(1n, { sequenceNumber: 1 }))
    expect(
      apply(
        table,
        { action: 'assign-uuid', uuid: table['table-uuid'].toUpperCase() },
        { action: 'upgrade-format-version', 'format-version': 2 },
        { action: 'set-current-schema', 'schema-id': 0 },
        { action: 'set-default-spec', 'spec-id': 0 },
        { action: 'set-default-sort-order', 'sort-order-id': 0 },
        { action: 'set-location', location: table.location },
        { action: 'set-properties', updates: { a: 'b' } },
        { action: 'remove-properties', removals: ['unknown'] },
        { action: 'set-snapshot-ref', 'ref-name': 'main', 'snapshot-id': 1n, type: 'branch' },
        { action: 'remove-snapshot-ref', 'ref-name': 'unknown' },
        { action: 'remove-snapshots', 'snapshot-ids': [99n] },
        { action: 'remove-statistics', 'snapshot-id': 1n },
        { action: 'remove-partition-statistics', 'snapshot-id': 1n },
      ),
    ).toBe(table)
  })

  it('builds a new table out of updates alone', () => {
    const table = applyUpdates(
      undefined,
      [
        { action: 'assign-uuid', uuid: 'u' },
        { action: 'upgrade-format-version', 'format-version': 2 },
        { action: 'add-schema', schema: { ...sampleSchema, 'schema-id': 3 } },
        { action: 'set-current-schema', 'schema-id': -1 },
        { action: 'add-spec', spec: byDay },
        { action: 'set-default-spec', 'spec-id': -1 },
        { action: 'set-location', location: 'memory://lake/t' },
        { action: 'set-properties', updates: { owner: 'desk' } },
        ...append(5n, { sequenceNumber: 1, timestampMs: 4_900 }),
      ],
      { nowMs: 5_000 },
    )
    expect(table).toEqual({
      'format-version': 2,
      'table-uuid': 'u',
      location: 'memory://lake/t',
      'last-sequence-number': 1,
      'last-updated-ms': 5_000,
      'last-column-id': 3,
      schemas: [sampleSchema],
      'current-schema-id': 0,
      'partition-specs': [{ ...byDay, 'spec-id': 0 }],
      'default-spec-id': 0,
      'last-partition-id': 1000,
      'sort-orders': [{ 'order-id': 0, fields: [] }],
      'default-sort-order-id': 0,
      properties: { owner: 'desk' },
      'current-snapshot-id': 5n,
      snapshots: [sampleSnapshot(5n, { sequenceNumber: 1, timestampMs: 4_900 })],
      refs: { main: { 'snapshot-id': 5n, type: 'branch' } },
      'snapshot-log': [{ 'snapshot-id': 5n, 'timestamp-ms': 4_900 }],
      'metadata-log': [],
    })
  })
})

describe('applyUpdates to the times and the metadata log', () => {
  it('never sets the time of the last change back', () => {
    const table = applyUpdates(sampleTable(), [...append(1n, { sequenceNumber: 1 })], { nowMs: 10 })
    expect(table['last-updated-ms']).toBe(2_000)
    const later = applyUpdates(table, [{ action: 'set-properties', updates: { a: 'b' } }], {
      nowMs: 20,
    })
    expect(later['last-updated-ms']).toBe(2_000)
  })

  it('puts the file that it was read from at the end of the metadata log', () => {
    const table = applyUpdates(sampleTable(), append(1n, { sequenceNumber: 1 }), {
      nowMs: 5_000,
      metadataLocation: 'memory://lake/m/00000-a.metadata.json',
    })
    expect(table['metadata-log']).toEqual([
      { 'metadata-file': 'memory://lake/m/00000-a.metadata.json', 'timestamp-ms': 1_000 },
    ])
  })

  it.each([
    ['3', 3],
    [undefined, 20],
    ['no number', 20],
    ['0', 1],
  ])('keeps as many metadata files in the log as the table says: %s', (text, kept) => {
    const properties = text === undefined ? {} : { 'write.metadata.previous-versions-max': text }
    let table = sampleTable(properties)
    for (let version = 0; version < 25; version += 1) {
      const updates = [{ action: 'set-properties', updates: { version: String(version) } }] as const
      table = applyUpdates(table, updates, {
        nowMs: 5_000,
        metadataLocation: `memory://lake/m/${version}`,
      })
    }
    expect(table['metadata-log'].map((entry) => entry['metadata-file'])).toEqual(
      Array.from({ length: kept }, (_, index) => `memory://lake/m/${25 - kept + index}`),
    )
  })
})

describe('applyUpdates refuses', () => {
  const sorted = apply(sampleTable(), ...append(1n, { sequenceNumber: 1 }))
  const refused: readonly (readonly [string, TableUpdate, RegExp])[] = [
    ['an unknown action', { action: 'add-view-version' } as never, /Unknown update action/],
    ['another uuid', { action: 'assign-uuid', uuid: 'x' }, /Cannot change the table's UUID/],
    [
      'a format version that falls',
      { action: 'upgrade-format-version', 'format-version': 1 },
      /Cannot downgrade v2 table to v1/,
    ],
    [
      'a format version that nobody knows',
      { action: 'upgrade-format-version', 'format-version': 4 },
      /unsupported format version: v4/,
    ],
    ['an unknown schema', { action: 'set-current-schema', 'schema-id': 9 }, /unknown schema: 9/],
    [
      'the last added schema where none was added',
      { action: 'set-current-schema', 'schema-id': -1 },
      /no schema has been added/,
    ],
    [
      'a field id that is used twice',
      {
        action: 'add-schema',
        schema: { ...sampleSchema, fields: [...sampleSchema.fields, ...sampleSchema.fields] },
      },
      /uses field id 1 twice/,
    ],
    [
      'the removal of the current schema',
      { action: 'remove-schemas', 'schema-ids': [0] },
      /Cannot remove the current schema/,
    ],
    ['an unknown spec', { action: 'set-default-spec', 'spec-id': 9 }, /unknown spec: 9/],
    [
      'the last added spec where none was added',
      { action: 'set-default-spec', 'spec-id': -1 },
      /no spec has been added/,
    ],
    [
      'a spec over a column that is not there',
      {
        action: 'add-spec',
        spec: {
          'spec-id': 0,
          fields: [{ 'source-id': 77, 'field-id': 1000, name: 'x', transform: 'identity' }],
        },
      },
      /Cannot find source column for partition field: x/,
    ],
    [
      'the removal of the default spec',
      { action: 'remove-partition-specs', 'spec-ids': [0] },
      /Cannot remove the default partition spec/,
    ],
    [
      'an unknown sort order',
      { action: 'set-default-sort-order', 'sort-order-id': 9 },
      /unknown sort order: 9/,
    ],
    [
      'the last added sort order where none was added',
      { action: 'set-default-sort-order', 'sort-order-id': -1 },
      /no sort order has been added/,
    ],
    [
      'a sort order over a column that is not there',
      {
        action: 'add-sort-order',
        'sort-order': {
          'order-id': 1,
          fields: [
            {
              transform: 'identity',
              'source-id': 77,
              direction: 'asc',
              'null-order': 'nulls-last',
            },
          ],
        },
      },
      /Cannot find source column for sort field/,
    ],
    ['a location without a scheme', { action: 'set-location', location: '/a' }, /have a scheme/],
    [
      'a snapshot id that is taken',
      { action: 'add-snapshot', snapshot: sampleSnapshot(1n, { sequenceNumber: 2 }) },
      /Snapshot already exists for id: 1/,
    ],
    [
      'a ref to an unknown snapshot',
      { action: 'set-snapshot-ref', 'ref-name': 'b', 'snapshot-id': 9n, type: 'branch' },
      /Cannot set b to unknown snapshot: 9/,
    ],
    [
      'main as a tag',
      { action: 'set-snapshot-ref', 'ref-name': 'main', 'snapshot-id': 1n, type: 'tag' },
      /Cannot make main a tag/,
    ],
    [
      'a tag that keeps snapshots',
      {
        action: 'set-snapshot-ref',
        'ref-name': 't',
        'snapshot-id': 1n,
        type: 'tag',
        'min-snapshots-to-keep': 2,
      },
      /Tags do not support/,
    ],
    [
      'a retention of nothing',
      {
        action: 'set-snapshot-ref',
        'ref-name': 'b',
        'snapshot-id': 1n,
        type: 'branch',
        'max-ref-age-ms': 0,
      },
      /must be greater than 0/,
    ],
  ]

  it.each(refused)('%s', (_, update, message) => {
    expect(() => apply(sorted, update)).toThrow(message)
    expect(() => apply(sorted, update)).toThrow(expect.objectContaining({ kind: 'invalid-input' }))
  })

  it('a new table that lacks what no default can give', () => {
    expect(() => applyUpdates(undefined, [], { nowMs: 0 })).toThrow(
      /assign-uuid, set-location, set-current-schema/,
    )
  })

  it('a snapshot before there is a schema', () => {
    expect(() => applyUpdates(undefined, append(1n, { sequenceNumber: 1 }), { nowMs: 0 })).toThrow(
      /before a schema is added/,
    )
  })

  it('a snapshot that was numbered against an older state, as a conflict', () => {
    const stale = append(2n, { sequenceNumber: 1, parent: 1n })
    expect(() => apply(sorted, ...stale)).toThrow(
      expect.objectContaining({ kind: 'commit-conflict' }),
    )
  })
})

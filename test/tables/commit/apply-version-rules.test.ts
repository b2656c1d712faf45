import { describe, expect, it } from 'vitest'

import { applyUpdates } from '../../../tables/commit/apply-updates.ts'
import { isErrorKind } from '../../../tables/errors.ts'
import { createTableMetadata } from '../../../tables/spec/create-table-metadata.ts'
import type { PartitionSpec } from '../../../tables/spec/partition-spec.ts'
import type { Snapshot } from '../../../tables/spec/snapshot.ts'
import {
  parseTableMetadata,
  serializeTableMetadata,
} from '../../../tables/spec/table-metadata-json.ts'
import type { TableMetadata } from '../../../tables/spec/table-metadata.ts'
import type { TableUpdate } from '../../../tables/spec/table-update.ts'
import { append, sampleSchema, sampleSnapshot, sampleTable } from './sample-table.ts'

function apply(table: TableMetadata, ...updates: readonly TableUpdate[]): TableMetadata {
  return applyUpdates(table, updates, { nowMs: 5_000 })
}

function tableOf(formatVersion: 1 | 2 | 3): TableMetadata {
  return createTableMetadata({
    uuid: '9c12d441-03fe-4693-9a96-a0705ddf69c1',
    location: 'memory://lake/market/trades',
    schema: sampleSchema,
    properties: {},
    formatVersion,
    nowMs: 1_000,
  })
}

function upgrade(version: number): TableUpdate {
  return { action: 'upgrade-format-version', 'format-version': version }
}

function specOf(...fields: PartitionSpec['fields']): TableUpdate {
  return { action: 'add-spec', spec: { 'spec-id': 1, fields } }
}

const byDay = { 'source-id': 3, 'field-id': 1000, name: 'event_ts_day', transform: 'day' } as const

/** Adds a snapshot to a table of version 3, which takes row ids. */
function withRows(sequenceNumber: number, firstRowId?: number, addedRows?: number): TableUpdate {
  const snapshot: Snapshot = {
    ...sampleSnapshot(BigInt(sequenceNumber), {
      sequenceNumber,
      ...(sequenceNumber === 1 ? {} : { parent: BigInt(sequenceNumber - 1) }),
    }),
    ...(firstRowId === undefined ? {} : { 'first-row-id': firstRowId }),
    ...(addedRows === undefined ? {} : { 'added-rows': addedRows }),
  }
  return { action: 'add-snapshot', snapshot }
}

describe('a table of format version 1', () => {
  it('takes snapshots without a sequence number, whatever the writer says', () => {
    const table = apply(tableOf(1), ...append(1n, { sequenceNumber: 7 }))
    expect(table['last-sequence-number']).toBe(0)
    expect(table.snapshots[0]?.['sequence-number']).toBe(0)
    const text = serializeTableMetadata(table)
    expect(text).not.toContain('sequence-number')
    expect(parseTableMetadata(text)).toEqual(table)
  })

  it('counts from its upgrade on: older snapshots are number 0', () => {
    const table = apply(
      apply(tableOf(1), ...append(1n, { sequenceNumber: 1 }), upgrade(2)),
      ...append(2n, { sequenceNumber: 1, parent: 1n }),
    )
    expect(table).toMatchObject({ 'format-version': 2, 'last-sequence-number': 1 })
    expect(table.snapshots.map((snapshot) => snapshot['sequence-number'])).toEqual([0, 1])
  })

  it('takes no spec whose fields are not numbered from 1000', () => {
    const table = apply(tableOf(1), specOf(byDay))
    expect(table['partition-specs'][1]?.fields).toEqual([byDay])
    const skipped = { ...byDay, 'field-id': 1001 }
    expect(() => apply(tableOf(1), specOf(skipped))).toThrow(/sequential IDs that are required/)
    expect(apply(tableOf(2), specOf(skipped))['last-partition-id']).toBe(1001)
  })
})

describe('an upgrade of the format version', () => {
  it.each([
    [1, 2],
    [2, 3],
    [1, 3],
  ] as const)('from %i to %i keeps all that is there', (from, to) => {
    const before = apply(tableOf(from), ...append(1n, { sequenceNumber: 1 }))
    const after = apply(before, upgrade(to))
    expect(after['format-version']).toBe(to)
    expect(after['next-row-id']).toBe(to === 3 ? 0 : undefined)
    expect(after.snapshots).toEqual(before.snapshots)
    expect(parseTableMetadata(serializeTableMetadata(after))).toEqual(after)
  })

  it('comes before what needs it, in one commit', () => {
    const fields = [
      ...sampleSchema.fields,
      { id: 4, name: 'exact_ts', required: false, type: 'timestamp_ns' as const },
    ]
    const add: TableUpdate = { action: 'add-schema', schema: { ...sampleSchema, fields } }
    expect(() => apply(sampleTable(), add)).toThrow(
      /Invalid schema for v2: Invalid type for exact_ts: timestamp_ns is not supported until v3/,
    )
    expect(apply(sampleTable(), upgrade(3), add).schemas).toHaveLength(2)
  })
})

describe('row ids of format version 3', () => {
  it('go on from snapshot to snapshot', () => {
    const table = apply(apply(tableOf(3), withRows(1, 0, 10)), withRows(2, 10, 5))
    expect(table['next-row-id']).toBe(15)
    // A writer may leave a gap; the reference counts on by the rows alone.
    expect(apply(table, withRows(3, 20, 1))['next-row-id']).toBe(16)
  })

  it.each<[TableUpdate, RegExp]>([
    [withRows(2), /first-row-id is null/],
    [withRows(2, 10), /Invalid added-rows/],
    [withRows(2, 10, -1), /Invalid added-rows/],
  ])('are demanded of each snapshot (%#)', (update, fault) => {
    expect(() => apply(apply(tableOf(3), withRows(1, 0, 10)), update)).toThrow(fault)
  })

  it('that another writer took first are a conflict', () => {
    const table = apply(tableOf(3), withRows(1, 0, 10))
    try {
      apply(table, withRows(2, 9, 5))
      expect.unreachable()
    } catch (error) {
      expect(isErrorKind(error, 'commit-conflict')).toBe(true)
      expect(String(error)).toMatch(/first-row-id is behind table next-row-id: 9 < 10/)
    }
  })
})

describe('encryption keys', () => {
  const key = { 'key-id': 'a', 'encrypted-key-metadata': 'AAAA', 'encrypted-by-id': 'master' }

  it('are added once and removed by their id', () => {
    const add: TableUpdate = { action: 'add-encryption-key', 'encryption-key': key }
    const other: TableUpdate = {
      action: 'add-encryption-key',
      'encryption-key': { ...key, 'key-id': 'b' },
    }
    const table = apply(tableOf(3), add, other)
    expect(table['encryption-keys']).toEqual([key, { ...key, 'key-id': 'b' }])
    expect(apply(table, add)).toBe(table)
    const removed = apply(table, { action: 'remove-encryption-key', 'key-id': 'a' })
    expect(removed['encryption-keys']?.map((kept) => kept['key-id'])).toEqual(['b'])
    expect(apply(removed, { action: 'remove-encryption-key', 'key-id': 'a' })).toBe(removed)
    expect(parseTableMetadata(serializeTableMetadata(table))).toEqual(table)
  })
})

describe('the layout of rows to come', () => {
  const setSpec: TableUpdate = { action: 'set-default-spec', 'spec-id': -1 }
  const without: readonly TableUpdate[] = [
    {
      action: 'add-schema',
      schema: { ...sampleSchema, fields: sampleSchema.fields.slice(0, 2) },
    },
    { action: 'set-current-schema', 'schema-id': -1 },
  ]

  it('stays on columns that the current schema has', () => {
    const table = apply(sampleTable(), specOf(byDay), setSpec)
    expect(() => apply(table, ...without)).toThrow(
      /Cannot find source column for partition field: event_ts_day/,
    )
    const unpartitioned = apply(table, { action: 'set-default-spec', 'spec-id': 0 }, ...without)
    expect(unpartitioned['partition-specs']).toHaveLength(2)
  })

  it('is judged after all updates: one commit may drop the column and the field', () => {
    const table = apply(sampleTable(), specOf(byDay), setSpec)
    const both = apply(table, ...without, { action: 'set-default-spec', 'spec-id': 0 })
    expect(both['current-schema-id']).toBe(1)
  })

  it('takes only transforms that fit the type', () => {
    const wrong = { ...byDay, 'source-id': 1 }
    expect(() => apply(sampleTable(), specOf(wrong), setSpec)).toThrow(
      /Invalid source type string for transform: day \(partition field: event_ts_day\)/,
    )
  })

  it('sorts by columns that are there', () => {
    const fields = [
      {
        transform: 'identity' as const,
        'source-id': 3,
        direction: 'asc' as const,
        'null-order': 'nulls-first' as const,
      },
    ]
    const table = apply(
      sampleTable(),
      { action: 'add-sort-order', 'sort-order': { 'order-id': 1, fields } },
      { action: 'set-default-sort-order', 'sort-order-id': -1 },
    )
    expect(() => apply(table, ...without)).toThrow(/Cannot find source column for sort field/)
  })

  it('names no partition field twice, or like a column that it is not', () => {
    const named = (name: string) => () => apply(sampleTable(), specOf({ ...byDay, name }))
    expect(named('price')).toThrow(/name that exists in schema: price/)
    expect(named('event_ts')).toThrow(/name that exists in schema: event_ts/)
    const twice = specOf(byDay, { ...byDay, 'field-id': 1001, transform: 'hour' })
    expect(() => apply(sampleTable(), twice)).toThrow(/partition name more than once/)
    const identity = specOf({ ...byDay, name: 'event_ts', transform: 'identity' })
    expect(apply(sampleTable(), identity)['partition-specs']).toHaveLength(2)
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { applyUpdates } from '../../../tables/commit/apply-updates.ts'
import { isErrorKind } from '../../../tables/errors.ts'
import {
  parseTableMetadata,
  serializeTableMetadata,
} from '../../../tables/spec/table-metadata-json.ts'

/** Written by hand from the specification's fields, with the ids of Iceberg's own example. */
const golden = `{
  "format-version": 2,
  "table-uuid": "9c12d441-03fe-4693-9a96-a0705ddf69c1",
  "location": "s3://bucket/test/location",
  "last-sequence-number": 34,
  "last-updated-ms": 1602638573590,
  "last-column-id": 3,
  "current-schema-id": 1,
  "schemas": [
    {"type": "struct", "schema-id": 0, "fields": [
      {"id": 1, "name": "x", "required": true, "type": "long"}]},
    {"type": "struct", "schema-id": 1, "identifier-field-ids": [1, 2], "fields": [
      {"id": 1, "name": "x", "required": true, "type": "long"},
      {"id": 2, "name": "y", "required": true, "type": "long", "doc": "comment"},
      {"id": 3, "name": "z", "required": true, "type": "decimal(18, 8)"}]}
  ],
  "default-spec-id": 0,
  "partition-specs": [{"spec-id": 0, "fields": [
    {"name": "x", "transform": "identity", "source-id": 1, "field-id": 1000}]}],
  "last-partition-id": 1000,
  "default-sort-order-id": 3,
  "sort-orders": [{"order-id": 3, "fields": [
    {"transform": "identity", "source-id": 2, "direction": "asc", "null-order": "nulls-first"},
    {"transform": "bucket[4]", "source-id": 3, "direction": "desc", "null-order": "nulls-last"}]}],
  "properties": {"read.split.target.size": "134217728"},
  "current-snapshot-id": 3055729675574597004,
  "snapshots": [
    {"snapshot-id": 3051729675574597004, "timestamp-ms": 1515100955770, "sequence-number": 0,
     "summary": {"operation": "append"}, "manifest-list": "s3://a/b/1.avro"},
    {"snapshot-id": 3055729675574597004, "parent-snapshot-id": 3051729675574597004,
     "timestamp-ms": 1555100955770, "sequence-number": 1, "summary": {"operation": "append",
     "sluice.cut": "9007199254740993"}, "manifest-list": "s3://a/b/2.avro", "schema-id": 1,
     "future-of-snapshots": [9007199254740993]}
  ],
  "refs": {"main": {"snapshot-id": 3055729675574597004, "type": "branch"},
           "small": {"snapshot-id": 3051729675574597004, "type": "tag", "max-ref-age-ms": 1000}},
  "snapshot-log": [
    {"snapshot-id": 3051729675574597004, "timestamp-ms": 1515100955770},
    {"snapshot-id": 3055729675574597004, "timestamp-ms": 1555100955770}],
  "metadata-log": [{"metadata-file": "s3://a/b/0.json", "timestamp-ms": 1515100955000}],
  "statistics": [{"snapshot-id": 3055729675574597004, "statistics-path": "s3://a/b/s.puffin",
    "file-size-in-bytes": 413, "file-footer-size-in-bytes": 42, "blob-metadata": [
      {"type": "ndv", "snapshot-id": 5, "sequence-number": 1, "fields": [1]}]}],
  "future-of-tables": {"deep": [1, {"id": 9223372036854775807}]}
}`

type Members = Record<string, unknown>

/** The golden metadata with some members replaced; undefined leaves one out. */
function goldenWith(changes: Members): string {
  const text = golden.replaceAll(/\b(\d{16,})\b(?=[,}\s\]])/g, '"id:$1"')
  const merged = JSON.stringify({ ...(JSON.parse(text) as Members), ...changes })
  return merged.replaceAll(/"id:(\d+)"/g, '$1')
}

/** The golden schema with its first field changed. */
function schemaWith(change: Members): Members {
  const x = { id: 1, name: 'x', required: true, type: 'long', ...change }
  const y = { id: 2, name: 'y', required: true, type: 'long' }
  return { schemas: [{ type: 'struct', 'schema-id': 1, fields: [x, y] }] }
}

const minimalV1 = {
  'format-version': 1,
  'table-uuid': 'd20125c8-7284-442c-9aea-15fee620737c',
  location: 's3://bucket/test/location',
  'last-updated-ms': 1602638573874,
  'last-column-id': 3,
  schema: { type: 'struct', fields: [{ id: 1, name: 'x', required: true, type: 'long' }] },
  'partition-spec': [{ name: 'x', transform: 'identity', 'source-id': 1 }],
  properties: {},
  'current-snapshot-id': -1,
  snapshots: [{ 'snapshot-id': 1925, 'timestamp-ms': 1515100955770, 'manifest-list': 's3://m' }],
}

describe('table metadata JSON', () => {
  it('reads the golden metadata with every id exact', () => {
    const metadata = parseTableMetadata(golden)
    expect(metadata['current-snapshot-id']).toBe(3055729675574597004n)
    expect(metadata.snapshots.map((s) => s['parent-snapshot-id'])).toEqual([
      undefined,
      3051729675574597004n,
    ])
    expect(metadata.snapshots[1]?.summary['sluice.cut']).toBe('9007199254740993')
    expect(metadata.refs['small']).toEqual({
      'snapshot-id': 3051729675574597004n,
      type: 'tag',
      'max-ref-age-ms': 1000,
    })
    expect(metadata['snapshot-log'][0]?.['snapshot-id']).toBe(3051729675574597004n)
    expect(metadata.statistics?.[0]?.['blob-metadata']).toEqual([
      { type: 'ndv', 'snapshot-id': 5n, 'sequence-number': 1, fields: [1] },
    ])
  })

  // What a newer writer added must survive our commit.
  it('keeps members that it does not know', () => {
    const again = parseTableMetadata(serializeTableMetadata(parseTableMetadata(golden)))
    expect(again).toEqual(parseTableMetadata(golden))
    expect(again).toMatchObject({
      'future-of-tables': { deep: [1, { id: 9223372036854775807n }] },
      snapshots: [{}, { 'future-of-snapshots': [9007199254740993n] }],
    })
  })

  // The same at every level, through a commit of ours that changes what is beside it.
  it('keeps such members in every part, through a commit', () => {
    const future = { 'future-thing': [1, { deep: 'x' }] }
    const raw = JSON.parse(golden.replaceAll(/\b(\d{16,})\b(?=[,}\s\]])/g, '"id:$1"')) as Members
    const mark = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(mark)
      if (typeof value !== 'object' || value === null) return value
      const members = Object.entries(value).map(([name, member]) => [name, mark(member)] as const)
      return { ...Object.fromEntries(members), ...future }
    }
    const { properties, ...parts } = raw
    const { refs, snapshots, ...rest } = parts
    const marked = {
      ...(mark(rest) as Members),
      properties,
      refs: Object.fromEntries(
        Object.entries(refs as Members).map(([name, ref]) => [name, mark(ref)]),
      ),
      snapshots: (snapshots as readonly Members[]).map((one) => ({ ...one, ...future })),
    }
    const text = JSON.stringify(marked).replaceAll(/"id:(\d+)"/g, '$1')
    const changed = applyUpdates(
      parseTableMetadata(text),
      [{ action: 'set-properties', updates: { note: 'x' } }],
      { nowMs: 1_700_000_000_000 },
    )
    const counted = serializeTableMetadata(changed).match(/"future-thing":\[1,{"deep":"x"/g) ?? []
    expect(counted.length).toBe((text.match(/"future-thing":/g) ?? []).length)
    expect(counted.length).toBeGreaterThan(15)
  })

  it('writes ids as bare numbers', () => {
    const text = serializeTableMetadata(parseTableMetadata(golden))
    expect(text).toContain('"current-snapshot-id":3055729675574597004')
    expect(text).toContain('"parent-snapshot-id":3051729675574597004')
    expect(text).not.toMatch(/:null/)
  })

  it('writes the same text again, from the parts that it has kept', () => {
    const metadata = parseTableMetadata(golden)
    const text = serializeTableMetadata(metadata)
    expect(serializeTableMetadata({ ...metadata })).toBe(text)
    const [first, ...rest] = metadata.snapshots
    const changed = { ...metadata, snapshots: [{ ...first!, 'timestamp-ms': 5 }, ...rest] }
    expect(parseTableMetadata(serializeTableMetadata(changed)).snapshots[0]).toEqual({
      ...first,
      'timestamp-ms': 5,
    })
  })

  it('makes every snapshot id a bigint, small ones too', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }), (id) => {
        const text = golden.replaceAll('3055729675574597004', String(id))
        const metadata = parseTableMetadata(text)
        expect(metadata['current-snapshot-id']).toBe(id)
        expect(metadata.refs['main']?.['snapshot-id']).toBe(id)
        expect(parseTableMetadata(serializeTableMetadata(metadata))).toEqual(metadata)
      }),
    )
  })

  it('takes null and -1 for no current snapshot, and null lists and maps for empty ones', () => {
    for (const id of [null, -1, undefined]) {
      const metadata = parseTableMetadata(
        goldenWith({
          'current-snapshot-id': id,
          snapshots: null,
          refs: null,
          'snapshot-log': null,
          'metadata-log': null,
          properties: null,
          statistics: null,
        }),
      )
      expect('current-snapshot-id' in metadata).toBe(false)
      expect(metadata).toMatchObject({
        snapshots: [],
        refs: {},
        'snapshot-log': [],
        'metadata-log': [],
        properties: {},
      })
      expect(serializeTableMetadata(metadata)).not.toMatch(/:null/)
    }
  })

  it('implies the branch main where only the current snapshot is named', () => {
    const metadata = parseTableMetadata(goldenWith({ refs: undefined }))
    expect(metadata.refs).toEqual({
      main: { 'snapshot-id': 3055729675574597004n, type: 'branch' },
    })
  })

  it('gives format version 1 the shape of version 2, and writes version 1 back', () => {
    const metadata = parseTableMetadata(JSON.stringify(minimalV1))
    expect(metadata).toMatchObject({
      'format-version': 1,
      'last-sequence-number': 0,
      schemas: [{ 'schema-id': 0, type: 'struct' }],
      'current-schema-id': 0,
      'partition-specs': [
        {
          'spec-id': 0,
          fields: [{ name: 'x', transform: 'identity', 'source-id': 1, 'field-id': 1000 }],
        },
      ],
      'last-partition-id': 1000,
      'sort-orders': [{ 'order-id': 0, fields: [] }],
      snapshots: [
        { 'snapshot-id': 1925n, 'sequence-number': 0, summary: { operation: 'overwrite' } },
      ],
    })
    const text = serializeTableMetadata(metadata)
    expect(JSON.parse(text)).toMatchObject({
      schema: { type: 'struct' },
      'partition-spec': [{ name: 'x' }],
    })
    // Version 1 has no sequence numbers: its readers must find none.
    expect(text).not.toContain('sequence-number')
    expect(parseTableMetadata(text)).toEqual(metadata)
  })

  it('gives a table of version 1 without an id one that every reader gives it', () => {
    const { 'table-uuid': _, ...rest } = minimalV1
    const [first, second] = [1, 2].map(() => parseTableMetadata(JSON.stringify(rest)))
    expect(first?.['table-uuid']).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-/,
    )
    expect(second?.['table-uuid']).toBe(first?.['table-uuid'])
    const elsewhere = parseTableMetadata(JSON.stringify({ ...rest, location: 's3://bucket/b' }))
    expect(elsewhere['table-uuid']).not.toBe(first?.['table-uuid'])
  })

  it.each<[string, Members, RegExp]>([
    ['a current schema that is not there', { 'current-schema-id': 9 }, /schema-id 9/],
    ['no schemas', { schemas: undefined }, /schemas is missing/],
    ['no partition specs', { 'partition-specs': undefined }, /partition-specs is missing/],
    ['no last partition id', { 'last-partition-id': undefined }, /last-partition-id is missing/],
    ['no sort orders', { 'sort-orders': undefined }, /sort-orders is missing/],
    ['no sequence number', { 'last-sequence-number': undefined }, /last-sequence-number/],
    ['a number for the uuid', { 'table-uuid': 5 }, /table-uuid/],
    ['a branch main elsewhere', { 'current-snapshot-id': 7 }, /branch main is at/],
    ['main without a current snapshot', { 'current-snapshot-id': -1 }, /branch main is at/],
    ['a ref to nowhere', { snapshots: [] }, /not in the table/],
    ['a text for the refs', { refs: 'main' }, /refs is no JSON object/],
    ['a ref of no kind', { refs: { x: { 'snapshot-id': 1 } } }, /x is neither branch nor tag/],
    ['a snapshot from the future', { 'last-sequence-number': 0 }, /the table's last is 0/],
    ['a number for a property', { properties: { a: 1 } }, /a of properties is no text/],
    ['a field without an id', schemaWith({ id: undefined }), /id of x is missing/],
    ['a field that does not say required', schemaWith({ required: 1 }), /required of x/],
    ['a field without a type', schemaWith({ type: undefined }), /the type of x is missing/],
    ['a list without its element', schemaWith({ type: { type: 'list' } }), /element-id of x/],
    ['a field id twice', schemaWith({ id: 2 }), /uses field id 2 twice/],
    [
      'a partition field without its column',
      { 'partition-specs': [{ 'spec-id': 0, fields: [{ name: 'p', 'field-id': 1000 }] }] },
      /transform of the partition field p is missing/,
    ],
    [
      'a sort field without direction',
      { 'sort-orders': [{ 'order-id': 3, fields: [{ transform: 'identity', 'source-id': 1 }] }] },
      /direction of a field of sort order 3/,
    ],
    ['a log entry without its time', { 'snapshot-log': [{ 'snapshot-id': 1 }] }, /timestamp-ms of/],
    [
      'statistics without their file',
      { statistics: [{ 'snapshot-id': 1, 'file-size-in-bytes': 1 }] },
      /statistics-path of an entry of statistics/,
    ],
  ])('refuses metadata with %s', (_, changes, message) => {
    const error = thrownBy(goldenWith(changes))
    expect(isErrorKind(error, 'corrupt-data')).toBe(true)
    expect(String(error)).toMatch(message)
  })

  it('refuses nesting that would end the process', () => {
    const depth = 20_000
    const open = '{"type":"list","element-id":5,"element-required":false,"element":'
    const type = `${open.repeat(depth)}"int"${'}'.repeat(depth)}`
    const schemas = `[{"type":"struct","schema-id":1,"fields":[{"id":1,"name":"x","required":true,"type":${type}}]}]`
    const text = goldenWith({ schemas: 'deep' }).replace('"deep"', schemas)
    const error = thrownBy(text)
    expect(isErrorKind(error, 'corrupt-data')).toBe(true)
  })

  it('refuses a table of version 3 that does not say its next row id', () => {
    const error = thrownBy(goldenWith({ 'format-version': 3 }))
    expect(String(error)).toMatch(/next-row-id is missing/)
  })

  it('refuses a format version from the future, and text that is no object', () => {
    expect(isErrorKind(thrownBy(goldenWith({ 'format-version': 4 })), 'unsupported')).toBe(true)
    expect(isErrorKind(thrownBy('[]'), 'corrupt-data')).toBe(true)
    expect(isErrorKind(thrownBy('{'), 'corrupt-data')).toBe(true)
  })
})

function thrownBy(text: string): unknown {
  try {
    parseTableMetadata(text)
  } catch (error) {
    return error
  }
  return undefined
}

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SluiceError } from '../../../tables/errors.ts'
import type { Manifest, ManifestEntry } from '../../../tables/spec/manifest.ts'
import type { PartitionSpec } from '../../../tables/spec/partition-spec.ts'
import type { Schema } from '../../../tables/spec/schema.ts'
import { readAvroContainer } from '../../../tables/write/avro-container.ts'
import { decodeManifest, encodeManifest } from '../../../tables/write/manifest-file.ts'
import { makeDataFile } from '../../support/data-file.ts'
import { dataEntries, deleteEntries, wideSchema, wideSpec } from './arbitrary-entries.ts'

const schema: Schema = {
  type: 'struct',
  'schema-id': 2,
  fields: [
    { id: 1, name: 'event_ts', required: true, type: 'timestamptz', doc: 'When.' },
    { id: 2, name: 'price', required: false, type: 'decimal(18, 8)' },
  ],
}
const spec: PartitionSpec = {
  'spec-id': 1,
  fields: [{ 'source-id': 1, 'field-id': 1000, name: 'event_ts_day', transform: 'day' }],
}
const unpartitioned: PartitionSpec = { 'spec-id': 0, fields: [] }

const file = makeDataFile('file:///lake/t/data/event_ts_day=2024-08-08/a.parquet', {
  specId: 1,
  partition: { event_ts_day: 19943 },
  recordCount: 3,
  fileSizeBytes: 1234,
  columnSizes: new Map([[1, 50]]),
  valueCounts: new Map([[1, 3]]),
  nullValueCounts: new Map([[1, 0]]),
  lowerBounds: new Map([[1, Buffer.from('00', 'hex')]]),
})
const added: ManifestEntry = {
  status: 'added',
  snapshotId: 6234567890123456789n,
  sequenceNumber: null,
  fileSequenceNumber: null,
  file,
}
const line: Manifest = {
  manifestPath: 'file:///lake/t/metadata/m.avro',
  manifestLength: 1,
  partitionSpecId: 1,
  content: 'data',
  sequenceNumber: 9,
  minSequenceNumber: 2,
  addedSnapshotId: 77n,
  addedFilesCount: 1,
  existingFilesCount: 0,
  deletedFilesCount: 0,
  addedRowsCount: 3,
  existingRowsCount: 0,
  deletedRowsCount: 0,
  partitions: [],
}

function encode(entries: readonly ManifestEntry[]): Uint8Array {
  return encodeManifest({ schema, spec, entries, content: 'data', formatVersion: 2 })
}

interface SchemaNode {
  readonly fields?: readonly { name: string; type: unknown; 'field-id': number }[]
  readonly items?: unknown
  readonly 'element-id'?: number
}

/** Field ids by dotted path, from the schema text as other engines find it in the file. */
function idsOf(type: unknown, path = ''): ReadonlyMap<string, number> {
  const ids = new Map<string, number>()
  const take = (found: ReadonlyMap<string, number>) => found.forEach((id, key) => ids.set(key, id))
  if (Array.isArray(type)) {
    for (const branch of type) take(idsOf(branch, path))
  } else if (typeof type === 'object' && type !== null) {
    const node: SchemaNode = type
    if (node['element-id'] !== undefined) ids.set(`${path}[]`, node['element-id'])
    if (node.items !== undefined) take(idsOf(node.items, `${path}[]`))
    for (const field of node.fields ?? []) {
      const fieldPath = path === '' ? field.name : `${path}.${field.name}`
      ids.set(fieldPath, field['field-id'])
      take(idsOf(field.type, fieldPath))
    }
  }
  return ids
}

describe('manifest files', () => {
  it('reads back the data entries that it wrote', () => {
    fc.assert(
      fc.property(dataEntries, (entries) => {
        const bytes = encodeManifest({
          schema: wideSchema,
          spec: wideSpec,
          entries,
          content: 'data',
          formatVersion: 2,
        })
        expect(decodeManifest(bytes)).toEqual(entries)
        expect(decodeManifest(bytes, undefined, wideSpec)).toEqual(entries)
      }),
      { numRuns: 300 },
    )
  })

  it('reads back the delete entries that it wrote', () => {
    fc.assert(
      fc.property(deleteEntries, (entries) => {
        const bytes = encodeManifest({
          schema: wideSchema,
          spec: wideSpec,
          entries,
          content: 'deletes',
          formatVersion: 2,
        })
        expect(decodeManifest(bytes)).toEqual(entries)
      }),
      { numRuns: 300 },
    )
  })

  it('reads back more entries than its first buffer holds', () => {
    const long = { ...added, file: { ...file, filePath: `file:///${'x'.repeat(5000)}` } }
    const entries = Array.from({ length: 300 }, () => long)
    expect(decodeManifest(encode(entries))).toEqual(entries)
  })

  it('writes equal bytes for equal entries, without chance or time', () => {
    expect(encode([added])).toEqual(encode([{ ...added, file: { ...file } }]))
    expect(encode([added])).not.toEqual(encode([added, added]))
  })

  // Readers resolve fields by these numbers; a wrong one reads as null without an error.
  it('writes every field id of the specification into the schema', () => {
    const { header } = readAvroContainer(encode([added]))
    expect(Object.fromEntries(idsOf(JSON.parse(header.get('avro.schema') ?? '')))).toEqual({
      status: 0,
      snapshot_id: 1,
      sequence_number: 3,
      file_sequence_number: 4,
      data_file: 2,
      'data_file.content': 134,
      'data_file.file_path': 100,
      'data_file.file_format': 101,
      'data_file.partition': 102,
      'data_file.partition.event_ts_day': 1000,
      'data_file.record_count': 103,
      'data_file.file_size_in_bytes': 104,
      'data_file.column_sizes': 108,
      'data_file.column_sizes[].key': 117,
      'data_file.column_sizes[].value': 118,
      'data_file.value_counts': 109,
      'data_file.value_counts[].key': 119,
      'data_file.value_counts[].value': 120,
      'data_file.null_value_counts': 110,
      'data_file.null_value_counts[].key': 121,
      'data_file.null_value_counts[].value': 122,
      'data_file.nan_value_counts': 137,
      'data_file.nan_value_counts[].key': 138,
      'data_file.nan_value_counts[].value': 139,
      'data_file.lower_bounds': 125,
      'data_file.lower_bounds[].key': 126,
      'data_file.lower_bounds[].value': 127,
      'data_file.upper_bounds': 128,
      'data_file.upper_bounds[].key': 129,
      'data_file.upper_bounds[].value': 130,
      'data_file.key_metadata': 131,
      'data_file.split_offsets': 132,
      'data_file.split_offsets[]': 133,
      'data_file.equality_ids': 135,
      'data_file.equality_ids[]': 136,
      'data_file.sort_order_id': 140,
      'data_file.referenced_data_file': 143,
    })
  })

  it('marks the day of a partition as a date and the maps as maps', () => {
    const text = readAvroContainer(encode([added])).header.get('avro.schema') ?? ''
    expect(text).toContain(
      '{"name":"event_ts_day","type":["null",{"type":"int","logicalType":"date"}],' +
        '"default":null,"field-id":1000}',
    )
    expect(text.match(/"logicalType":"map"/g)).toHaveLength(6)
  })

  it('names its schema, spec, version and content in the header', () => {
    const { header } = readAvroContainer(encode([added]))
    expect(JSON.parse(header.get('schema') ?? '')).toEqual(schema)
    expect(JSON.parse(header.get('partition-spec') ?? '')).toEqual(spec.fields)
    expect(header.get('schema-id')).toBe('2')
    expect(header.get('partition-spec-id')).toBe('1')
    expect(header.get('format-version')).toBe('2')
    expect(header.get('content')).toBe('data')
    expect(header.get('avro.codec')).toBe('deflate')
  })

  it('writes an empty partition record for an unpartitioned table', () => {
    const plain = { ...added, file: { ...file, specId: 0, partition: {} } }
    const bytes = encodeManifest({
      schema,
      spec: unpartitioned,
      entries: [plain],
      content: 'data',
      formatVersion: 2,
    })
    const text = readAvroContainer(bytes).header.get('avro.schema') ?? ''
    expect(text).toContain(
      '{"name":"partition","type":{"type":"record","name":"r102","fields":[]},"field-id":102}',
    )
    expect(decodeManifest(bytes)).toEqual([plain])
  })

  // Avro forbids to define a name twice, and PyIceberg does not follow a name alone.
  it('gives each type of a partition a definition and a name of its own', () => {
    const bytes = encodeManifest({
      schema: wideSchema,
      spec: wideSpec,
      entries: [],
      content: 'data',
      formatVersion: 2,
    })
    const text = readAvroContainer(bytes).header.get('avro.schema') ?? ''
    const names = [...text.matchAll(/"type":"fixed","name":"(\w+)"/g)].map((match) => match[1])
    expect(names).toEqual([
      'uuid_fixed',
      'fixed_3',
      'decimal_9_2',
      'decimal_38_16',
      'decimal_9_2_1015',
    ])
  })

  it('escapes partition names that Avro does not allow, and keeps the true name', () => {
    const odd: PartitionSpec = {
      'spec-id': 1,
      fields: [{ 'source-id': 1, 'field-id': 1000, name: '1 day-é', transform: 'day' }],
    }
    const entry = { ...added, file: { ...file, partition: { '1 day-é': 5 } } }
    const bytes = encodeManifest({
      schema,
      spec: odd,
      entries: [entry],
      content: 'data',
      formatVersion: 2,
    })
    const text = readAvroContainer(bytes).header.get('avro.schema') ?? ''
    expect(text).toContain('"name":"_1_x20day_x2D_xE9"')
    expect(text).toContain('"iceberg-field-name":"1 day-é"')
    expect(decodeManifest(bytes)).toEqual([entry])
  })

  it('gives entries without a snapshot the one that the manifest is made for', () => {
    const bytes = encodeManifest({
      schema,
      spec,
      entries: [{ ...added, snapshotId: null }],
      content: 'data',
      formatVersion: 2,
      snapshotId: 5n,
    })
    expect(decodeManifest(bytes)[0]?.snapshotId).toBe(5n)
  })
})

describe('inheritance', () => {
  it('gives added entries the sequence number and snapshot of their manifest', () => {
    const bytes = encode([{ ...added, snapshotId: null }])
    expect(decodeManifest(bytes, line)).toEqual([
      { ...added, snapshotId: 77n, sequenceNumber: 9, fileSequenceNumber: 9 },
    ])
  })

  it('leaves what an entry says itself', () => {
    const own: ManifestEntry = {
      ...added,
      status: 'existing',
      sequenceNumber: 0,
      fileSequenceNumber: 3,
    }
    const compacted: ManifestEntry = { ...added, sequenceNumber: 4 }
    expect(decodeManifest(encode([own, compacted]), line)).toEqual([
      own,
      { ...compacted, fileSequenceNumber: 9 },
    ])
  })
})

describe('entries that readers fail on', () => {
  it.each<[string, ManifestEntry, RegExp]>([
    ['an existing one without sequence number', { ...added, status: 'existing' }, /is existing/],
    [
      'a deleted one without file sequence number',
      { ...added, status: 'deleted', sequenceNumber: 1 },
      /is deleted without its sequence numbers/,
    ],
    [
      'an existing one without snapshot',
      { ...added, status: 'existing', snapshotId: null, sequenceNumber: 1, fileSequenceNumber: 1 },
      /without its snapshot id/,
    ],
    ['one of another spec', { ...added, file: { ...file, specId: 2 } }, /partition spec 2/],
    [
      'a delete among data',
      { ...added, file: { ...file, content: 'position-deletes' } },
      /holds position-deletes/,
    ],
    ['one without its day', { ...added, file: { ...file, partition: {} } }, /event_ts_day/],
    ['a count of 1.5', { ...added, file: { ...file, recordCount: 1.5 } }, /count or a size/],
  ])('are refused: %s', (_, entry, message) => {
    expect(() => encode([entry])).toThrow(message)
  })
})

describe('broken manifests', () => {
  const bytes = encode([added, { ...added, file: { ...file, partition: { event_ts_day: 1 } } }])

  it('are refused wherever they are cut: no file is lost in silence', () => {
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), (length) => {
        expect(() => decodeManifest(bytes.subarray(0, length))).toThrow(/broken/)
      }),
    )
  })

  it('are refused for any byte that changed, or read as they were', () => {
    const entries = decodeManifest(bytes)
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (index, change) => {
        const broken = Uint8Array.from(bytes)
        broken[index] = (broken[index] ?? 0) ^ change
        const outcome = outcomeOf(broken)
        if ('kind' in outcome) expect(outcome.kind).toMatch(/^(corrupt-data|unsupported)$/)
        else expect(outcome.entries).toEqual(entries)
      }),
      { numRuns: 500 },
    )
  })
})

function outcomeOf(bytes: Uint8Array): { kind: unknown } | { entries: readonly ManifestEntry[] } {
  try {
    return { entries: decodeManifest(bytes) }
  } catch (error) {
    return { kind: error instanceof SluiceError ? error.kind : error }
  }
}

import { once } from 'node:events'
import avro from 'avsc'
import { avroMetadata, avroRead } from 'icebird'
import { describe, expect, it } from 'vitest'
import type { Manifest, ManifestEntry } from '../../../tables/spec/manifest.ts'
import { decodeManifest, encodeManifest } from '../../../tables/write/manifest-file.ts'
import { decodeManifestList, encodeManifestList } from '../../../tables/write/manifest-list.ts'
import { makeDataFile } from '../../support/data-file.ts'

/** Reads an Avro file with icebird, another implementation of the format. */
function readByIcebird(bytes: Uint8Array): { header: object; records: object[] } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const reader = { view, offset: 0 }
  const { metadata, syncMarker } = avroMetadata(reader)
  return { header: metadata, records: avroRead({ reader, metadata, syncMarker }) }
}

/** Writes an Avro file with avsc's own container writer: several blocks, a random sync marker. */
async function writeByAvsc(
  schema: object,
  header: Readonly<Record<string, string>>,
  records: readonly object[],
  codec: 'null' | 'deflate',
): Promise<Uint8Array> {
  const type = avro.Type.forSchema(schema as Parameters<typeof avro.Type.forSchema>[0], {
    wrapUnions: false,
  })
  const metadata = Object.fromEntries(
    Object.entries({ ...header, 'avro.schema': JSON.stringify(schema) }).map(([name, text]) => [
      name,
      Buffer.from(text),
    ]),
  )
  const options: object = { codec, metadata, blockSize: 1 }
  const encoder = new avro.streams.BlockEncoder(type, options)
  const chunks: Buffer[] = []
  encoder.on('data', (chunk: Buffer) => chunks.push(chunk))
  for (const record of records) encoder.write(record)
  encoder.end()
  await once(encoder, 'end')
  return Buffer.concat(chunks)
}

const file = makeDataFile('file:///lake/t/data/a.parquet', {
  partition: { day: 19943, symbol: 'AAPL' },
  recordCount: 3,
  fileSizeBytes: 1234,
  columnSizes: new Map([[1, 50]]),
  valueCounts: new Map([
    [1, 3],
    [2, 3],
  ]),
  nullValueCounts: new Map([[1, 0]]),
  lowerBounds: new Map([[1, Buffer.from('0102', 'hex')]]),
  upperBounds: new Map([[1, Buffer.from('ff', 'hex')]]),
  splitOffsets: [4],
  sortOrderId: 1,
})

describe('our files in another reader', () => {
  it('show icebird the same manifest', () => {
    const bytes = encodeManifest({
      schema: {
        type: 'struct',
        'schema-id': 0,
        fields: [
          { id: 1, name: 'ts', required: true, type: 'timestamptz' },
          { id: 2, name: 'symbol', required: true, type: 'string' },
        ],
      },
      spec: {
        'spec-id': 0,
        fields: [
          { 'source-id': 1, 'field-id': 1000, name: 'day', transform: 'day' },
          { 'source-id': 2, 'field-id': 1001, name: 'symbol', transform: 'identity' },
        ],
      },
      entries: [
        {
          status: 'existing',
          snapshotId: 6234567890123456789n,
          sequenceNumber: 7,
          fileSequenceNumber: 6,
          file,
        },
        {
          status: 'added',
          snapshotId: null,
          sequenceNumber: null,
          fileSequenceNumber: null,
          file,
        },
      ],
      content: 'data',
      formatVersion: 2,
    })
    const { header, records } = readByIcebird(bytes)
    expect(header).toMatchObject({ content: 'data', 'partition-spec-id': '0' })
    const dataFile = {
      content: 0,
      file_path: 'file:///lake/t/data/a.parquet',
      file_format: 'PARQUET',
      partition: { day: new Date('2024-08-08'), symbol: 'AAPL' },
      record_count: 3n,
      file_size_in_bytes: 1234n,
      column_sizes: [{ key: 1, value: 50n }],
      value_counts: [
        { key: 1, value: 3n },
        { key: 2, value: 3n },
      ],
      null_value_counts: [{ key: 1, value: 0n }],
      lower_bounds: [{ key: 1, value: Uint8Array.of(1, 2) }],
      upper_bounds: [{ key: 1, value: Uint8Array.of(255) }],
      split_offsets: [4n],
      sort_order_id: 1,
    }
    expect(records).toEqual([
      {
        status: 0,
        snapshot_id: 6234567890123456789n,
        sequence_number: 7n,
        file_sequence_number: 6n,
        data_file: dataFile,
      },
      { status: 1, data_file: dataFile },
    ])
  })

  it('show icebird the same manifest list', () => {
    const line: Manifest = {
      manifestPath: 'file:///lake/t/metadata/m.avro',
      manifestLength: 4321,
      partitionSpecId: 1,
      content: 'deletes',
      sequenceNumber: 9,
      minSequenceNumber: 2,
      addedSnapshotId: 9223372036854775807n,
      addedFilesCount: 1,
      existingFilesCount: 2,
      deletedFilesCount: 3,
      addedRowsCount: 4,
      existingRowsCount: 5,
      deletedRowsCount: 6,
      partitions: [{ containsNull: true, lowerBound: Buffer.from('a') }],
    }
    // As many lines as fill icebird's buffer: it unpacks a short block again and again.
    const count = 50
    const bytes = encodeManifestList({
      manifests: Array.from({ length: count }, () => line),
      snapshotId: 1n,
      sequenceNumber: 9,
      formatVersion: 2,
    })
    expect(readByIcebird(bytes).records).toEqual(
      Array.from({ length: count }, () => ({
        manifest_path: 'file:///lake/t/metadata/m.avro',
        manifest_length: 4321n,
        partition_spec_id: 1,
        content: 1,
        sequence_number: 9n,
        min_sequence_number: 2n,
        added_snapshot_id: 9223372036854775807n,
        added_files_count: 1,
        existing_files_count: 2,
        deleted_files_count: 3,
        added_rows_count: 4n,
        existing_rows_count: 5n,
        deleted_rows_count: 6n,
        partitions: [{ contains_null: true, lower_bound: new Uint8Array(Buffer.from('a')) }],
      })),
    )
  })
})

const optional = (name: string, type: unknown, fieldId: number) => ({
  name,
  type: ['null', type],
  default: null,
  'field-id': fieldId,
})

/** Format version 1, its fields in another order and under other names: ids alone tell. */
const v1Schema = {
  type: 'record',
  name: 'manifest_entry',
  fields: [
    {
      name: 'data',
      'field-id': 2,
      type: {
        type: 'record',
        name: 'r2',
        fields: [
          { name: 'rows', type: 'long', 'field-id': 103 },
          { name: 'file_path', type: 'string', 'field-id': 100 },
          { name: 'file_format', type: 'string', 'field-id': 101 },
          {
            name: 'partition',
            'field-id': 102,
            type: {
              type: 'record',
              name: 'r102',
              fields: [optional('was_day', { type: 'int', logicalType: 'date' }, 1000)],
            },
          },
          { name: 'block_size_in_bytes', type: 'long', 'field-id': 105 },
          { name: 'file_size_in_bytes', type: 'long', 'field-id': 104 },
        ],
      },
    },
    { name: 'snapshot', type: 'string', 'field-id': 9999 },
    optional('snapshot_id', 'int', 1),
    { name: 'status', type: 'int', 'field-id': 0 },
  ],
}

function v1Record(path: string, day: number | null, status = 1) {
  return {
    data: {
      rows: 5,
      file_path: path,
      file_format: 'parquet',
      partition: { was_day: day },
      block_size_in_bytes: 1,
      file_size_in_bytes: 77,
    },
    snapshot: 'x',
    snapshot_id: null,
    status,
  }
}

describe('files of other writers', () => {
  const header = {
    'partition-spec': '[{"name":"day","transform":"day","source-id":1}]',
    'partition-spec-id': '3',
  }
  const listLine: Manifest = {
    manifestPath: 'x',
    manifestLength: 1,
    partitionSpecId: 3,
    content: 'data',
    sequenceNumber: 0,
    minSequenceNumber: 0,
    addedSnapshotId: 6234567890123456789n,
    addedFilesCount: 2,
    existingFilesCount: 0,
    deletedFilesCount: 0,
    addedRowsCount: 10,
    existingRowsCount: 0,
    deletedRowsCount: 0,
    partitions: [],
  }

  it.each(['null', 'deflate'] as const)(
    'are read by field id: a manifest of format version 1, codec %s, in several blocks',
    async (codec) => {
      const records = [v1Record('file:///a', 5), v1Record('file:///b', null, 0)]
      const bytes = await writeByAvsc(v1Schema, header, records, codec)
      const entries = decodeManifest(bytes, listLine)
      const expected = (filePath: string, day: number | null): ManifestEntry['file'] => ({
        content: 'data',
        filePath,
        fileFormat: 'PARQUET',
        specId: 3,
        partition: { day },
        recordCount: 5,
        fileSizeBytes: 77,
        columnSizes: new Map(),
        valueCounts: new Map(),
        nullValueCounts: new Map(),
        nanValueCounts: new Map(),
        lowerBounds: new Map(),
        upperBounds: new Map(),
      })
      const inherited = {
        snapshotId: 6234567890123456789n,
        sequenceNumber: 0,
        fileSequenceNumber: 0,
      }
      expect(entries).toEqual([
        { status: 'added', ...inherited, file: expected('file:///a', 5) },
        { status: 'existing', ...inherited, file: expected('file:///b', null) },
      ])
    },
  )

  it('may name the type of an earlier partition field', async () => {
    const decimal = {
      type: 'fixed',
      name: 'decimal_4_2',
      size: 2,
      logicalType: 'decimal',
      precision: 4,
      scale: 2,
    }
    const fields = [optional('low', decimal, 1000), optional('high', 'decimal_4_2', 1001)]
    const text = JSON.stringify(v1Schema).replace(
      /"fields":\[\{"name":"was_day".*?"field-id":1000\}\]/,
      `"fields":${JSON.stringify(fields)}`,
    )
    const record = v1Record('file:///a', null)
    const partition = { low: Buffer.from('ff80', 'hex'), high: Buffer.from('058c', 'hex') }
    const named = { ...record, data: { ...record.data, partition } }
    const bytes = await writeByAvsc(JSON.parse(text) as object, {}, [named], 'null')
    expect(decodeManifest(bytes)[0]?.file.partition).toEqual({ low: -128n, high: 1420n })
  })

  it('are refused where an existing file has no sequence number to go by', async () => {
    const bytes = await writeByAvsc(v1Schema, header, [v1Record('file:///b', 1, 0)], 'null')
    expect(() => decodeManifest(bytes, { ...listLine, sequenceNumber: 4 })).toThrow(
      /file:\/\/\/b is existing without its sequence number/,
    )
  })

  it('are refused where a file is no Parquet: a deletion vector is not skipped', async () => {
    const record = v1Record('file:///dv.puffin', 1)
    const puffin = { ...record, data: { ...record.data, file_format: 'PUFFIN' } }
    const bytes = await writeByAvsc(v1Schema, header, [puffin], 'null')
    expect(() => decodeManifest(bytes)).toThrow(/format PUFFIN/)
  })

  const v1List = (countType: unknown) => ({
    type: 'record',
    name: 'manifest_file',
    fields: [
      { name: 'manifest_path', type: 'string', 'field-id': 500 },
      { name: 'manifest_length', type: 'long', 'field-id': 501 },
      { name: 'partition_spec_id', type: 'int', 'field-id': 502 },
      optional('added_snapshot_id', 'long', 503),
      ...[
        ['added_data_files_count', 504],
        ['existing_data_files_count', 505],
        ['deleted_data_files_count', 506],
        ['added_rows_count', 512],
        ['existing_rows_count', 513],
        ['deleted_rows_count', 514],
      ].map(([name, fieldId]) => optional(String(name), countType, Number(fieldId))),
    ],
  })
  const v1Line = {
    manifest_path: 'file:///m',
    manifest_length: 9,
    partition_spec_id: 0,
    added_snapshot_id: 44,
    added_data_files_count: 1,
    existing_data_files_count: 2,
    deleted_data_files_count: 3,
    added_rows_count: 4,
    existing_rows_count: 5,
    deleted_rows_count: 6,
  }

  it('are read by field id: a manifest list of format version 1', async () => {
    const bytes = await writeByAvsc(v1List('long'), {}, [v1Line], 'deflate')
    expect(decodeManifestList(bytes)).toEqual([
      {
        manifestPath: 'file:///m',
        manifestLength: 9,
        partitionSpecId: 0,
        content: 'data',
        sequenceNumber: 0,
        minSequenceNumber: 0,
        addedSnapshotId: 44n,
        addedFilesCount: 1,
        existingFilesCount: 2,
        deletedFilesCount: 3,
        addedRowsCount: 4,
        existingRowsCount: 5,
        deletedRowsCount: 6,
        partitions: [],
      },
    ])
  })

  // Taken as 0 they would make the manifest look empty, and its rows would be gone.
  it('are refused where a manifest list leaves its counts out', async () => {
    const line = { ...v1Line, added_data_files_count: null }
    const bytes = await writeByAvsc(v1List('long'), {}, [line], 'null')
    expect(() => decodeManifestList(bytes)).toThrow(/leaves out how many/)
  })

  it('are refused with the remedy where their codec is not known', async () => {
    const packed = Buffer.from(await writeByAvsc(v1List('long'), {}, [v1Line], 'deflate'))
    const at = packed.indexOf('deflate')
    packed.write('zstdard', at)
    expect(() => decodeManifestList(packed)).toThrow(/packed with zstdard.*gzip/)
  })
})

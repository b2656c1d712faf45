import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type {
  ContentFile,
  DataFile,
  DeletionVector,
  Manifest,
  ManifestEntry,
} from '../../../tables/spec/manifest.ts'
import { readAvroContainer } from '../../../tables/write/avro-container.ts'
import { decodeManifest, encodeManifest } from '../../../tables/write/manifest-file.ts'
import { decodeManifestList, encodeManifestList } from '../../../tables/write/manifest-list.ts'
import { type DataFileFacts, makeDataFile } from '../../support/data-file.ts'
import { dataEntries, wideSchema, wideSpec } from './arbitrary-entries.ts'
import { packZstandard, withoutFieldIds } from './avro-variants.ts'

const unpartitioned = { 'spec-id': 0, fields: [] }

function dataFile(name: string, facts: DataFileFacts = {}): DataFile {
  const path = `file:///lake/t/data/${name}.parquet`
  return makeDataFile(path, { recordCount: 10, fileSizeBytes: 100, ...facts })
}

const vector: DeletionVector = {
  ...dataFile('dv'),
  content: 'deletion-vector',
  fileFormat: 'PUFFIN',
  filePath: 'file:///lake/t/data/dv.puffin',
  recordCount: 2,
  referencedDataFile: 'file:///lake/t/data/a.parquet',
  contentOffset: 4,
  contentSizeBytes: 46,
}

const line: Manifest = {
  manifestPath: 'file:///lake/t/metadata/m.avro',
  manifestLength: 1,
  partitionSpecId: 0,
  content: 'data',
  sequenceNumber: 9,
  minSequenceNumber: 2,
  addedSnapshotId: 77n,
  addedFilesCount: 1,
  existingFilesCount: 2,
  deletedFilesCount: 3,
  addedRowsCount: 4,
  existingRowsCount: 5,
  deletedRowsCount: 6,
  partitions: [],
}

function entry(status: ManifestEntry['status'], file: ContentFile): ManifestEntry {
  const isAdded = status === 'added'
  return {
    status,
    snapshotId: 5n,
    sequenceNumber: isAdded ? null : 3,
    fileSequenceNumber: isAdded ? null : 3,
    file,
  }
}

function encode(
  formatVersion: 1 | 2 | 3,
  entries: readonly ManifestEntry[],
  content: 'data' | 'deletes' = 'data',
): Uint8Array {
  return encodeManifest({
    schema: wideSchema,
    spec: unpartitioned,
    entries,
    content,
    formatVersion,
  })
}

describe('manifests of format version 1', () => {
  it('are read back, with sequence number 0 from their line in the list', () => {
    fc.assert(
      fc.property(dataEntries, (entries) => {
        const named = entries.map((one) => ({ ...one, snapshotId: one.snapshotId ?? 8n }))
        const bytes = encodeManifest({
          schema: wideSchema,
          spec: wideSpec,
          entries: named,
          content: 'data',
          formatVersion: 1,
        })
        const lost = { sequenceNumber: null, fileSequenceNumber: null }
        expect(decodeManifest(bytes)).toEqual(named.map((one) => ({ ...one, ...lost })))
        const first = { ...line, sequenceNumber: 0, minSequenceNumber: 0, partitionSpecId: 4 }
        const zero = { sequenceNumber: 0, fileSequenceNumber: 0 }
        expect(decodeManifest(bytes, first)).toEqual(named.map((one) => ({ ...one, ...zero })))
      }),
      { numRuns: 50 },
    )
  })

  it('hold what their readers require and nothing of later versions', () => {
    const { header } = readAvroContainer(encode(1, [entry('added', dataFile('a'))]))
    const text = header.get('avro.schema') ?? ''
    expect(header.get('format-version')).toBe('1')
    expect(header.has('content')).toBe(false)
    expect(text).toContain('"block_size_in_bytes"')
    expect(text).not.toMatch(/"(content|sequence_number|equality_ids|first_row_id)"/)
  })

  it('never list delete files', () => {
    expect(() => encode(1, [], 'deletes')).toThrow(/upgrade the table to format version 2/)
  })
})

describe('manifests of format version 3', () => {
  it('say the first row id of files that stay, and leave that of added files to the list', () => {
    const staying = entry('existing', dataFile('a', { firstRowId: 1_000 }))
    const added = entry('added', dataFile('b', { firstRowId: 7 }))
    const [first, second] = decodeManifest(encode(3, [staying, added]))
    expect(first).toEqual(staying)
    expect(second).toEqual(entry('added', dataFile('b')))
  })

  // Two rows of one id would be one row to whoever follows changes.
  it('number the rows of files without an id from the manifest on, past those that have one', () => {
    const entries = [
      entry('existing', dataFile('kept', { firstRowId: 5, recordCount: 3 })),
      entry('added', dataFile('first', { recordCount: 4 })),
      entry('deleted', dataFile('gone', { recordCount: 100 })),
      entry('existing', dataFile('upgraded', { recordCount: 2 })),
      entry('added', dataFile('last')),
    ]
    const read = decodeManifest(encode(3, entries), { ...line, firstRowId: 50 })
    const ids = read.map(({ file }) => (file.content === 'data' ? file.firstRowId : undefined))
    expect(ids).toEqual([5, 50, undefined, 54, 56])
    const unnumbered = decodeManifest(encode(3, [entry('added', dataFile('a'))]), line)
    expect(unnumbered[0]?.file).not.toHaveProperty('firstRowId')
  })

  it('hold deletion vectors, which no earlier version has', () => {
    const deletes = [entry('added', vector), entry('existing', vector)]
    expect(decodeManifest(encode(3, deletes, 'deletes'))).toEqual(deletes)
    expect(() => encode(2, deletes, 'deletes')).toThrow(/deletion vector in format version 2/)
  })
})

describe('manifest lists', () => {
  it('of version 1 hold no sequence numbers, and are read with 0', () => {
    const bytes = encodeManifestList({
      manifests: [line],
      snapshotId: 1n,
      sequenceNumber: 0,
      formatVersion: 1,
    })
    expect(decodeManifestList(bytes)).toEqual([
      { ...line, sequenceNumber: 0, minSequenceNumber: 0 },
    ])
    expect(readAvroContainer(bytes).header.has('sequence-number')).toBe(false)
  })

  it('of version 3 hold first row ids, null for those that have none', () => {
    const manifests = [
      { ...line, firstRowId: 120 },
      { ...line, content: 'deletes' as const },
    ]
    const bytes = encodeManifestList({
      manifests,
      snapshotId: 1n,
      sequenceNumber: 9,
      formatVersion: 3,
      firstRowId: 120,
    })
    expect(decodeManifestList(bytes)).toEqual(manifests)
    expect(readAvroContainer(bytes).header.get('first-row-id')).toBe('120')
  })
})

describe('files of other writers', () => {
  const entries = [
    entry('existing', dataFile('a', { lowerBounds: new Map([[1, Buffer.from([1])]]) })),
    entry('deleted', dataFile('b', { sortOrderId: 2, splitOffsets: [4, 900] })),
  ]

  it('without any field id are read by name', () => {
    expect(decodeManifest(withoutFieldIds(encode(2, entries)))).toEqual(entries)
    const list = encodeManifestList({
      manifests: [line],
      snapshotId: 1n,
      sequenceNumber: 9,
      formatVersion: 2,
    })
    expect(decodeManifestList(withoutFieldIds(list))).toEqual([line])
  })

  it('without field ids name partition values as the spec does, whatever Avro made of them', () => {
    const spec = {
      'spec-id': 0,
      fields: [
        { 'source-id': 2, 'field-id': 1000, name: 'c2-bucket', transform: 'bucket[4]' as const },
      ],
    }
    const partitioned = [entry('existing', dataFile('a', { partition: { 'c2-bucket': 3 } }))]
    const bytes = encodeManifest({
      schema: wideSchema,
      spec,
      entries: partitioned,
      content: 'data',
      formatVersion: 2,
    })
    expect(decodeManifest(withoutFieldIds(bytes), undefined, spec)).toEqual(partitioned)
  })

  it('packed with zstandard are read', () => {
    expect(decodeManifest(packZstandard(encode(2, entries)))).toEqual(entries)
  })

  it('may name deleted files of formats that are not read, but no live ones', () => {
    const orc = (status: ManifestEntry['status']) =>
      encode(2, [entry(status, dataFile('old', { fileFormat: 'ORC' as 'PARQUET' }))])
    expect(decodeManifest(orc('deleted'))).toEqual([])
    expect(() => decodeManifest(orc('existing'))).toThrow(/old\.parquet is a file of format ORC/)
  })
})

import { describe, expect, it } from 'vitest'
import type { ManifestEntry } from '../../../tables/spec/manifest.ts'
import type { PartitionValue } from '../../../tables/spec/partition-spec.ts'
import type { PrimitiveType } from '../../../tables/spec/schema.ts'
import { manifestOf } from '../../../tables/write/manifest-file.ts'
import { makeDataFile } from '../../support/data-file.ts'

function factsOf(type: PrimitiveType) {
  return {
    path: 'file:///lake/t/metadata/m.avro',
    length: 4321,
    schema: {
      type: 'struct' as const,
      'schema-id': 0,
      fields: [{ id: 1, name: 'p', required: false, type }],
    },
    spec: {
      'spec-id': 2,
      fields: [{ 'source-id': 1, 'field-id': 1000, name: 'p', transform: 'identity' as const }],
    },
    content: 'data' as const,
    snapshotId: 99n,
    sequenceNumber: 10,
  }
}

function entry(
  status: ManifestEntry['status'],
  sequenceNumber: number | null,
  recordCount: number,
  value: PartitionValue,
): ManifestEntry {
  const partition = { p: value }
  const file = makeDataFile('file:///lake/t/data/a.parquet', { specId: 2, partition, recordCount })
  return { status, snapshotId: 1n, sequenceNumber, fileSequenceNumber: sequenceNumber, file }
}

function summaryOf(type: PrimitiveType, values: readonly PartitionValue[]) {
  const entries = values.map((value) => entry('added', null, 1, value))
  const [summary] = manifestOf(entries, factsOf(type)).partitions
  const hex = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString('hex')
  return {
    ...summary,
    lowerBound: hex(summary?.lowerBound),
    upperBound: hex(summary?.upperBound),
  }
}

describe('manifestOf', () => {
  it('counts files and rows by status, and takes the least live sequence number', () => {
    const entries = [
      entry('added', null, 5, 1n),
      entry('added', 8, 6, 1n),
      entry('existing', 7, 70, 2n),
      entry('deleted', 3, 100, 3n),
      entry('deleted', 4, 1000, null),
    ]
    expect(manifestOf(entries, factsOf('long'))).toMatchObject({
      manifestPath: 'file:///lake/t/metadata/m.avro',
      manifestLength: 4321,
      partitionSpecId: 2,
      content: 'data',
      sequenceNumber: 10,
      minSequenceNumber: 7,
      addedSnapshotId: 99n,
      addedFilesCount: 2,
      addedRowsCount: 11,
      existingFilesCount: 1,
      existingRowsCount: 70,
      deletedFilesCount: 2,
      deletedRowsCount: 1100,
    })
  })

  it('has the commit sequence number as the least where nothing is live', () => {
    expect(manifestOf([entry('deleted', 3, 1, 1n)], factsOf('long')).minSequenceNumber).toBe(10)
    expect(manifestOf([], factsOf('long'))).toMatchObject({
      minSequenceNumber: 10,
      partitions: [{ containsNull: false, containsNan: false }],
    })
  })

  // A bound that is too narrow prunes rows away without an error.
  it.each<[PrimitiveType, readonly PartitionValue[], string, string]>([
    ['int', [3, -1, 2], 'ffffffff', '03000000'],
    ['date', [0], '00000000', '00000000'],
    ['timestamptz', [2n, 300n, 10n], '0200000000000000', '2c01000000000000'],
    ['decimal(9, 2)', [-128n, -129n, 127n], 'ff7f', '7f'],
    ['string', ['b', 'a', '\uFFFF', '\u{1F9CA}'], '61', 'f09fa78a'],
    ['binary', [Uint8Array.of(255), Uint8Array.of(1, 2)], '0102', 'ff'],
    ['double', [Number.NaN, 0, 0], '0000000000000080', '0000000000000000'],
    ['boolean', [true, false], '00', '01'],
  ])('bounds partitions of type %s by value', (type, values, lowerBound, upperBound) => {
    expect(summaryOf(type, values)).toEqual({
      containsNull: false,
      containsNan: values.some(Number.isNaN),
      lowerBound,
      upperBound,
    })
  })

  it('says where a partition value is null, and bounds only the others', () => {
    expect(summaryOf('int', [null, 0])).toMatchObject({
      containsNull: true,
      lowerBound: '00000000',
      upperBound: '00000000',
    })
    expect(summaryOf('int', [null])).toEqual({ containsNull: true, containsNan: false })
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { FieldSummary, Manifest } from '../../../tables/spec/manifest.ts'
import { readAvroContainer } from '../../../tables/write/avro-container.ts'
import { decodeManifestList, encodeManifestList } from '../../../tables/write/manifest-list.ts'

const bytes = fc.uint8Array({ maxLength: 20 }).map((array) => Buffer.from(array))
const size = fc.integer({ min: 0, max: 2 ** 53 - 2 })
const count = fc.nat()

const summary: fc.Arbitrary<FieldSummary> = fc.record(
  { containsNull: fc.boolean(), containsNan: fc.boolean(), lowerBound: bytes, upperBound: bytes },
  { requiredKeys: ['containsNull'] },
)

const manifest: fc.Arbitrary<Manifest> = fc.record({
  manifestPath: fc.webUrl(),
  manifestLength: size,
  partitionSpecId: count,
  content: fc.constantFrom('data', 'deletes'),
  sequenceNumber: size,
  minSequenceNumber: size,
  addedSnapshotId: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
  addedFilesCount: count,
  existingFilesCount: count,
  deletedFilesCount: count,
  addedRowsCount: size,
  existingRowsCount: size,
  deletedRowsCount: size,
  partitions: fc.array(summary, { maxLength: 4 }),
})

function encode(manifests: readonly Manifest[]): Uint8Array {
  return encodeManifestList({
    manifests,
    snapshotId: 9223372036854775807n,
    parentSnapshotId: 8n,
    sequenceNumber: 4,
    formatVersion: 2,
  })
}

describe('manifest lists', () => {
  it('read back as they were written', () => {
    fc.assert(
      fc.property(fc.array(manifest, { maxLength: 8 }), (manifests) => {
        expect(decodeManifestList(encode(manifests))).toEqual(manifests)
      }),
      { numRuns: 500 },
    )
  })

  it('carry the ids, names and order of the specification', () => {
    const { header } = readAvroContainer(encode([]))
    const schema = JSON.parse(header.get('avro.schema') ?? '') as {
      name: string
      fields: { name: string; 'field-id': number }[]
    }
    expect(schema.name).toBe('manifest_file')
    expect(schema.fields.map((field) => [field['field-id'], field.name])).toEqual([
      [500, 'manifest_path'],
      [501, 'manifest_length'],
      [502, 'partition_spec_id'],
      [517, 'content'],
      [515, 'sequence_number'],
      [516, 'min_sequence_number'],
      [503, 'added_snapshot_id'],
      [504, 'added_files_count'],
      [505, 'existing_files_count'],
      [506, 'deleted_files_count'],
      [512, 'added_rows_count'],
      [513, 'existing_rows_count'],
      [514, 'deleted_rows_count'],
      [507, 'partitions'],
      [519, 'key_metadata'],
    ])
    expect(header.get('avro.schema')).toContain('"element-id":508')
    expect(header.get('snapshot-id')).toBe('9223372036854775807')
    expect(header.get('parent-snapshot-id')).toBe('8')
    expect(header.get('sequence-number')).toBe('4')
    expect(header.get('format-version')).toBe('2')
  })

  it('say null for a parent that there is none of', () => {
    const list = encodeManifestList({
      manifests: [],
      snapshotId: 1n,
      sequenceNumber: 1,
      formatVersion: 2,
    })
    expect(readAvroContainer(list).header.get('parent-snapshot-id')).toBe('null')
    expect(decodeManifestList(list)).toEqual([])
  })

  it('are refused where they are cut', () => {
    fc.assert(
      fc.property(manifest, fc.double({ min: 0, max: 0.999, noNaN: true }), (line, part) => {
        const whole = encode([line])
        const cut = whole.subarray(0, Math.floor(whole.length * part))
        expect(() => decodeManifestList(cut)).toThrow(/broken/)
      }),
    )
  })
})

import fc from 'fast-check'
import type {
  ContentFile,
  EqualityDelete,
  ManifestEntry,
  PositionDelete,
} from '../../../tables/spec/manifest.ts'
import type { PartitionSpec, PartitionTuple } from '../../../tables/spec/partition-spec.ts'
import type { Schema } from '../../../tables/spec/schema.ts'

/** A schema and a spec that have every primitive type as a partition value. */
export const wideSchema: Schema = {
  type: 'struct',
  'schema-id': 3,
  fields: (
    [
      'boolean',
      'int',
      'long',
      'float',
      'double',
      'date',
      'time',
      'timestamp',
      'timestamptz',
      'string',
      'uuid',
      'binary',
      'fixed[3]',
      'decimal(9, 2)',
      'decimal(38, 16)',
      'decimal(9, 2)',
    ] as const
  ).map((type, index) => ({ id: index + 1, name: `c${index + 1}`, required: false, type })),
}

export const wideSpec: PartitionSpec = {
  'spec-id': 4,
  fields: [
    ...wideSchema.fields.map((field, index) => ({
      'source-id': field.id,
      'field-id': 1000 + index,
      name: field.name,
      transform: 'identity' as const,
    })),
    { 'source-id': 9, 'field-id': 1016, name: 'c9_day', transform: 'day' },
    { 'source-id': 2, 'field-id': 1017, name: 'c2-bucket', transform: 'bucket[16]' },
    { 'source-id': 10, 'field-id': 1018, name: '1 gone', transform: 'void' },
  ],
}

const id63 = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n })
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
const bytes = fc.uint8Array({ maxLength: 20 }).map((array) => Buffer.from(array))
const decimal = (digits: number) =>
  fc.bigInt({ min: -(10n ** BigInt(digits)) + 1n, max: 10n ** BigInt(digits) - 1n })
const orNull = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null })

export const wideTuple: fc.Arbitrary<PartitionTuple> = fc.record({
  c1: orNull(fc.boolean()),
  c2: orNull(int32),
  c3: orNull(int64),
  c4: orNull(fc.float({ noNaN: true })),
  c5: orNull(fc.double({ noNaN: true })),
  c6: orNull(int32),
  c7: orNull(int64),
  c8: orNull(int64),
  c9: orNull(int64),
  c10: orNull(fc.string({ unit: 'grapheme' })),
  c11: orNull(fc.uuid()),
  c12: orNull(bytes),
  c13: orNull(fc.uint8Array({ minLength: 3, maxLength: 3 }).map((array) => Buffer.from(array))),
  c14: orNull(decimal(9)),
  c15: orNull(decimal(38)),
  c16: orNull(decimal(9)),
  c9_day: orNull(int32),
  'c2-bucket': orNull(fc.nat(15)),
  '1 gone': fc.constant(null),
})

function mapOf<T>(value: fc.Arbitrary<T>): fc.Arbitrary<ReadonlyMap<number, T>> {
  const key = fc.oneof(fc.nat(40), fc.constantFrom(2147483545, 2147483546))
  return fc.array(fc.tuple(key, value), { maxLength: 6 }).map((pairs) => new Map(pairs))
}

/** From -2^52: the least that a count may be. */
const count = fc.oneof(fc.nat(), fc.integer({ min: -(2 ** 52), max: 2 ** 53 - 2 }))
const size = fc.integer({ min: 0, max: 2 ** 53 - 2 })

const commonFile = fc.record({
  filePath: fc.webUrl(),
  fileFormat: fc.constant('PARQUET' as const),
  specId: fc.constant(wideSpec['spec-id']),
  partition: wideTuple,
  recordCount: size,
  fileSizeBytes: size,
  columnSizes: mapOf(count),
  valueCounts: mapOf(count),
  nullValueCounts: mapOf(count),
  nanValueCounts: mapOf(count),
  lowerBounds: mapOf(bytes),
  upperBounds: mapOf(bytes),
})

const optionalFields = fc.record(
  { splitOffsets: fc.array(size, { maxLength: 3 }), sortOrderId: fc.nat(100) },
  { requiredKeys: [] },
)

const dataFile: fc.Arbitrary<ContentFile> = fc
  .tuple(commonFile, optionalFields)
  .map(([common, optional]) => ({ content: 'data', ...common, ...optional }))

const positionDelete: fc.Arbitrary<PositionDelete> = fc
  .tuple(commonFile, fc.record({ referencedDataFile: fc.webUrl() }, { requiredKeys: [] }))
  .map(([common, optional]) => ({ content: 'position-deletes', ...common, ...optional }))

const equalityDelete: fc.Arbitrary<EqualityDelete> = fc
  .tuple(commonFile, fc.array(fc.nat(99), { maxLength: 3 }))
  .map(([common, equalityIds]) => ({ content: 'equality-deletes', ...common, equalityIds }))

function entryOf(file: fc.Arbitrary<ContentFile>): fc.Arbitrary<ManifestEntry> {
  const added = fc.record({
    status: fc.constant('added' as const),
    snapshotId: orNull(id63),
    sequenceNumber: orNull(size),
    fileSequenceNumber: orNull(size),
    file,
  })
  const carried = fc.record({
    status: fc.constantFrom('existing' as const, 'deleted' as const),
    snapshotId: id63,
    sequenceNumber: size,
    fileSequenceNumber: size,
    file,
  })
  return fc.oneof(added, carried)
}

export const dataEntries = fc.array(entryOf(dataFile), { maxLength: 8 })
export const deleteEntries = fc.array(entryOf(fc.oneof(positionDelete, equalityDelete)), {
  maxLength: 8,
})

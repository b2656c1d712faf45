import { describe, expect, it } from 'vitest'
import { SluiceError } from '../../../tables/errors.ts'
import { parseJson } from '../../../tables/spec/json.ts'
import {
  parseTableMetadata,
  serializeTableMetadata,
} from '../../../tables/spec/table-metadata-json.ts'
import type { TableMetadata } from '../../../tables/spec/table-metadata.ts'
import { goldenFiles, readGolden } from '../../support/golden.ts'

/** What each broken file must be refused for. */
const faults: Readonly<Record<string, RegExp>> = {
  'iceberg-java/TableMetadataUnsupportedVersion.json': /has format version \d+; versions 1 to 3/,
  'iceberg-java/TableMetadataV1MissingSchemaType.json': /schema is not of the type struct/,
  // That of Java lacks a second member, which is met first.
  'iceberg-java/TableMetadataV2CurrentSchemaNotFound.json': /last-partition-id is missing/,
  'iceberg-rust/TableMetadataV2CurrentSchemaNotFound.json': /no entry has the schema-id 2/,
  'iceberg-java/TableMetadataV2MissingLastPartitionId.json': /last-partition-id is missing/,
  'iceberg-java/TableMetadataV2MissingPartitionSpecs.json': /partition-specs is missing/,
  'iceberg-java/TableMetadataV2MissingSchemas.json': /schemas is missing/,
  'iceberg-java/TableMetadataV2MissingSortOrder.json': /sort-orders is missing/,
  'iceberg-rust/TableMetadataV1NoValidSchema.json': /current-schema-id is missing/,
}

const files = ['iceberg-java', 'iceberg-rust', 'iceberg-go', 'icebird'].flatMap((project) =>
  goldenFiles(project, /\.json$/).filter((path) => !/view/i.test(path)),
)
const valid = files.filter((path) => !(path in faults))

type Members = Record<string, unknown>

describe('table metadata that other engines made', () => {
  it.each(valid)('is read, written and read again without a change: %s', (path) => {
    const metadata = parseTableMetadata(readGolden(path))
    expect(parseTableMetadata(serializeTableMetadata(metadata))).toEqual(metadata)
  })

  // Members that are absent may come as their empty form; a null may be left out.
  it.each(valid)('is written with every member that it came with: %s', (path) => {
    const before = parseJson(readGolden(path)) as Members
    const after = parseJson(serializeTableMetadata(parseTableMetadata(readGolden(path)))) as Members
    const other = new Set(['current-snapshot-id', 'schema', 'partition-spec', 'snapshots', 'refs'])
    for (const [name, value] of Object.entries(before)) {
      if (value !== null && !other.has(name)) expect(after[name], name).toEqual(value)
    }
    // A file without the branch `main` says by its current snapshot that there is one.
    expect(after['refs']).toMatchObject(before['refs'] ?? {})
    expect(snapshotsOf(after)).toEqual(snapshotsOf(before))
  })

  it.each(Object.entries(faults))('is refused where it is broken: %s', (path, fault) => {
    const error = failureOf(readGolden(path))
    expect(error?.message).toMatch(fault)
    expect(error?.kind).toBe(path.includes('UnsupportedVersion') ? 'unsupported' : 'corrupt-data')
  })

  it.each([
    ['iceberg-java/TableMetadataV1Valid.json', 1, 1, 0],
    ['iceberg-rust/TableMetadataV1Compat.json', 1, 1, 1],
    ['iceberg-rust/TableMetadataV1SchemasWithoutCurrentId.json', 1, 1, 0],
    ['iceberg-java/TableMetadataV2Valid.json', 2, 2, 2],
    ['iceberg-java/TableMetadataV3ValidMinimal.json', 3, 1, 0],
    ['icebird/spark-rename-column.json', 2, 2, 1],
  ])('says what is in it: %s', (path, version, schemaCount, snapshotCount) => {
    const metadata = parseTableMetadata(readGolden(path))
    expect(metadata['format-version']).toBe(version)
    expect(metadata.schemas).toHaveLength(schemaCount)
    expect(metadata.snapshots).toHaveLength(snapshotCount)
  })

  it('keeps the statistics, keys and row ids that it came with', () => {
    const statistics = readOf('iceberg-java/TableMetadataStatisticsFiles.json')
    expect(statistics.statistics?.[0]?.['statistics-path']).toBe('s3://a/b/stats.puffin')
    const partitions = readOf('iceberg-java/TableMetadataPartitionStatisticsFiles.json')
    expect(partitions['partition-statistics']).toHaveLength(1)
    const encrypted = readOf('iceberg-rust/TableMetadataV3ValidEncryption.json')
    expect(encrypted['encryption-keys']?.map((key) => key['encrypted-by-id'])).toEqual([
      'master-1',
      '5b29941b-b3b4-4d57-8758-a9d1bf340b39',
    ])
    expect(encrypted.snapshots[0]?.['key-id']).toBe('1fb95f04-7f98-4b1f-a08f-e810cfb907ff')
    const rows = readOf('iceberg-go/TableMetadataV3WithPartitionStatistics.json')
    expect(rows['next-row-id']).toBe(3000)
    expect(rows.snapshots.map((snapshot) => snapshot['first-row-id'])).toEqual([1000, 2000])
  })
})

/** Version 1 has no sequence numbers; an absent operation is an overwrite; null is absent. */
function snapshotsOf(metadata: Members): readonly unknown[] {
  return ((metadata['snapshots'] ?? []) as readonly Members[]).map((snapshot) => {
    const members = Object.entries(snapshot).filter((entry) => entry[1] !== null)
    const summary = { operation: 'overwrite', ...(snapshot['summary'] as object | undefined) }
    return { 'sequence-number': 0, ...Object.fromEntries(members), summary }
  })
}

function readOf(path: string): TableMetadata {
  return parseTableMetadata(readGolden(path))
}

function failureOf(text: string): SluiceError | undefined {
  try {
    parseTableMetadata(text)
    return undefined
  } catch (error) {
    if (error instanceof SluiceError) return error
    throw error
  }
}

import { describe, expect, it } from 'vitest'
import { isErrorKind } from '../../../tables/errors.ts'
import {
  parseViewMetadata,
  serializeViewMetadata,
} from '../../../tables/spec/view-metadata-json.ts'
import { viewSql } from '../../../tables/spec/view-metadata.ts'
import { readGolden } from '../../support/golden.ts'

const valid = readGolden('iceberg-java/ValidViewMetadata.json')

function goldenWith(changes: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ ...(JSON.parse(valid) as object), ...changes })
}

describe('view metadata JSON', () => {
  it.each([
    'iceberg-java/ValidViewMetadata.json',
    'iceberg-java/ViewMetadataMultipleSQLsForDialect.json',
    'iceberg-rust/ViewMetadataV1Valid.json',
    'iceberg-go/view-metadata.json',
  ])('reads and writes %s without loss', (path) => {
    const metadata = parseViewMetadata(readGolden(path))
    expect(parseViewMetadata(serializeViewMetadata(metadata))).toEqual(metadata)
    expect(JSON.parse(serializeViewMetadata(metadata))).toEqual(JSON.parse(readGolden(path)))
  })

  it('finds the SQL of the current version by dialect, whatever its case', () => {
    const metadata = parseViewMetadata(valid)
    expect(viewSql(metadata, 'Spark-SQL')).toBe("select 1 id, 'abc' data")
    expect(viewSql(metadata, 'trino')).toBeUndefined()
  })

  it('keeps a representation of a type that it does not know', () => {
    const future = { type: 'dataframe', plan: ['scan', 7] }
    const version = { ...(JSON.parse(valid) as { versions: object[] }).versions[1] }
    const text = goldenWith({ versions: [{ ...version, representations: [future] }] })
    const metadata = parseViewMetadata(text)
    expect(metadata.versions[0]?.representations).toEqual([future])
    expect(viewSql(metadata, 'dataframe')).toBeUndefined()
  })

  it.each([
    ['iceberg-java/ViewMetadataInvalidCurrentSchema.json', /no schema has the id 1234/],
    ['iceberg-java/ViewMetadataInvalidCurrentVersion.json', /no version has the id 1234/],
    ['iceberg-java/ViewMetadataMissingCurrentVersion.json', /current-version-id is missing/],
    ['iceberg-java/ViewMetadataMissingLocation.json', /location is missing/],
    ['iceberg-rust/ViewMetadataV1CurrentVersionNotFound.json', /no version has the id 2/],
    ['iceberg-rust/ViewMetadataV1MissingCurrentVersion.json', /current-version-id is missing/],
    ['iceberg-rust/ViewMetadataV1MissingSchema.json', /current-version-id is missing/],
    ['iceberg-rust/ViewMetadataV1SchemaNotFound.json', /no schema has the id 2/],
  ])('refuses %s and names the fault', (path, fault) => {
    expect(() => parseViewMetadata(readGolden(path))).toThrow(fault)
    expect(kindOf(readGolden(path))).toBe('corrupt-data')
  })

  it('refuses a newer format version', () => {
    expect(() => parseViewMetadata(goldenWith({ 'format-version': 2 }))).toThrow(/newer Sluice/)
    expect(kindOf(readGolden('iceberg-rust/ViewMetadataUnsupportedVersion.json'))).toBe(
      'unsupported',
    )
  })
})

function kindOf(text: string): string | undefined {
  try {
    parseViewMetadata(text)
    return undefined
  } catch (error) {
    return isErrorKind(error, 'corrupt-data') ? 'corrupt-data' : (error as { kind: string }).kind
  }
}

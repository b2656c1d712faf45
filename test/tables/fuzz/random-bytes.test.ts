import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeMetadataBytes } from '../../../tables/catalog/decode-metadata-bytes.ts'
import { decodeJournal, encodeJournal } from '../../../tables/commit/cut-journal.ts'
import { SluiceError } from '../../../tables/errors.ts'
import { decodeDeleteRecord, encodeDeleteRecord } from '../../../tables/maintain/delete-record.ts'
import { readRawAvro } from '../../../tables/maintain/raw-avro.ts'
import { decodeDeletionVector } from '../../../tables/puffin/deletion-vector.ts'
import { encodeDeletionVector } from '../../../tables/puffin/deletion-vector.ts'
import { readPuffinFooter } from '../../../tables/puffin/puffin-file.ts'
import { decodeRoaringBitmap } from '../../../tables/puffin/roaring-bitmap.ts'
import { readParquetSchema } from '../../../tables/scan/parquet-schema.ts'
import { parseNameMapping } from '../../../tables/spec/name-mapping.ts'
import { parseTableMetadata } from '../../../tables/spec/table-metadata-json.ts'
import { parseViewMetadata } from '../../../tables/spec/view-metadata-json.ts'
import { readAvroContainer } from '../../../tables/write/avro-container.ts'
import { decodeManifest } from '../../../tables/write/manifest-file.ts'
import { decodeManifestList } from '../../../tables/write/manifest-list.ts'
import { readGolden, readGoldenBytes } from '../../support/golden.ts'
import { withoutFieldIds } from '../write/avro-variants.ts'
import { anyDamage, damaged, fuzzSettings } from './damage.ts'

/** Many, since no engine takes part. */
const RUNS_FACTOR = 5
const TIMEOUT_MS = 120_000

const location = 'file:///lake/t/some-file'
const java = 'icebird-tables/java/bunnies'
const list = readGoldenBytes(
  `${java}/metadata/snap-4951213507629824583-1-583a45a0-7389-4d71-9305-ac3a8725c38b.avro`,
)
const manifest = readGoldenBytes(`${java}/metadata/583a45a0-7389-4d71-9305-ac3a8725c38b-m0.avro`)
const text = (content: string): Uint8Array => new TextEncoder().encode(content)
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

const journal = encodeJournal({
  cutNumber: 4,
  previousCut: 3,
  token: 'token',
  cutsTable: { namespace: ['db'], name: 'cuts' },
  commits: [{ identifier: { namespace: ['db'], name: 'a' }, requirements: [], updates: [] }],
})
const deletes = encodeDeleteRecord({
  cutNumber: 4,
  groups: [{ dueUs: 17n, locations: ['file:///lake/t/a', 'file:///lake/t/b'] }],
})
const mapping =
  '[{"field-id":1,"names":["id"]},{"field-id":2,"names":["l"],"fields":' +
  '[{"field-id":3,"names":["element"]}]}]'

type Parser = readonly [name: string, parse: (bytes: Uint8Array) => unknown, valid: Uint8Array]

/** Files of other engines, without our checksum; unpacked ones take every damage to the records. */
const parsers: readonly Parser[] = [
  ['an Avro file', readAvroContainer, list],
  ['an Avro file to be rewritten', readRawAvro, manifest],
  ['a manifest list', (bytes) => decodeManifestList(bytes, location), list],
  ['an unpacked list', (bytes) => decodeManifestList(bytes, location), withoutFieldIds(list)],
  ['a manifest', manifestReader(), manifest],
  ['an unpacked manifest', manifestReader(), withoutFieldIds(manifest)],
  [
    'a Roaring bitmap',
    (bytes) => decodeRoaringBitmap(bytes, 1_000_000),
    readGoldenBytes('deletion-vectors/64mapspreadvals.bin'),
  ],
  [
    'a deletion vector',
    (bytes) => decodeDeletionVector(bytes, { location, cardinality: 3, rowCount: 70_000 }),
    encodeDeletionVector([1n, 2n, 65_536n]),
  ],
  [
    'a Puffin file',
    (bytes) => readPuffinFooter(bytes, location),
    readGoldenBytes('deletion-vectors/multi-blob-dv.puffin'),
  ],
  ['a metadata file', (bytes) => decodeMetadataBytes(location, bytes), text('{}')],
  [
    'table metadata',
    (bytes) => parseTableMetadata(textOf(bytes)),
    text(readGolden('iceberg-java/TableMetadataV2Valid.json')),
  ],
  [
    'view metadata',
    (bytes) => parseViewMetadata(textOf(bytes)),
    text(readGolden('iceberg-java/ValidViewMetadata.json')),
  ],
  ['a name mapping', (bytes) => parseNameMapping(textOf(bytes)), text(mapping)],
  ['a record of files to delete', (bytes) => decodeDeleteRecord(location, bytes), deletes],
  ['a journal', (bytes) => decodeJournal(location, bytes), journal],
]

describe.each(parsers)('%s', (_, parse, valid) => {
  it('is read where it is whole', async () => {
    await parse(valid)
  })

  it(
    'is read or refused by an error of ours where it is damaged',
    async () => {
      await checkAll(parse, fc.array(anyDamage, { minLength: 1, maxLength: 3 }), (damages) =>
        damages.reduce((bytes, damage) => damaged(bytes, damage, [list, text('{}')]), valid),
      )
    },
    TIMEOUT_MS,
  )

  it(
    'is refused, or read, where it is random bytes behind a true start',
    async () => {
      const starts = fc.nat({ max: Math.min(valid.length, 64) })
      const tails = fc.uint8Array({ maxLength: 400 })
      await checkAll(parse, fc.tuple(starts, tails), ([start, tail]) =>
        Buffer.concat([valid.subarray(0, start), tail]),
      )
    },
    TIMEOUT_MS,
  )
})

describe('the footer of a Parquet file', () => {
  it(
    'is read or refused by an error that names the file, where it is damaged',
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'sluice-footer-'))
      const path = join(folder, 'some-file.parquet')
      const valid = readGoldenBytes(`${java}/data/bunnies-initial.parquet`)
      const parse = async (bytes: Uint8Array) => {
        await writeFile(path, bytes)
        return readParquetSchema(path, location)
      }
      try {
        await checkAll(parse, anyDamage, (damage) => damaged(valid, damage, [list]))
      } finally {
        await rm(folder, { recursive: true })
      }
    },
    TIMEOUT_MS,
  )
})

function manifestReader(): Parser[1] {
  const [line] = decodeManifestList(list)
  if (line === undefined) throw new Error('the list is empty')
  return (bytes) => decodeManifest(bytes, line)
}

const ours: readonly string[] = ['corrupt-data', 'unsupported', 'invalid-input']

async function checkAll<T>(
  parse: Parser[1],
  arbitrary: fc.Arbitrary<T>,
  bytesOf: (value: T) => Uint8Array,
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(arbitrary, async (value) => {
      try {
        await parse(bytesOf(value))
      } catch (error) {
        if (!(error instanceof SluiceError)) throw error
        expect(ours).toContain(error.kind)
      }
    }),
    fuzzSettings(RUNS_FACTOR),
  )
}

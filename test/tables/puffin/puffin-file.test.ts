import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  decodeDeletionVector,
  encodeDeletionVector,
} from '../../../tables/puffin/deletion-vector.ts'
import {
  deletionVectorBlob,
  encodePuffinFile,
  readPuffinFooter,
} from '../../../tables/puffin/puffin-file.ts'
import type { PuffinBlob } from '../../../tables/puffin/puffin-file.ts'
import { positionsOf } from '../../../tables/puffin/roaring-bitmap.ts'
import { readGoldenBytes } from '../../support/golden.ts'
import { runPython } from '../../support/pyiceberg.ts'
import { describeWithService } from '../../support/service.ts'

const location = 'file:///t/data/d.puffin'

function blobBytes(file: Uint8Array, { offset, length }: PuffinBlob): Uint8Array {
  return file.slice(offset, offset + length)
}

/** The deletion vectors of a file by the data file that each names. */
function readVectors(file: Uint8Array): Readonly<Record<string, readonly bigint[]>> {
  const { blobs } = readPuffinFooter(file, location)
  return Object.fromEntries(
    blobs.map((blob) => {
      const cardinality = Number(blob.properties?.['cardinality'])
      const facts = { location, cardinality, rowCount: 2 ** 40 }
      const positions = positionsOf(decodeDeletionVector(blobBytes(file, blob), facts))
      return [blob.properties?.['referenced-data-file'] ?? '', [...positions]]
    }),
  )
}

function vectorsFile(vectors: Readonly<Record<string, readonly bigint[]>>) {
  return encodePuffinFile(
    Object.entries(vectors).map(([file, positions]) =>
      deletionVectorBlob(encodeDeletionVector(positions), file, positions.length),
    ),
    'test',
  )
}

describe('a Puffin file', () => {
  it('without blobs is read', () => {
    const footer = readPuffinFooter(
      readGoldenBytes('puffin/empty-puffin-uncompressed.bin'),
      location,
    )
    expect(footer).toEqual({ blobs: [], properties: {} })
  })

  it.each([undefined, 'zstd'])('of Java says where its blobs are: %s', (codec) => {
    const name = codec === undefined ? 'uncompressed' : `compressed-${codec}`
    const file = readGoldenBytes(`puffin/sample-metric-data-${name}.bin`)
    const { blobs, properties } = readPuffinFooter(file, location)
    expect(properties).toEqual({ 'created-by': 'Test 1234' })
    expect(blobs.map((blob) => [blob.type, blob.fields, blob['compression-codec']])).toEqual([
      ['some-blob', [1], codec],
      ['some-other-blob', [2], codec],
    ])
    const [first, second] = blobs
    if (first === undefined || second === undefined) throw new RangeError('a blob is missing')
    expect(second.offset).toBe(first.offset + first.length)
    if (codec !== undefined) return
    expect(Buffer.from(blobBytes(file, first)).toString()).toBe('abcdefghi')
  })

  it.each([
    ['puffin/deletion-vector-v1', { 'data/test.parquet': [1n, 3n, 5n, 7n, 9n] }],
    [
      'deletion-vectors/single-blob-dv',
      { 's3://warehouse/db/table/data/00000-0-abc.parquet': [1n, 3n, 5n, 7n, 9n] },
    ],
    [
      'deletion-vectors/multi-blob-dv',
      {
        's3://warehouse/db/table/data/file-001.parquet': [0n, 100n, 200n],
        's3://warehouse/db/table/data/file-002.parquet': [50n, 150n],
      },
    ],
  ])('of deletion vectors is read: %s', (name, expected) => {
    expect(readVectors(readGoldenBytes(`${name}.puffin`))).toEqual(expected)
  })

  it('comes back as it was written', () => {
    const vectors = { 'file:///t/data/ä b.parquet': [1n, 2n, 3n], 'file:///t/c.parquet': [] }
    const { bytes, blobs } = vectorsFile(vectors)
    expect(readVectors(bytes)).toEqual(vectors)
    expect(readPuffinFooter(bytes, location)).toEqual({
      blobs: blobs.map((blob) => ({ ...blob, 'snapshot-id': -1 })),
      properties: { 'created-by': 'test' },
    })
    expect(blobs[0]).toMatchObject({ offset: 4, 'sequence-number': -1, fields: [2_147_483_645] })
  })

  it('is refused with its name where its end is missing or a footer is compressed', () => {
    const { bytes } = vectorsFile({ a: [1n] })
    for (let end = 0; end < bytes.length; end += 1) {
      expect(() => readPuffinFooter(bytes.slice(0, end), location)).toThrow(
        expect.objectContaining({ kind: 'corrupt-data', context: { file: location } }),
      )
    }
    const compressed = Uint8Array.from(bytes)
    compressed[bytes.length - 8] = 1
    expect(() => readPuffinFooter(compressed, location)).toThrow(
      expect.objectContaining({
        kind: 'unsupported',
        message: expect.stringContaining('a compressed footer') as unknown,
      }),
    )
  })
})

await describeWithService('pyiceberg', 'PyIceberg', () => {
  it('reads the deletion vectors of several data files from one file of ours', async () => {
    const vectors = {
      'file:///t/a.parquet': [0n, 2n, 65_535n, 65_536n, 1_000_000n],
      'file:///t/b.parquet': Array.from({ length: 70_000 }, (_, index) => BigInt(3 * index)),
      'file:///t/c.parquet': Array.from({ length: 300_000 }, (_, index) => BigInt(index)),
    }
    const folder = await mkdtemp(join(tmpdir(), 'sluice-puffin-'))
    try {
      const path = join(folder, 'd.puffin')
      await writeFile(path, vectorsFile(vectors).bytes)
      const script = join(import.meta.dirname, 'pyiceberg-puffin.py')
      const { stdout } = await runPython(script, [path])
      const expected = Object.entries(vectors).map(([file, all]) => [file, all.map(Number)])
      expect(JSON.parse(stdout)).toEqual(Object.fromEntries(expected))
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
})

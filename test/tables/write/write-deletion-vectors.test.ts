import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readPuffinFooter } from '../../../tables/puffin/puffin-file.ts'
import { decodeDeletionVector } from '../../../tables/puffin/deletion-vector.ts'
import { positionsOf } from '../../../tables/puffin/roaring-bitmap.ts'
import type { DataFile, DeletionVector } from '../../../tables/spec/manifest.ts'
import type { TableMetadata } from '../../../tables/spec/table-metadata.ts'
import { writeDataFiles } from '../../../tables/write/write-data-files.ts'
import { writeDeletionVectors } from '../../../tables/write/write-deletion-vectors.ts'
import { writePositionDeletes } from '../../../tables/write/write-position-deletes.ts'
import { openWorkshop, sampleTable } from './sample-table.ts'
import type { Workshop } from './sample-table.ts'

describe('writing deletion vectors', () => {
  let shop: Workshop
  let table: TableMetadata
  let files: DataFile[]

  beforeAll(async () => {
    shop = await openWorkshop()
    table = sampleTable({
      location: `${shop.location}/t`,
      columns: { id: 'long', part: 'int' },
      partition: [['part', 'identity']],
    })
    const rows = 'SELECT i AS id, (i % 2)::INTEGER AS part FROM range(100) t(i)'
    files = await writeDataFiles(shop, table, rows)
  })

  afterAll(async () => {
    await shop.close()
  })

  const read = async (vector: DeletionVector): Promise<bigint[]> => {
    const { filePath, contentOffset: offset, contentSizeBytes: length, recordCount } = vector
    const blob = await shop.fileIO.read(filePath, { offset, length })
    const facts = { location: filePath, cardinality: recordCount, rowCount: 50 }
    return [...positionsOf(decodeDeletionVector(blob, facts))]
  }

  it('puts one vector a data file into one Puffin file, each with its spec and partition', async () => {
    const vectors = await writeDeletionVectors(shop, table, [
      { file: files[0] as DataFile, positions: [5n, 3n, 5n], held: [] },
      { file: files[1] as DataFile, positions: [49n], held: [] },
    ])
    expect(vectors.map((vector) => vector.partition)).toEqual([{ part: 0 }, { part: 1 }])
    expect(new Set(vectors.map((vector) => vector.filePath)).size).toBe(1)
    expect(await Promise.all(vectors.map(read))).toEqual([[3n, 5n], [49n]])
    const [first] = vectors
    const bytes = await shop.fileIO.read(first?.filePath ?? '')
    expect(first?.fileSizeBytes).toBe(bytes.length)
    const { blobs } = readPuffinFooter(bytes, 'the file')
    expect(blobs.map((blob) => [blob.offset, blob.length, blob.properties])).toEqual(
      vectors.map((vector) => [
        vector.contentOffset,
        vector.contentSizeBytes,
        {
          'referenced-data-file': vector.referencedDataFile,
          cardinality: String(vector.recordCount),
        },
      ]),
    )
  })

  // Readers take the vector alone: what it does not repeat comes back.
  it('takes in what position deletes and an older vector took out', async () => {
    const [file, other] = files as [DataFile, DataFile]
    const held = await writePositionDeletes(shop, table, [
      { file, positions: [1n, 2n] },
      { file: other, positions: [7n] },
    ])
    const [older] = await writeDeletionVectors(shop, table, [
      { file, positions: [20n, 2n], held: [] },
    ])
    const all = [...held, older as DeletionVector]
    const [vector] = await writeDeletionVectors(shop, table, [
      { file, positions: [30n], held: all },
    ])
    expect(await read(vector as DeletionVector)).toEqual([1n, 2n, 20n, 30n])
    expect(vector?.recordCount).toBe(4)
  })

  it('writes nothing where nothing is deleted, and refuses rows outside of the file', async () => {
    const file = files[0] as DataFile
    expect(await writeDeletionVectors(shop, table, [{ file, positions: [], held: [] }])).toEqual([])
    await expect(
      writeDeletionVectors(shop, table, [{ file, positions: [50n], held: [] }]),
    ).rejects.toThrow(/a file of 50 rows/)
  })
})

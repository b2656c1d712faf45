import { stat } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readDeletedPositions } from '../../../tables/scan/read-deleted-positions.ts'
import { readPuffinFooter } from '../../../tables/puffin/puffin-file.ts'
import { decodeDeletionVector } from '../../../tables/puffin/deletion-vector.ts'
import { positionsOf } from '../../../tables/puffin/roaring-bitmap.ts'
import { pathOfLocation } from '../../../tables/file-io/local-location.ts'
import type { DataFile, DeletionVector, PositionDelete } from '../../../tables/spec/manifest.ts'
import type { StructType } from '../../../tables/spec/schema.ts'
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
      { file, positions: [30n], held: await readDeletedPositions(shop, file, all) },
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

// The engine takes such signs in paths for patterns of names.
describe('a folder whose name reads like a pattern', () => {
  let shop: Workshop

  beforeAll(async () => {
    shop = await openWorkshop('sluice [a-c]*?{x,y} ')
  })

  afterAll(() => shop.close())

  const place: StructType = {
    type: 'struct',
    fields: [{ id: 8, name: 'x', required: true, type: 'int' }],
  }
  const tableOf = (properties: Readonly<Record<string, string>> = {}) =>
    sampleTable({
      location: `${shop.location}/t`,
      columns: { id: 'long', price: 'double', place },
      formatVersion: 3,
      properties,
    })
  const rows =
    "SELECT i AS id, CASE WHEN i > 5 THEN 'NaN'::DOUBLE ELSE 0.5 END AS price, " +
    "{'x': i::INT} AS place FROM range(5000) t(i)"

  it('takes data files that are checked, counted and cut', async () => {
    const properties = { 'write.parquet.row-group-limit': '2048' }
    const files = await writeDataFiles(shop, tableOf(properties), rows)
    expect(files.map((file) => [file.recordCount, file.nanValueCounts.get(2)])).toEqual([
      [5000, 4994],
    ])
    expect(files[0]?.splitOffsets).toHaveLength(3)
    const small = { 'write.target-file-size-bytes': '8000' }
    const cut = await writeDataFiles(shop, tableOf(small), rows)
    expect(cut.length).toBeGreaterThan(1)
    expect(cut.reduce((sum, file) => sum + file.recordCount, 0)).toBe(5000)
  })

  it('gives the deletes that are held there', async () => {
    const table = tableOf()
    const [file] = (await writeDataFiles(shop, table, rows)) as [DataFile]
    const held = await writePositionDeletes(shop, table, [{ file, positions: [1n, 2n] }])
    expect(await readDeletedPositions(shop, file, held)).toEqual([1n, 2n])
  })
})

describe('deletes that are held', () => {
  let shop: Workshop
  let table: TableMetadata
  let file: DataFile

  beforeAll(async () => {
    shop = await openWorkshop()
    table = sampleTable({ location: `${shop.location}/t`, columns: { id: 'long' } })
    const [written] = await writeDataFiles(shop, table, 'SELECT range AS id FROM range(9)')
    file = written as DataFile
  })

  afterAll(() => shop.close())

  // Another file in its place would be read as no deletes, and the rows would come back.
  it('are refused in a file of another size than its manifest says', async () => {
    const [held] = (await writePositionDeletes(shop, table, [{ file, positions: [4n] }])) as [
      PositionDelete,
    ]
    const other = { ...held, fileSizeBytes: held.fileSizeBytes + 1 }
    await expect(readDeletedPositions(shop, file, [other])).rejects.toMatchObject({
      kind: 'corrupt-data',
    })
    expect(await readDeletedPositions(shop, file, [held])).toEqual([4n])
  })

  it('count in a file without field ids too, which some writers make', async () => {
    const [held] = (await writePositionDeletes(shop, table, [{ file, positions: [4n] }])) as [
      PositionDelete,
    ]
    const filePath = `${shop.location}/t/data/foreign-deletes.parquet`
    const path = pathOfLocation(filePath)
    const values = `('${file.filePath}', 6::BIGINT), ('elsewhere', 7)`
    await shop.session.run(
      `COPY (SELECT * FROM (VALUES ${values}) AS t(file_path, pos)) TO '${path}' (FORMAT parquet)`,
    )
    const { size: fileSizeBytes } = await stat(path)
    const foreign = { ...held, filePath, fileSizeBytes, recordCount: 2 }
    expect(await readDeletedPositions(shop, file, [held, foreign])).toEqual([4n, 6n])
  })
})

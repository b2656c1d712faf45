import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isErrorKind } from '../../../tables/errors.ts'
import { pathOfLocation } from '../../../tables/file-io/local-location.ts'
import { writeDataFiles } from '../../../tables/write/write-data-files.ts'
import { writePositionDeletes } from '../../../tables/write/write-position-deletes.ts'
import { openWorkshop, sampleTable } from './sample-table.ts'
import type { Workshop } from './sample-table.ts'

describe('writing position deletes', () => {
  let shop: Workshop

  beforeAll(async () => {
    shop = await openWorkshop()
  })

  afterAll(async () => {
    await shop.close()
  })

  const twoDays = async () => {
    const table = sampleTable({
      location: `${shop.location}/long-name-of-a-table-so-that-paths-are-longer-than-a-bound`,
      columns: { id: 'long', at: 'timestamptz' },
      partition: [['at', 'day']],
    })
    const files = await writeDataFiles(
      shop,
      table,
      "SELECT i AS id, TIMESTAMPTZ '2024-08-08 00:00:00+00' + i * INTERVAL 12 HOUR AS at FROM range(4) t(i)",
    )
    return { table, files }
  }

  it('writes one file a data file, of its spec and partition, naming it alone', async () => {
    const { table, files } = await twoDays()
    const [first, second] = files
    if (first === undefined || second === undefined) throw new Error('two files are due')
    const written = await writePositionDeletes(shop, table, [
      { file: first, positions: [1n, 0n, 1n] },
      { file: second, positions: [] },
    ])
    expect(written).toHaveLength(1)
    const [deletes] = written
    expect(deletes).toMatchObject({
      content: 'position-deletes',
      referencedDataFile: first.filePath,
      partition: first.partition,
      specId: first.specId,
      recordCount: 2,
      nanValueCounts: new Map(),
    })
    expect(deletes?.sortOrderId).toBeUndefined()
    const path = Buffer.from(first.filePath)
    expect(deletes?.lowerBounds.get(2147483546)).toEqual(path)
    expect(deletes?.upperBounds.get(2147483546)).toEqual(path)
    const stat = await shop.fileIO.stat(deletes?.filePath ?? '')
    expect(deletes?.fileSizeBytes).toBe(stat?.sizeBytes)
    const local = pathOfLocation(deletes?.filePath ?? '')
    expect(
      await shop.session.rows(`FROM read_parquet('${local}', hive_partitioning = false)`),
    ).toEqual([
      { file_path: first.filePath, pos: 0n },
      { file_path: first.filePath, pos: 1n },
    ])
    const ids = await shop.session.rows<{ name: string; field_id: bigint }>(
      `SELECT name, field_id FROM parquet_schema('${local}') WHERE field_id IS NOT NULL ORDER BY name`,
    )
    expect(ids.map((row) => [row.name, Number(row.field_id)])).toEqual([
      ['file_path', 2147483546],
      ['pos', 2147483545],
    ])
  })

  it('refuses positions that the data file does not have', async () => {
    const { table, files } = await twoDays()
    const [file] = files
    if (file === undefined) throw new Error('a file is due')
    for (const positions of [[2n], [-1n]]) {
      const error: unknown = await writePositionDeletes(shop, table, [{ file, positions }]).catch(
        (e: unknown) => e,
      )
      expect(isErrorKind(error, 'invalid-input')).toBe(true)
    }
  })
})

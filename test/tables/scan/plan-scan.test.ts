import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isErrorKind } from '../../../tables/errors.ts'
import { createManifestCache } from '../../../tables/scan/manifest-cache.ts'
import { planScan } from '../../../tables/scan/plan-scan.ts'
import type { ColumnPredicate, ScanPlan } from '../../../tables/scan/plan-scan.ts'
import { scanSql } from '../../../tables/scan/scan-sql.ts'
import type { TableMetadata } from '../../../tables/spec/table-metadata.ts'
import { writePositionDeletes } from '../../../tables/write/write-position-deletes.ts'
import { openWorkshop, sampleTable } from '../write/sample-table.ts'
import type { Workshop } from '../write/sample-table.ts'
import { growTable } from './growing-table.ts'
import type { GrowingTable } from './growing-table.ts'

describe('planning and reading a scan', () => {
  let shop: Workshop
  let tableCount = 0

  beforeAll(async () => {
    shop = await openWorkshop()
  })

  afterAll(async () => {
    await shop.close()
  })

  const location = (): string => `${shop.location}/t${(tableCount += 1)}`

  const plan = (metadata: TableMetadata, filter: readonly ColumnPredicate[] = []) =>
    planScan({ fileIO: shop.fileIO, metadata, filter })

  const read = async <T>(planned: ScanPlan, tail = ''): Promise<T[]> =>
    shop.session.rows<T>(`SELECT * FROM (${await scanSql(planned, shop.fileIO)}) ${tail}`)

  const daily = async (): Promise<GrowingTable> => {
    const table = growTable(
      shop,
      sampleTable({
        location: location(),
        columns: { id: 'long', at: 'timestamptz', symbol: 'string' },
        partition: [['at', 'day']],
        sort: ['id'],
      }),
    )
    for (const day of ['01', '02', '03']) {
      await table.append(
        `SELECT i AS id, TIMESTAMPTZ '2024-08-${day} 00:00:00+00' + i * INTERVAL 1 HOUR AS at,
         'S${day}-' || i AS symbol FROM range(10) t(i)`,
      )
    }
    return table
  }

  const august = (day: number): bigint => 1722470400000000n + BigInt(day - 1) * 86_400_000_000n

  it('reads nothing from a table without a snapshot, with its types', async () => {
    const metadata = sampleTable({
      location: location(),
      columns: { id: 'long', d: 'decimal(9, 2)' },
    })
    const planned = await plan(metadata)
    expect(planned).toMatchObject({ tasks: [], filesPlanned: 0, metadataBytesRead: 0 })
    const sql = await scanSql(planned, shop.fileIO, { withPosition: true })
    expect(await shop.session.rows(`DESCRIBE ${sql}`)).toMatchObject([
      { column_name: 'id', column_type: 'BIGINT' },
      { column_name: 'd', column_type: 'DECIMAL(9,2)' },
      { column_name: '_file', column_type: 'VARCHAR' },
      { column_name: '_pos', column_type: 'BIGINT' },
    ])
    expect(await shop.session.rows(sql)).toEqual([])
  })

  it('leaves out manifests by the day of a timestamp', async () => {
    const table = await daily()
    const planned = await plan(table.metadata, [
      { column: 'at', op: '>=', value: august(2) },
      { column: 'at', op: '<', value: august(2) + 1n },
    ])
    expect(planned).toMatchObject({ filesPlanned: 1, manifestsRead: 1 })
    expect(planned.tasks[0]?.file.partition).toEqual({ at_day: 19937 })
  })

  it('leaves out files by bounds and null counts', async () => {
    const table = await daily()
    const count = async (predicate: ColumnPredicate) =>
      (await plan(table.metadata, [predicate])).filesPlanned
    expect(await count({ column: 'symbol', op: '=', value: 'S02-5' })).toBe(1)
    expect(await count({ column: 'symbol', op: 'in', values: ['S01-1', 'S03-1'] })).toBe(2)
    expect(await count({ column: 'id', op: '>', value: 9 })).toBe(0)
    expect(await count({ column: 'id', op: '>=', value: 9n })).toBe(3)
    expect(await count({ column: 'id', op: 'is-null' })).toBe(0)
    expect(await count({ column: 'at', op: 'is-null' })).toBe(0)
    expect(await count({ column: 'at', op: 'not-null' })).toBe(3)
  })

  it('refuses a column that is not there and names those that are', async () => {
    const table = await daily()
    const error: unknown = await plan(table.metadata, [
      { column: 'price', op: '=', value: 1 },
    ]).catch((e: unknown) => e)
    expect(isErrorKind(error, 'invalid-input')).toBe(true)
    expect(String(error)).toContain('id, at, symbol')
  })

  it('reads an old snapshot, and refuses one that is gone', async () => {
    const table = await daily()
    const [first] = table.metadata.snapshots
    const planned = await planScan({
      fileIO: shop.fileIO,
      metadata: table.metadata,
      snapshotId: first?.['snapshot-id'] ?? 0n,
    })
    expect(await read(planned, 'WHERE id = 3')).toHaveLength(1)
    await expect(
      planScan({ fileIO: shop.fileIO, metadata: table.metadata, snapshotId: 5n }),
    ).rejects.toThrow(/no snapshot 5/)
  })

  it('reads each manifest once from the store where there is a cache', async () => {
    const table = await daily()
    const manifestCache = createManifestCache()
    const request = { fileIO: shop.fileIO, metadata: table.metadata, manifestCache }
    const first = await planScan(request)
    const second = await planScan(request)
    expect(first.metadataBytesRead).toBeGreaterThan(0)
    expect(second.metadataBytesRead).toBe(0)
    expect(second.tasks).toEqual(first.tasks)
  })

  it('does not read files that were removed', async () => {
    const table = await daily()
    const planned = await plan(table.metadata)
    await table.commit({ removed: [planned.tasks[0]?.file.filePath ?? ''] })
    expect(await read(await plan(table.metadata))).toHaveLength(20)
  })

  it('takes columns by field id through add, drop, rename and a wider type', async () => {
    const table = growTable(
      shop,
      sampleTable({
        location: location(),
        columns: { id: 'int', old_name: 'string', dropped: 'string', price: 'decimal(9, 2)' },
      }),
    )
    await table.append("SELECT 1 AS id, 'kept' AS old_name, 'gone' AS dropped, 1.25 AS price")
    const before = table.metadata['current-snapshot-id'] ?? 0n
    table.metadata = {
      ...table.metadata,
      'current-schema-id': 1,
      'last-column-id': 5,
      schemas: [
        ...table.metadata.schemas,
        {
          type: 'struct',
          'schema-id': 1,
          fields: [
            { id: 5, name: 'dropped', required: false, type: 'timestamptz' },
            { id: 2, name: 'new_name', required: false, type: 'string' },
            { id: 1, name: 'id', required: false, type: 'long' },
            { id: 4, name: 'price', required: false, type: 'decimal(18, 2)' },
          ],
        },
      ],
    }
    expect(await read(await plan(table.metadata))).toEqual([
      { dropped: null, new_name: 'kept', id: 1n, price: '1.25' },
    ])
    await table.append(
      "SELECT TIMESTAMPTZ '1970-01-01 00:00:01+00' AS dropped, 'b' AS new_name, 5000000000 AS id, 2 AS price",
    )
    const both = await plan(table.metadata, [{ column: 'id', op: '>=', value: 1n }])
    expect(await read(both, 'ORDER BY id')).toEqual([
      { dropped: null, new_name: 'kept', id: 1n, price: '1.25' },
      { dropped: 1_000_000n, new_name: 'b', id: 5_000_000_000n, price: '2.00' },
    ])
    // The bound of the first file has the four bytes of an int.
    expect((await plan(table.metadata, [{ column: 'id', op: '>', value: 1n }])).filesPlanned).toBe(
      1,
    )
    const old = await planScan({
      fileIO: shop.fileIO,
      metadata: table.metadata,
      snapshotId: before,
    })
    expect(await read(old)).toEqual([{ id: 1, old_name: 'kept', dropped: 'gone', price: '1.25' }])
  })

  it('leaves out deleted rows and says each row’s file and place', async () => {
    const table = await daily()
    const planned = await plan(table.metadata)
    const [first, second] = planned.tasks
    if (first === undefined || second === undefined) throw new Error('files are due')
    const deletes = await writePositionDeletes(shop, table.metadata, [
      { file: first.file, positions: [0n, 9n] },
      { file: second.file, positions: [5n] },
    ])
    await table.commit({ deletes })
    const after = await plan(table.metadata)
    expect(await read(after)).toHaveLength(27)
    const placed = await shop.session.rows<{ _file: string; _pos: bigint; id: bigint }>(
      await scanSql(after, shop.fileIO, { columns: ['id'], withPosition: true }),
    )
    expect(new Set(placed.map((row) => row._file))).toEqual(
      new Set(after.tasks.map((task) => task.file.filePath)),
    )
    // The files are sorted by id, which counts from 0: the place is the id.
    for (const row of placed) expect(row._pos).toBe(row.id)
    const ofFirst = placed.filter((row) => row._file === first.file.filePath)
    expect(ofFirst.map((row) => Number(row.id)).sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  })

  it('adds up several delete files of one data file', async () => {
    const table = await daily()
    const [task] = (await plan(table.metadata, [{ column: 'symbol', op: '=', value: 'S01-1' }]))
      .tasks
    if (task === undefined) throw new Error('a file is due')
    for (const positions of [[1n], [2n, 1n], [3n]]) {
      const deletes = await writePositionDeletes(shop, table.metadata, [
        { file: task.file, positions },
      ])
      await table.commit({ deletes })
    }
    expect(await read(await plan(table.metadata))).toHaveLength(27)
  })

  it('does not apply a delete to a data file that came later', async () => {
    const table = await daily()
    const [task] = (await plan(table.metadata)).tasks
    if (task === undefined) throw new Error('a file is due')
    const deletes = await writePositionDeletes(shop, table.metadata, [
      { file: task.file, positions: [0n] },
    ])
    await table.commit({ deletes })
    await table.commit({ removed: [task.file.filePath] })
    await table.commit({ data: [task.file] })
    expect(await read(await plan(table.metadata))).toHaveLength(30)
  })

  it('applies deletes that name no file to the files of their partition by the rows in them', async () => {
    const table = await daily()
    const [first, second] = (await plan(table.metadata)).tasks
    if (first === undefined || second === undefined) throw new Error('files are due')
    const [scoped] = await writePositionDeletes(shop, table.metadata, [
      { file: first.file, positions: [4n] },
    ])
    if (scoped === undefined) throw new Error('a delete file is due')
    const { referencedDataFile: _, ...broad } = {
      ...scoped,
      lowerBounds: new Map(),
      upperBounds: new Map(),
    }
    await table.commit({ deletes: [broad] })
    const after = await plan(table.metadata)
    expect(after.tasks.filter((task) => task.deletes.length > 0)).toHaveLength(1)
    expect(await read(after)).toHaveLength(29)
  })
})

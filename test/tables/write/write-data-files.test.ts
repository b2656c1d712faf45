import { readdir } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isErrorKind } from '../../../tables/errors.ts'
import { pathOfLocation } from '../../../tables/file-io/local-location.ts'
import type { DataFile } from '../../../tables/spec/manifest.ts'
import { applyTransform } from '../../../tables/spec/partition-transform.ts'
import type { PartitionTransform } from '../../../tables/spec/partition-spec.ts'
import type { IcebergType, PrimitiveType } from '../../../tables/spec/schema.ts'
import { fromSingleValue } from '../../../tables/spec/single-value.ts'
import { toPartitionSource } from '../../../tables/write/split-partitions.ts'
import { writeDataFiles } from '../../../tables/write/write-data-files.ts'
import { openWorkshop, sampleTable } from './sample-table.ts'
import type { Workshop } from './sample-table.ts'

const IN_ORDER_ROW = `coalesce(symbol, '-') || coalesce(id::VARCHAR, '-') AS "row"`

describe('writing data files', () => {
  let shop: Workshop
  let tableCount = 0

  beforeAll(async () => {
    shop = await openWorkshop()
  })

  afterAll(async () => {
    await shop.close()
  })

  const location = (): string => `${shop.location}/t${(tableCount += 1)}`

  const read = <T>(file: DataFile, select = '*'): Promise<T[]> =>
    shop.session.rows<T>(
      `SELECT ${select} FROM read_parquet('${pathOfLocation(file.filePath)}', hive_partitioning = false)`,
    )

  const bound = (file: DataFile, which: 'lower' | 'upper', id: number, type: PrimitiveType) => {
    const bytes = (which === 'lower' ? file.lowerBounds : file.upperBounds).get(id)
    return bytes === undefined ? undefined : fromSingleValue(type, bytes)
  }

  it('casts by name, carries field ids, and says exact counts, sizes and bounds', async () => {
    const table = sampleTable({
      location: location(),
      columns: {
        id: 'long',
        price: 'decimal(18, 8)',
        at: 'timestamptz',
        symbol: 'string',
        is_ok: 'boolean',
        nothing: 'string',
        share: 'double',
        on_day: 'date',
      },
    })
    const files = await writeDataFiles(
      shop,
      table,
      `SELECT DATE '2024-01-01' + i::INTEGER AS on_day, i / 4.0 AS share, NULL AS nothing, i = 1 AS is_ok,
         'S' || i AS symbol, TIMESTAMPTZ '2024-08-08 00:00:00+00' + i * INTERVAL 1 SECOND AS at,
         (-i * 1.5)::VARCHAR AS price, i AS id, 'extra' AS not_in_the_table
       FROM range(3) AS t(i)`,
    )
    expect(files).toHaveLength(1)
    const file = files[0] as DataFile
    expect(file.recordCount).toBe(3)
    expect(file.partition).toEqual({})
    expect(file.filePath).toMatch(new RegExp(`^${table.location}/data/[0-9a-f-]+\\.parquet$`))
    const stat = await shop.fileIO.stat(file.filePath)
    expect(file.fileSizeBytes).toBe(stat?.sizeBytes)
    const schema = await shop.session.rows<{ name: string; field_id: bigint | null }>(
      `SELECT name, field_id FROM parquet_schema('${pathOfLocation(file.filePath)}') WHERE field_id IS NOT NULL`,
    )
    expect(Object.fromEntries(schema.map((row) => [row.name, Number(row.field_id)]))).toEqual({
      id: 1,
      price: 2,
      at: 3,
      symbol: 4,
      is_ok: 5,
      nothing: 6,
      share: 7,
      on_day: 8,
    })
    expect(bound(file, 'lower', 1, 'long')).toBe(0n)
    expect(bound(file, 'upper', 1, 'long')).toBe(2n)
    expect(bound(file, 'lower', 2, 'decimal(18, 8)')).toBe(-300000000n)
    expect(bound(file, 'upper', 2, 'decimal(18, 8)')).toBe(0n)
    expect(bound(file, 'upper', 3, 'timestamptz')).toBe(1723075202000000n)
    expect(bound(file, 'lower', 4, 'string')).toBe('S0')
    expect(bound(file, 'lower', 5, 'boolean')).toBe(false)
    expect(bound(file, 'upper', 5, 'boolean')).toBe(true)
    expect(bound(file, 'lower', 6, 'string')).toBeUndefined()
    expect(file.nullValueCounts.get(6)).toBe(3)
    expect(file.valueCounts.get(6)).toBe(3)
    expect(bound(file, 'upper', 7, 'double')).toBe(0.5)
    expect(Object.is(bound(file, 'lower', 7, 'double'), -0)).toBe(true)
    expect(file.nanValueCounts.get(7)).toBe(0)
    expect(bound(file, 'lower', 8, 'date')).toBe(19723)
    expect(await read<{ price: string }>(file, 'price')).toEqual([
      { price: '0.00000000' },
      { price: '-1.50000000' },
      { price: '-3.00000000' },
    ])
  })

  it('agrees with the statistics that the Parquet file itself holds', async () => {
    const table = sampleTable({ location: location(), columns: { a: 'int', b: 'string' } })
    const [file] = await writeDataFiles(
      shop,
      table,
      "SELECT (i * 7) % 1000 AS a, CASE WHEN i % 3 = 0 THEN NULL ELSE 'x' || i END AS b FROM range(5000) t(i)",
      { rowGroupRows: 2048 },
    )
    const groups = await shop.session.rows<{ column: string; nulls: bigint; count: bigint }>(
      `SELECT path_in_schema AS column, sum(stats_null_count)::BIGINT AS nulls, count(*) AS count
       FROM parquet_metadata('${pathOfLocation(file?.filePath ?? '')}') GROUP BY ALL ORDER BY ALL`,
    )
    expect(groups).toEqual([
      { column: 'a', nulls: 0n, count: 3n },
      { column: 'b', nulls: 1667n, count: 3n },
    ])
    expect(file?.nullValueCounts).toEqual(
      new Map([
        [1, 0],
        [2, 1667],
      ]),
    )
    expect(file?.upperBounds.get(1)).toEqual(Buffer.from([999 & 255, 999 >> 8, 0, 0]))
  })

  it('writes no file for no rows, partitioned or not', async () => {
    const query = 'SELECT 1 AS id, now() AS at WHERE false'
    const columns = { id: 'long', at: 'timestamptz' } as const
    const plain = sampleTable({ location: location(), columns })
    const daily = sampleTable({ location: location(), columns, partition: [['at', 'day']] })
    expect(await writeDataFiles(shop, plain, query)).toEqual([])
    expect(await writeDataFiles(shop, daily, query)).toEqual([])
    expect(await writeDataFiles(shop, plain, query, { maxRows: 10 })).toEqual([])
  })

  it('writes one file a partition value, nulls apart', async () => {
    const table = sampleTable({
      location: location(),
      columns: { id: 'long', at: 'timestamptz' },
      partition: [['at', 'day']],
    })
    const files = await writeDataFiles(
      shop,
      table,
      `SELECT i AS id, CASE WHEN i < 5 THEN TIMESTAMPTZ '2024-08-08 23:59:58+00' + i * INTERVAL 1 SECOND END AS at
       FROM range(7) t(i)`,
    )
    const summary = files.map((file) => [file.partition, file.recordCount])
    expect(summary).toEqual([
      [{ at_day: 19943 }, 2],
      [{ at_day: 19944 }, 3],
      [{ at_day: null }, 2],
    ])
    expect(files[0]?.filePath).toContain('/data/at_day=2024-08-08/')
  })

  it.each([
    ['timestamptz', 'year', "TIMESTAMPTZ '1969-12-31 23:00:00+00' + i * INTERVAL 40 DAY"],
    ['timestamptz', 'month', "TIMESTAMPTZ '1969-10-31 23:00:00+00' + i * INTERVAL 20 DAY"],
    ['timestamp', 'day', "TIMESTAMP '1969-12-30 13:00:00' + i * INTERVAL 7 HOUR"],
    ['timestamptz', 'hour', "TIMESTAMPTZ '1969-12-31 22:30:00+00' + i * INTERVAL 31 MINUTE"],
    ['date', 'day', "DATE '1969-12-30' + i::INTEGER"],
    ['date', 'month', "DATE '1969-11-15' + (i * 13)::INTEGER"],
    ['long', 'identity', 'i % 3'],
    ['string', 'identity', "'it''s ' || i % 3"],
    ['decimal(9, 2)', 'identity', '(i % 3) * 1.25'],
    ['boolean', 'identity', 'i % 2 = 0'],
    ['long', 'truncate[10]', 'i * 3 - 20'],
    ['int', 'truncate[7]', 'i - 8'],
    ['decimal(9, 2)', 'truncate[50]', '(i - 6) * 0.33'],
    ['string', 'truncate[2]', "'😀' || i || 'x'"],
    ['binary', 'truncate[2]', "encode('a' || i || 'x')"],
    ['int', 'bucket[5]', 'i - 8'],
    ['long', 'bucket[5]', '(i - 8) * 1000000007'],
    ['date', 'bucket[5]', "DATE '1969-12-30' + i::INTEGER"],
    ['time', 'bucket[5]', "TIME '10:00:00.000001' + i * INTERVAL 1 MINUTE"],
    ['timestamp', 'bucket[5]', "TIMESTAMP '1969-12-31 23:59:58.5' + i * INTERVAL 1 SECOND"],
    ['timestamptz', 'bucket[5]', "TIMESTAMPTZ '2024-08-08 00:00:00+00' + i * INTERVAL 1 HOUR"],
    ['timestamp_ns', 'bucket[5]', "TIMESTAMP_NS '1969-12-31 23:59:59.000000001' + to_seconds(i)"],
    ['timestamp_ns', 'hour', "TIMESTAMP_NS '1969-12-31 22:00:00.000000001' + to_minutes(i * 30)"],
    ['decimal(9, 2)', 'bucket[5]', '(i - 7) * 1.28'],
    ['decimal(38, 0)', 'bucket[5]', "(i - 7) * '18446744073709551616'::HUGEINT"],
    ['string', 'bucket[5]', "'😀' || i"],
    ['binary', 'bucket[5]', "encode('ab' || i * i * i)"],
    ['uuid', 'bucket[5]', "('00112233-4455-6677-8899-' || lpad(i::VARCHAR, 12, '0'))::UUID"],
    ['time', 'identity', "TIME '10:00:00.000001' + (i % 3) * INTERVAL 1 MINUTE"],
    [
      'timestamp_ns',
      'identity',
      "TIMESTAMP_NS '2024-08-08 00:00:00.000000001' + to_days((i % 3)::INTEGER)",
    ],
    ['uuid', 'identity', "('00112233-4455-6677-8899-00000000000' || i % 3)::UUID"],
    ['binary', 'identity', "encode('it''s\\' || i % 3)"],
    [
      'double',
      'identity',
      "CASE i % 4 WHEN 0 THEN 0.0 WHEN 1 THEN '-0.0'::DOUBLE WHEN 2 THEN 'inf' ELSE 2.5 END",
    ],
  ] as const)(
    'puts every row of type %s by %s where the specification says',
    async (type: PrimitiveType, transform: PartitionTransform, expression) => {
      const table = sampleTable({
        location: location(),
        columns: { value: type },
        partition: [['value', transform]],
        formatVersion: type === 'timestamp_ns' ? 3 : 2,
      })
      const files = await writeDataFiles(
        shop,
        table,
        `SELECT ${expression} AS value FROM range(15) t(i) UNION ALL SELECT NULL`,
      )
      const column = { id: 1, name: 'value', required: false, type }
      let rowCount = 0
      for (const file of files) {
        const [partition] = Object.values(file.partition)
        for (const { value } of await read<{ value: string | bigint | null }>(
          file,
          inSource(type),
        )) {
          const source = toPartitionSource(column, value)
          const expected = applyTransform(transform, type, source)
          // The two zeros are one value.
          expect(expected === 0 ? 0 : expected).toEqual(partition)
          rowCount += 1
        }
      }
      expect(rowCount).toBe(16)
      const values = files.map((file) => Object.values(file.partition)[0])
      expect(new Set(values).size).toBe(files.length)
      expect(files.length).toBeGreaterThan(2)
    },
  )

  it('sorts by the table’s order, else by the caller’s, else not at all', async () => {
    const table = sampleTable({
      location: location(),
      columns: { symbol: 'string', id: 'long' },
      sort: ['symbol', 'id'],
    })
    const query = "FROM (VALUES ('b', 1), (NULL, 2), ('a', 4), ('a', 3)) t(symbol, id)"
    const ids = async (options: { sortBy?: readonly string[] }) => {
      const [file] = await writeDataFiles(shop, table, query, options)
      const rows = await read<{ id: bigint }>(file as DataFile, 'id')
      return { ids: rows.map((row) => Number(row.id)), order: file?.sortOrderId }
    }
    expect(await ids({})).toEqual({ ids: [2, 3, 4, 1], order: 1 })
    expect(await ids({ sortBy: ['id'] })).toEqual({ ids: [1, 2, 3, 4], order: undefined })
    expect(await ids({ sortBy: [] })).toEqual({ ids: [1, 2, 4, 3], order: undefined })
  })

  // A file that claims an order which it does not have gives other engines wrong rows.
  it.each([
    ["('A', 1), ('A', 2), ('B', 1)", ['A1', 'A2', 'B1']],
    ["('A', 2), ('A', 1), ('B', 1)", ['A1', 'A2', 'B1']],
    ["('B', 1), ('A', 2), ('A', 3)", ['A2', 'A3', 'B1']],
    ["('A', 1), ('A', 1), ('B', 0)", ['A1', 'A1', 'B0']],
    ["(NULL, 5), ('A', 2), ('A', 1)", ['-5', 'A1', 'A2']],
    ["('A', NULL), ('A', 1), ('B', 2)", ['A-', 'A1', 'B2']],
    ["('A', 1), (NULL, 3), ('B', 2)", ['-3', 'A1', 'B2']],
  ])('has rows %s in the table’s order where they may be in it already', async (rows, expected) => {
    const table = sampleTable({
      location: location(),
      columns: { symbol: 'string', id: 'long' },
      sort: ['symbol', 'id'],
    })
    await shop.session.run(
      `CREATE OR REPLACE TABLE in_order AS SELECT symbol, id FROM (VALUES ${rows}) AS t(symbol, id)`,
    )
    const options = { readsTable: true }
    const [file] = await writeDataFiles(shop, table, 'SELECT * FROM in_order', options)
    const held = file === undefined ? [] : await read<{ row: string }>(file, IN_ORDER_ROW)
    expect(held.map(({ row }) => row)).toEqual(expected)
    expect(file?.sortOrderId).toBe(1)
  })

  it('cuts a large partition into files of at most so many rows, in order', async () => {
    const table = sampleTable({ location: location(), columns: { id: 'long' }, sort: ['id'] })
    const files = await writeDataFiles(shop, table, 'SELECT 99 - i AS id FROM range(100) t(i)', {
      maxRows: 40,
    })
    const ranges = files.map((file) => [
      file.recordCount,
      bound(file, 'lower', 1, 'long'),
      bound(file, 'upper', 1, 'long'),
    ])
    expect(ranges).toEqual([
      [40, 0n, 39n],
      [40, 40n, 79n],
      [20, 80n, 99n],
    ])
  })

  it('refuses a null in a required column and leaves no file behind', async () => {
    const table = sampleTable({
      location: location(),
      columns: { id: 'long', name: 'string' },
      required: ['name'],
    })
    const error: unknown = await writeDataFiles(shop, table, 'SELECT 1 AS id, NULL AS name').catch(
      (e: unknown) => e,
    )
    expect(isErrorKind(error, 'invalid-input')).toBe(true)
    expect(String(error)).toContain('name')
    const left = await readdir(shop.scratchDir)
    expect(left.filter((name) => name.endsWith('.parquet'))).toEqual([])
  })

  it('refuses a query that lacks a column or holds what cannot be cast', async () => {
    const table = sampleTable({ location: location(), columns: { id: 'long', name: 'string' } })
    await expect(writeDataFiles(shop, table, 'SELECT 1 AS id')).rejects.toThrow(/name/)
    await expect(writeDataFiles(shop, table, "SELECT 'x' AS id, 'y' AS name")).rejects.toThrow(/x/)
  })

  it('refuses a column of fixed length, which the engine writes in a form that others refuse', async () => {
    for (const type of ['fixed[3]', listOf('fixed[3]')] as const) {
      const table = sampleTable({ location: location(), columns: { id: 'long', code: type } })
      await expect(writeDataFiles(shop, table, 'SELECT 1 AS id, NULL AS code')).rejects.toThrow(
        /has the type fixed\[3\]/,
      )
    }
  })

  it('gives no upper bound to floats with NaN, and none to infinite times', async () => {
    const table = sampleTable({
      location: location(),
      columns: { a: 'double', b: 'timestamptz', d: 'float' },
    })
    const [file] = await writeDataFiles(
      shop,
      table,
      `SELECT 'nan'::DOUBLE AS a, 'infinity'::TIMESTAMPTZ AS b, 1.5::FLOAT AS d
       UNION ALL SELECT 1, TIMESTAMPTZ '2024-01-01 00:00:00+00', -2`,
    )
    expect([...(file?.upperBounds.keys() ?? [])]).toEqual([3])
    expect([...(file?.lowerBounds.keys() ?? [])].sort()).toEqual([1, 2, 3])
    expect(bound(file as DataFile, 'lower', 1, 'double')).toBe(1)
    expect(Object.fromEntries(file?.nanValueCounts ?? [])).toEqual({ 1: 1, 3: 0 })
  })

  it('gives nested columns their ids and lists no bounds', async () => {
    const table = sampleTable({
      location: location(),
      columns: {
        id: 'long',
        tags: { type: 'list', 'element-id': 3, 'element-required': false, element: 'string' },
        place: {
          type: 'struct',
          fields: [{ id: 5, name: 'x"y', required: false, type: 'int' }],
        },
        marks: {
          type: 'map',
          'key-id': 7,
          key: 'string',
          'value-id': 8,
          'value-required': false,
          value: 'long',
        },
      },
    })
    const [file] = await writeDataFiles(
      shop,
      table,
      `SELECT 1 AS id, ['b', 'a'] AS tags, {'x"y': 5} AS place, MAP {'k': 2} AS marks`,
    )
    const rows = await shop.session.rows<{ name: string; field_id: bigint }>(
      `SELECT name, field_id FROM parquet_schema('${pathOfLocation(file?.filePath ?? '')}') WHERE field_id IS NOT NULL`,
    )
    const fields = table.schemas[0]?.fields ?? []
    const ids = new Set(rows.map((row) => Number(row.field_id)))
    expect(ids.size).toBe(8)
    for (const field of fields) expect(ids.has(field.id)).toBe(true)
    const structId = rows.find((row) => row.name === 'x"y')?.field_id
    const elementId = rows.find((row) => row.name === 'element')?.field_id
    expect(bound(file as DataFile, 'upper', Number(structId), 'int')).toBe(5)
    expect(file?.lowerBounds.has(Number(elementId))).toBe(false)
    expect(file?.columnSizes.has(Number(elementId))).toBe(true)
  })
})

function listOf(element: PrimitiveType): IcebergType {
  return { type: 'list', 'element-id': 9, 'element-required': false, element }
}

/** The engine's own form of these is not exact. */
function inSource(type: PrimitiveType): string {
  if (type === 'time') return 'epoch_us(value) AS value'
  return type === 'timestamp_ns' ? 'epoch_ns(value) AS value' : 'value'
}

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pathOfLocation } from '../../../tables/file-io/local-location.ts'
import type { DataFile } from '../../../tables/spec/manifest.ts'
import type { IcebergType } from '../../../tables/spec/schema.ts'
import { writeDataFiles } from '../../../tables/write/write-data-files.ts'
import { openWorkshop, sampleTable } from './sample-table.ts'
import type { Workshop } from './sample-table.ts'

let shop: Workshop
let tableCount = 0

beforeAll(async () => {
  shop = await openWorkshop()
})

afterAll(async () => {
  await shop.close()
})

const location = (): string => `${shop.location}/p${(tableCount += 1)}`

async function write(
  columns: Readonly<Record<string, IcebergType>>,
  properties: Readonly<Record<string, string>>,
  query: string,
  more: { sort?: readonly string[]; partition?: readonly (readonly [string, 'identity'])[] } = {},
): Promise<DataFile[]> {
  const table = sampleTable({ location: location(), columns, properties, ...more })
  return writeDataFiles(shop, table, query)
}

function facts<T>(file: DataFile, sql: string): Promise<T[]> {
  const path = pathOfLocation(file.filePath)
  return shop.session.rows<T>(sql.replace('$file', `'${path}'`))
}

describe('the metrics mode of a column', () => {
  const columns = { id: 'long', name: 'string', raw: 'binary' } as const
  const long = 'x'.repeat(30)
  const query = `SELECT 7 AS id, '${long}' AS name, encode('${long}') AS raw`
  const lower = (file: DataFile | undefined, id: number) =>
    Buffer.from(file?.lowerBounds.get(id) ?? []).toString()

  it('is truncate(16) by default, and a size and counts are always there', async () => {
    const [file] = await write(columns, {}, query)
    expect(lower(file, 2)).toBe('x'.repeat(16))
    expect(Buffer.from(file?.upperBounds.get(2) ?? []).toString()).toBe(`${'x'.repeat(15)}y`)
    expect(file?.valueCounts.size).toBe(3)
  })

  it('is what the table says of it, else what it says of all', async () => {
    const properties = {
      'write.metadata.metrics.default': 'counts',
      'write.metadata.metrics.column.name': 'truncate(2)',
      'write.metadata.metrics.column.raw': 'full',
    }
    const [file] = await write(columns, properties, query)
    expect(file?.lowerBounds.has(1)).toBe(false)
    expect(file?.valueCounts.get(1)).toBe(1)
    expect(lower(file, 2)).toBe('xx')
    expect(lower(file, 3)).toBe(long)
  })

  it('none leaves the size alone', async () => {
    const [file] = await write(columns, { 'write.metadata.metrics.default': 'none' }, query)
    expect([...(file?.columnSizes.keys() ?? [])]).toEqual([1, 2, 3])
    expect([file?.valueCounts.size, file?.nullValueCounts.size, file?.lowerBounds.size]).toEqual([
      0, 0, 0,
    ])
  })

  it('holds bounds of columns that the table is sorted by', async () => {
    const properties = { 'write.metadata.metrics.default': 'none' }
    const [file] = await write(columns, properties, query, { sort: ['id'] })
    expect([...(file?.lowerBounds.keys() ?? [])]).toEqual([1])
  })

  it('of a wide table is none behind its hundredth column', async () => {
    const wide = Object.fromEntries(
      Array.from({ length: 103 }, (_, index) => [`c${index}`, 'int' as const]),
    )
    const values = Object.keys(wide).map((name) => `1 AS ${name}`)
    const [file] = await write(wide, {}, `SELECT ${values.join(', ')}`)
    expect(file?.lowerBounds.size).toBe(100)
    const said = await write(
      wide,
      { 'write.metadata.metrics.column.c102': 'counts' },
      `SELECT ${values.join(', ')}`,
    )
    expect([said[0]?.valueCounts.size, said[0]?.valueCounts.get(103)]).toEqual([101, 1])
  })

  it('of a member is named by its dotted name; elements are counted and have no bounds', async () => {
    const nested: IcebergType = {
      type: 'struct',
      fields: [
        { id: 4, name: 'x', required: false, type: 'int' },
        {
          id: 5,
          name: 'tags',
          required: false,
          type: { type: 'list', 'element-id': 6, 'element-required': false, element: 'string' },
        },
      ],
    }
    const rows = "SELECT {'x': 5, 'tags': ['b', NULL, 'a']} AS s"
    const [file] = await write({ s: nested }, {}, rows)
    const leaf = [...(file?.lowerBounds.keys() ?? [])]
    expect(leaf).toHaveLength(1)
    const elementId = [...(file?.columnSizes.keys() ?? [])].find((id) => id !== leaf[0]) ?? 0
    expect([file?.valueCounts.get(elementId), file?.nullValueCounts.get(elementId)]).toEqual([3, 1])
    const hidden = { 'write.metadata.metrics.column.s.x': 'counts' }
    const [counted] = await write({ s: nested }, hidden, rows)
    expect([counted?.lowerBounds.size, counted?.valueCounts.size]).toEqual([0, 2])
  })

  it('that is none of these is refused, with the property', async () => {
    const properties = { 'write.metadata.metrics.default': 'truncate(0)' }
    await expect(write(columns, properties, query)).rejects.toThrow(/metrics\.default is "trunc/)
  })
})

describe('compression', () => {
  it.each([
    ['zstd', 'ZSTD'],
    ['snappy', 'SNAPPY'],
    ['gzip', 'GZIP'],
    ['lz4', 'LZ4_RAW'],
    ['none', 'UNCOMPRESSED'],
  ])('is %s where the table says so', async (codec, expected) => {
    const properties = {
      'write.parquet.compression-codec': codec,
      'write.parquet.compression-level': '5',
    }
    const [file] = await write({ id: 'long' }, properties, 'SELECT 1 AS id')
    const sql = 'SELECT DISTINCT compression FROM parquet_metadata($file)'
    expect(await facts(file as DataFile, sql)).toEqual([{ compression: expected }])
  })

  it('that nobody knows is refused', async () => {
    const properties = { 'write.parquet.compression-codec': 'lzo' }
    await expect(write({ id: 'long' }, properties, 'SELECT 1 AS id')).rejects.toThrow(/"lzo"/)
  })
})

describe('sizes', () => {
  const columns = { id: 'long', noise: 'string' } as const
  const query = 'SELECT i AS id, md5(i::VARCHAR) AS noise FROM range(60000) t(i)'

  it('of files stay near the target, and their rows in the order of the table', async () => {
    const properties = { 'write.target-file-size-bytes': '300000' }
    const files = await write(columns, properties, query, { sort: ['id'] })
    expect(files.length).toBeGreaterThan(3)
    let next = 0n
    for (const file of files) {
      expect(file.fileSizeBytes).toBeLessThan(450_000)
      const rows = await facts<{ ids: bigint[] }>(file, 'SELECT list(id) AS ids FROM $file')
      for (const id of rows[0]?.ids ?? []) {
        expect(id).toBe(next)
        next += 1n
      }
    }
    expect(next).toBe(60_000n)
    const left = await shop.session.rows(`FROM glob('${shop.scratchDir}/*.parquet')`)
    expect(left).toEqual([])
  })

  it('of row groups follow the table, in rows or bytes, and the manifest says where each starts', async () => {
    for (const [property, value] of [
      ['write.parquet.row-group-limit', '20480'],
      ['write.parquet.row-group-size-bytes', '500000'],
    ] as const) {
      const properties = { [property]: value }
      const [file, ...others] = await write(columns, properties, query)
      expect(others).toEqual([])
      const groups = await facts<{ rows: bigint; bytes: bigint; offset: bigint }>(
        file as DataFile,
        `SELECT any_value(row_group_num_rows) AS rows, sum(total_compressed_size)::BIGINT AS bytes,
           min(CASE WHEN dictionary_page_offset > 0 THEN dictionary_page_offset
               ELSE data_page_offset END) AS "offset"
         FROM parquet_metadata($file) GROUP BY row_group_id ORDER BY row_group_id`,
      )
      expect(groups.length).toBeGreaterThan(2)
      expect(file?.splitOffsets).toEqual(groups.map((group) => Number(group.offset)))
      const isInRows = property.endsWith('limit')
      for (const group of groups) {
        if (isInRows) expect(group.rows).toBeLessThanOrEqual(20_480n)
        else expect(group.bytes).toBeLessThanOrEqual(550_000n)
      }
    }
    const [small] = await write(columns, {}, query)
    expect(small).not.toHaveProperty('splitOffsets')
  })
})

describe('a query of many partitions', () => {
  it('is sorted once and cut into one file each, sorted inside', async () => {
    const rows = 'SELECT (i * 7) % 50 AS part, 1000 - i AS id FROM range(1000) t(i)'
    const files = await write({ part: 'int', id: 'long' }, {}, rows, {
      partition: [['part', 'identity']],
      sort: ['id'],
    })
    expect(files.map((file) => file.partition)).toEqual(
      Array.from({ length: 50 }, (_, part) => ({ part })),
    )
    for (const file of files) {
      const sql =
        'SELECT list(id) AS ids, list(DISTINCT part) AS parts ' +
        'FROM read_parquet($file, hive_partitioning = false)'
      const [row] = await facts<{ ids: bigint[]; parts: number[] }>(file, sql)
      expect(row?.parts).toEqual([file.partition.part])
      expect(row?.ids).toEqual([...(row?.ids ?? [])].sort((a, b) => (a < b ? -1 : 1)))
      expect(row?.ids).toHaveLength(20)
    }
  })

  it('that gives other rows each time is refused: some would be lost', async () => {
    const rows = 'SELECT (random() * 3)::INTEGER AS part, i AS id FROM range(1000) t(i)'
    const partition = [['part', 'identity']] as const
    await expect(write({ part: 'int', id: 'long' }, {}, rows, { partition })).rejects.toThrow(
      /when it was run again/,
    )
  })
})

describe('required columns', () => {
  const member = (required: boolean): IcebergType => ({
    type: 'struct',
    fields: [{ id: 11, name: 'x', required, type: 'int' }],
  })
  const list: IcebergType = {
    type: 'list',
    'element-id': 21,
    'element-required': true,
    element: member(true),
  }
  const map: IcebergType = {
    type: 'map',
    'key-id': 31,
    key: 'string',
    'value-id': 32,
    'value-required': true,
    value: 'int',
  }

  it.each([
    ['s', member(false), ['s'], 'NULL'],
    ['s.x', member(true), [], "{'x': NULL}"],
    ['l.element', list, [], "[{'x': 1}, NULL]"],
    ['l.element.x', list, [], "[{'x': 1}, {'x': NULL}]"],
    ['m.value', map, [], "MAP {'a': 1, 'b': NULL}"],
  ])('are refused where %s is null', async (name, type, required, value) => {
    const column = name.split('.')[0] ?? ''
    const table = sampleTable({
      location: location(),
      columns: { id: 'int', [column]: type },
      required,
    })
    await expect(
      writeDataFiles(shop, table, `SELECT 1 AS id, ${value} AS ${column}`),
    ).rejects.toThrow(`The required column ${name} is null in 1 rows`)
  })

  it('inside of an optional struct, list or map do not count where that is null', async () => {
    for (const type of [member(true), list, map]) {
      const [file] = await write({ id: 'int', c: type }, {}, 'SELECT 1 AS id, NULL AS c')
      expect(file?.recordCount).toBe(1)
    }
  })
})

describe('uuids', () => {
  const bounds = async (first: string, last: string) => {
    const rows = `SELECT unnest(['${first}', '${last}'])::UUID AS u`
    const [file] = await write({ u: 'uuid' }, {}, rows)
    const hex = (bytes: Uint8Array | undefined) =>
      bytes === undefined ? undefined : Buffer.from(bytes).toString('hex')
    return [hex(file?.lowerBounds.get(1)), hex(file?.upperBounds.get(1))]
  }

  it('of one time get bounds that hold in the order of every reader', async () => {
    expect(
      await bounds('0190a5d0-0000-7000-8000-000000000000', '0190a5d0-ffff-7000-0000-000000000001'),
    ).toEqual(['0190a5d000006fff0000000000000000', '0190a5d0ffff70010000000000000000'])
  })

  it('of both signs, where readers disagree about the order, get none', async () => {
    expect(
      await bounds('0190a5d0-0000-7000-8000-000000000000', 'f190a5d0-ffff-7000-0000-000000000001'),
    ).toEqual([undefined, undefined])
    expect(
      await bounds('00000000-0000-0000-0000-000000000000', '0190a5d0-ffff-7000-0000-000000000001'),
    ).toEqual([undefined, undefined])
  })
})

import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { icebergRead } from 'icebird'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import type { LoadedTable } from '../../../tables/catalog/catalog.ts'
import { commitChange, type CommittedChange } from '../../../tables/commit/commit-change.ts'
import { planAppend } from '../../../tables/commit/plan-append.ts'
import { planDeleteWhere } from '../../../tables/commit/plan-delete-where.ts'
import { planReplaceFiles } from '../../../tables/commit/plan-replace-files.ts'
import { loadLiveEntries } from '../../../tables/commit/snapshot-manifests.ts'
import { pathOfLocation } from '../../../tables/file-io/local-location.ts'
import type { PartitionTransform } from '../../../tables/spec/partition-spec.ts'
import type { IcebergType } from '../../../tables/spec/schema.ts'
import { decodeManifest } from '../../../tables/write/manifest-file.ts'
import { runPython } from '../../support/pyiceberg.ts'
import { describeWithService } from '../../support/service.ts'
import { fetchFile } from './fetch-file.ts'
import { openPlanShop, type PlanShop, type ShopTable } from './plan-shop.ts'

type Summary = Readonly<Record<string, string>>

interface Answer {
  readonly rows: Readonly<Record<string, readonly string[]>>
  readonly problems: readonly string[]
  readonly repacked: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>
  readonly summaries: Readonly<Record<string, Summary>>
}

const members = (first: number): IcebergType => ({
  type: 'struct',
  fields: [
    { id: first, name: 'price', required: false, type: 'decimal(10, 2)' },
    { id: first + 1, name: 'venue', required: false, type: 'string' },
  ],
})

const everyType: Readonly<Record<string, IcebergType>> = {
  a_boolean: 'boolean',
  an_int: 'int',
  a_long: 'long',
  a_float: 'float',
  a_double: 'double',
  a_date: 'date',
  a_time: 'time',
  a_timestamp: 'timestamp',
  a_timestamptz: 'timestamptz',
  a_string: 'string',
  a_uuid: 'uuid',
  a_binary: 'binary',
  a_decimal: 'decimal(38, 10)',
  a_struct: members(101),
  a_list: { type: 'list', 'element-id': 111, 'element-required': false, element: 'long' },
  a_map: {
    type: 'map',
    'key-id': 121,
    key: 'string',
    'value-id': 122,
    'value-required': false,
    value: 'int',
  },
  deep: { type: 'list', 'element-id': 131, 'element-required': false, element: members(132) },
}

const everyRow = `
  SELECT i % 2 = 0 AS a_boolean, i - 3 AS an_int, (i - 3) * 5000000000 AS a_long,
    i / 4 AS a_float, -i / 8 AS a_double, DATE '1969-12-30' + i::INTEGER AS a_date,
    TIME '23:59:58.000001' - i * INTERVAL 1 HOUR AS a_time,
    TIMESTAMP '1969-12-31 23:59:58.000001' + i * INTERVAL 1 SECOND AS a_timestamp,
    TIMESTAMPTZ '2024-08-08 00:00:00.000001+00' + i * INTERVAL 1 DAY AS a_timestamptz,
    'text ' || i || repeat('😀', i::INTEGER * 5) AS a_string,
    ('00112233-4455-6677-8899-' || lpad(i::VARCHAR, 12, '0'))::UUID AS a_uuid,
    from_hex(repeat('ff', i::INTEGER * 4)) AS a_binary, (i - 3) * 1.0000000001 AS a_decimal,
    {'price': i * 1.25, 'venue': 'v' || i} AS a_struct, [i, NULL, -i] AS a_list,
    MAP {'k' || i: i, 'none': NULL} AS a_map,
    [{'price': i * 0.5, 'venue': NULL}, NULL] AS deep
  FROM range(8) t(i)`

const names = Object.keys(everyType)
// PyIceberg 0.12.0 reads a null list of structs as an empty one.
const nullOf = (name: string): string => (name === 'deep' ? '[]' : 'NULL')
const emptyRow = `SELECT ${names.map((name) => `${nullOf(name)} AS ${name}`).join(', ')}`

const transforms: readonly (readonly [string, IcebergType, PartitionTransform, string])[] = [
  ['identity string', 'string', 'identity', "'p/ä=' || i % 3"],
  ['identity date', 'date', 'identity', "DATE '1969-12-30' + (i % 4)::INTEGER"],
  ['identity decimal', 'decimal(9, 2)', 'identity', '(i % 3 - 1) * 1.28'],
  ['identity boolean', 'boolean', 'identity', 'i % 2 = 0'],
  ['identity timestamp', 'timestamp', 'identity', "TIMESTAMP '2024-01-01' + to_hours(i % 3)"],
  ['identity time', 'time', 'identity', "TIME '10:00' + to_hours(i % 3)"],
  ['identity uuid', 'uuid', 'identity', "('00112233-4455-6677-8899-00000000000' || i % 3)::UUID"],
  ['bucket int', 'int', 'bucket[5]', 'i - 6'],
  ['bucket long', 'long', 'bucket[5]', '(i - 6) * 5000000000'],
  ['bucket string', 'string', 'bucket[5]', "'ä' || i"],
  ['bucket date', 'date', 'bucket[5]', "DATE '1969-12-30' + i::INTEGER"],
  ['bucket decimal', 'decimal(9, 2)', 'bucket[5]', '(i - 6) * 1.28'],
  ['bucket timestamptz', 'timestamptz', 'bucket[5]', "TIMESTAMPTZ '2024-01-01' + to_hours(i)"],
  ['bucket binary', 'binary', 'bucket[5]', "encode('b' || i)"],
  ['truncate int', 'int', 'truncate[7]', 'i - 6'],
  ['truncate decimal', 'decimal(9, 2)', 'truncate[50]', '(i - 6) * 0.33'],
  ['truncate string', 'string', 'truncate[2]', "'ä' || i || 'x'"],
  ['year', 'timestamptz', 'year', "TIMESTAMPTZ '1969-11-30 23:00:00' + to_months(i::INTEGER)"],
  ['month', 'date', 'month', "DATE '1969-11-15' + (i * 13)::INTEGER"],
  ['day', 'timestamp', 'day', "TIMESTAMP '1969-12-30 13:00:00' + to_hours(i * 7)"],
  ['hour', 'timestamptz', 'hour', "TIMESTAMPTZ '1969-12-31 22:30:00' + to_minutes(i * 31)"],
  ['void', 'string', 'void', "'v' || i"],
]

await describeWithService('pyiceberg', 'tables of ours before PyIceberg, fastavro, icebird', () => {
  let shop: PlanShop
  let answer: Answer
  const tables = new Map<string, LoadedTable>()
  const summaries: Record<string, Summary> = {}

  const create = async (name: string, table: ShopTable, query: string) => {
    const created = await shop.create(name.replaceAll(' ', '_'), table)
    const change = await planAppend(shop.context, created, query)
    return (await commitChange(shop.context, created.identifier, change)).table
  }
  const remove = async (table: LoadedTable, condition: string): Promise<CommittedChange> => {
    const change = await planDeleteWhere(shop.context, table, condition)
    return commitChange(shop.context, table.identifier, change)
  }

  const makeTypes = async (): Promise<void> => {
    const query = `${everyRow} UNION ALL ${emptyRow}`
    tables.set('every type', await create('every type', { columns: everyType }, query))
    const properties = {
      'write.metadata.metrics.default': 'counts',
      'write.metadata.metrics.column.a_string': 'truncate(3)',
      'write.metadata.metrics.column.a_binary': 'full',
      'write.metadata.metrics.column.a_long': 'none',
      'write.metadata.metrics.column.a_struct.price': 'full',
      'write.parquet.compression-codec': 'lz4',
      'write.parquet.row-group-limit': '2048',
    }
    const many = `SELECT u.* FROM (${query}) u, range(1000)`
    tables.set('metrics', await create('metrics', { columns: everyType, properties }, many))
  }

  const makePartitions = async (): Promise<void> => {
    for (const [name, type, transform, value] of transforms) {
      const query = `SELECT i AS id, ${value} AS v FROM range(12) t(i) UNION ALL SELECT 99, NULL`
      const partition = [['v', transform]] as const
      tables.set(name, await create(name, { columns: { id: 'long', v: type }, partition }, query))
    }
  }

  const makeVersions = async (): Promise<void> => {
    const rows = "SELECT i AS id, 'p' || i % 2 AS part FROM range(40) t(i)"
    for (const formatVersion of [1, 2, 3] as const) {
      const name = `version ${formatVersion}`
      const columns = { id: 'long', part: 'string' } as const
      const partition = [['part', 'identity']] as const
      let table = await create(name, { columns, partition, formatVersion }, rows)
      table = (await remove(table, 'id IN (3, 4, 17)')).table
      table = (await remove(table, 'id IN (5, 6)')).table
      const change = await planAppend(shop.context, table, "SELECT 100 AS id, 'p0' AS part")
      table = (await commitChange(shop.context, table.identifier, change)).table
      tables.set(name, table)
      const [first] = await loadLiveEntries(shop.context, table.metadata)
      const again = await planReplaceFiles(shop.context, table, [first?.file.filePath ?? ''])
      tables.set(
        `${name} rewritten`,
        (await commitChange(shop.context, table.identifier, again)).table,
      )
    }
  }

  /** The operations of the script, by the same files. */
  const makeSummaries = async (): Promise<void> => {
    const note = (name: string, { table }: Pick<CommittedChange, 'table'>): LoadedTable => {
      summaries[name] = table.metadata.snapshots.at(-1)?.summary ?? {}
      return table
    }
    const properties = {
      'write.summary.partition-limit': '10',
      'write.delete.mode': 'copy-on-write',
    }
    const rows = "FROM (VALUES (1, 'a'), (2, 'a'), (3, 'a'), (4, 'b'), (5, 'b')) AS t(id, part)"
    const columns = { id: 'long', part: 'string' } as const
    const partition = [['part', 'identity']] as const
    let table = await create('summary', { columns, partition, properties }, rows)
    note('append', { table })
    table = note('delete whole', await remove(table, "part = 'a'"))
    note('delete part', await remove(table, 'id >= 5'))
  }

  beforeAll(async () => {
    shop = await openPlanShop()
    await makeTypes()
    await makePartitions()
    await makeVersions()
    await makeSummaries()
    const folders = { repack: join(shop.root, 'repack'), summaries: join(shop.root, 'own') }
    for (const folder of Object.values(folders)) await mkdir(folder)
    const locations = [...tables].map(([name, table]) => [name, table.metadataLocation] as const)
    const request = join(shop.root, 'request.json')
    await writeFile(request, JSON.stringify({ tables: Object.fromEntries(locations), ...folders }))
    const script = join(import.meta.dirname, 'written-tables.py')
    answer = JSON.parse((await runPython(script, [request])).stdout) as Answer
  })

  afterAll(async () => {
    await shop.close()
  })

  it('have partitions, statistics, counts and sizes that PyIceberg finds true', () => {
    expect(answer.problems).toEqual([])
  })

  it('of every type are read by PyIceberg as they were written', async () => {
    const own = await shop.context.session.rows<{ row: string }>(
      `SELECT to_json({${names.map((name) => `'${name}': ${textSql(name)}`).join(', ')}}) AS row
       FROM (${everyRow} UNION ALL ${emptyRow})`,
    )
    const sorted = (rows: readonly string[]) =>
      rows.map((row) => JSON.stringify(JSON.parse(row) as unknown)).sort()
    expect(sorted(answer.rows['every type'] ?? [])).toEqual(sorted(own.map(({ row }) => row)))
  })

  it.each([1, 2, 3])(
    'of format version %i have the rows that we read, after deletes',
    async (v) => {
      const { identifier } = tables.get(`version ${v}`) as LoadedTable
      const ours = (await shop.rows(identifier)).map(([id, part]) =>
        JSON.stringify({ id: String(id), part }),
      )
      expect(ours).toHaveLength(36)
      const told = (rows: readonly string[] = []) =>
        rows.map((row) => JSON.stringify(JSON.parse(row))).sort()
      expect(told(answer.rows[`version ${v}`])).toEqual(ours.sort())
      expect(told(answer.rows[`version ${v} rewritten`])).toEqual(ours)
    },
  )

  it('have manifests that we read as well when fastavro wrote them, even without field ids', async () => {
    let count = 0
    for (const [path, others] of Object.values(answer.repacked).flatMap(Object.entries)) {
      const own = decodeManifest(await readFile(pathOfLocation(path)))
      for (const other of others as string[]) {
        expect(decodeManifest(await readFile(other))).toEqual(own)
        count += 1
      }
    }
    expect(count).toBeGreaterThan(2 * tables.size)
  })

  it('have summaries that say of the same operations what PyIceberg says', () => {
    // Sizes are of files that two engines made; the counts of a partition come in any order.
    const counts = (summary: Summary = {}) =>
      Object.entries(summary)
        .filter(([key]) => !/size|sluice|manifest|engine/.test(key))
        .map(([key, value]) => {
          const parts = value.split(',').filter((part) => !part.includes('files-size'))
          return `${key}: ${parts.sort().join(',')}`
        })
        .sort()
    for (const [name, summary] of Object.entries(answer.summaries)) {
      expect(counts(summaries[name]), name).toEqual(counts(summary))
    }
  })

  it('are read by icebird, deletes of version 2 too', async () => {
    const table = tables.get('version 2') as LoadedTable
    vi.stubGlobal('fetch', fetchFile)
    try {
      const text = await readFile(pathOfLocation(table.metadataLocation), 'utf8')
      const metadata = JSON.parse(text) as NonNullable<
        Parameters<typeof icebergRead>[0]['metadata']
      >
      const rows = await icebergRead({ tableUrl: table.metadata.location, metadata })
      const ids = rows.map((row) => Number(row['id'])).sort((a, b) => a - b)
      const ours = (await shop.rows(table.identifier, 'id')).map(([id]) => Number(id))
      expect(ids).toEqual(ours)
    } finally {
      vi.unstubAllGlobals()
    }
  })
})

/** A column as the script turns it into text. */
function textSql(name: string): string {
  const type = everyType[name]
  switch (type) {
    case 'boolean':
      return name
    case 'float':
    case 'double':
      return `(CAST(${name} AS DOUBLE))::VARCHAR`
    case 'time':
      return `strftime(DATE '2000-01-01' + ${name}, '%H:%M:%S.%f')`
    case 'timestamp':
    case 'timestamptz':
      return `strftime(${name}, '%Y-%m-%dT%H:%M:%S.%f')`
    case 'binary':
      return `lower(hex(${name}))`
    case 'decimal(38, 10)':
      return `${name}::DECIMAL(38, 10)::VARCHAR`
    default:
      return nestedTextSql(name)
  }
}

function nestedTextSql(name: string): string {
  switch (name) {
    case 'a_struct':
      return (
        `CASE WHEN a_struct IS NULL THEN NULL ELSE ` +
        `{'price': a_struct.price::DECIMAL(10, 2)::VARCHAR, 'venue': a_struct.venue} END`
      )
    case 'a_list':
      return 'a_list::VARCHAR[]'
    case 'a_map':
      return 'list_transform(map_entries(a_map), lambda e: [e.key, e.value::VARCHAR])'
    case 'deep':
      return (
        'list_transform(deep, lambda e: CASE WHEN e IS NULL THEN NULL ELSE ' +
        "{'price': e.price::DECIMAL(10, 2)::VARCHAR, 'venue': e.venue} END)"
      )
    default:
      return `${name}::VARCHAR`
  }
}

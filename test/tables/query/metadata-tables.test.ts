import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Catalog } from '../../../tables/catalog/catalog.ts'
import { isErrorKind } from '../../../tables/errors.ts'
import type { RowValue } from '../../../tables/engine/row-value.ts'
import { createLakeQuery } from '../../../tables/query/lake-query.ts'
import { metadataTableNames } from '../../../tables/query/metadata-table.ts'
import { planScan } from '../../../tables/scan/plan-scan.ts'
import { serializeTableMetadata } from '../../../tables/spec/table-metadata-json.ts'
import type { TableMetadata } from '../../../tables/spec/table-metadata.ts'
import { writePositionDeletes } from '../../../tables/write/write-position-deletes.ts'
import { runPython } from '../../support/pyiceberg.ts'
import { describeWithService } from '../../support/service.ts'
import { sampleTable } from '../write/sample-table.ts'
import { openSampleLake } from './sample-lake.ts'
import type { SampleLake } from './sample-lake.ts'

const columns = {
  symbol: 'string',
  open_ts: 'timestamptz',
  close: 'decimal(18, 8)',
  n: 'long',
  f: 'double',
  on_day: 'date',
  b: 'boolean',
  x: 'binary',
} as const

let lake: SampleLake
const ids: bigint[] = []

/** Two specs, a file of nulls, position deletes, a removed file, a tag and an expired snapshot. */
beforeAll(async () => {
  lake = await openSampleLake()
  const table = lake.tables.get('gold.bars')
  if (table === undefined) throw new Error('the table is due')
  const location = `${lake.shop.location}/wide`
  table.metadata = sampleTable({ location, columns, partition: [['open_ts', 'day']] })
  const row = (day: number, symbol: string, close: string): string =>
    `('${symbol}', TIMESTAMPTZ '2024-08-0${day} 00:01:02.000003+00', ${close}, ${day}, ` +
    `-1.5::DOUBLE, DATE '1969-12-31', true, '\\x00\\xFF'::BLOB)`
  const names = Object.keys(columns).join(', ')
  const append = async (values: string): Promise<void> => {
    await table.append(`FROM (VALUES ${values}) t(${names})`)
    ids.push(table.metadata['current-snapshot-id'] ?? 0n)
  }
  await append(`${row(1, 'A', '1.5')}, ${row(1, 'B', '-2')}, ${row(2, 'C', '3')}`)
  await append(`(NULL, TIMESTAMPTZ '2024-08-03 00:00:00+00', ${'NULL, '.repeat(5)}NULL)`)
  table.metadata = withSymbolSpec(table.metadata)
  await append(row(4, 'some long symbol, longer than a bound', '4'))
  const { tasks } = await planScan({ fileIO: lake.shop.fileIO, metadata: table.metadata })
  const [first, second] = tasks
  if (first === undefined || second === undefined) throw new Error('files are due')
  const deletes = await writePositionDeletes(lake.shop, table.metadata, [
    { file: first.file, positions: [0n] },
  ])
  await table.commit({ deletes })
  await table.commit({ removed: [second.file.filePath] })
  table.metadata = withTagAndExpiry(table.metadata)
})

afterAll(async () => {
  await lake.close()
})

function withSymbolSpec(metadata: TableMetadata): TableMetadata {
  const field = { 'source-id': 1, 'field-id': 1001, name: 'symbol', transform: 'identity' as const }
  const spec = { 'spec-id': 1, fields: [field] }
  return {
    ...metadata,
    'partition-specs': [...metadata['partition-specs'], spec],
    'default-spec-id': 1,
    'last-partition-id': 1001,
  }
}

function withTagAndExpiry(metadata: TableMetadata): TableMetadata {
  const [, second] = metadata.snapshots
  return {
    ...metadata,
    snapshots: metadata.snapshots.slice(1),
    refs: {
      ...metadata.refs,
      kept: { 'snapshot-id': second?.['snapshot-id'] ?? 0n, type: 'tag', 'max-ref-age-ms': 7 },
    },
    'metadata-log': [
      { 'metadata-file': 'file:///lake/00000-a.metadata.json', 'timestamp-ms': 1500 },
    ],
    properties: { 'write.format.default': 'parquet' },
  }
}

/** The table's present metadata file, which only PyIceberg reads here. */
const metadataLocation = (): string => `${lake.shop.location}/wide/metadata/00001-b.metadata.json`

const query = async (sql: string): Promise<Record<string, RowValue>[]> => {
  const { engine, shop } = lake
  const catalog: Catalog = {
    ...lake.catalog,
    loadTable: async (name) => {
      const table = await lake.catalog.loadTable(name)
      return table === undefined ? undefined : { ...table, metadataLocation: metadataLocation() }
    },
  }
  const result = await createLakeQuery({ catalog, engine, fileIO: shop.fileIO }).query(sql)
  const rows: Record<string, RowValue>[] = []
  for await (const row of result.rows) {
    rows.push(Object.fromEntries(result.columns.map(({ name }, i) => [name, row[i] ?? null])))
  }
  return rows
}

describe('metadata tables', () => {
  it.each(metadataTableNames)('answer $%s by both spellings, in any case', async (name) => {
    const quoted = await query(`FROM gold."bars$${name}"`)
    expect(quoted.length).toBeGreaterThan(0)
    expect(await query(`FROM gold.bars$${name}`)).toEqual(quoted)
    expect(await query(`FROM GOLD.BARS$${name.toUpperCase()}`)).toEqual(quoted)
    const [count] = await query(
      `SELECT count(*) AS c FROM gold.bars$${name} AS t WHERE t IS NOT NULL`,
    )
    expect(count?.c).toBe(BigInt(quoted.length))
  })

  it('join with tables and with each other', async () => {
    const rows = await query(
      `SELECT s.operation, h.is_current_ancestor, (SELECT count(*) FROM gold.bars) AS rows
       FROM gold.bars$snapshots s JOIN "gold"."bars$history" h USING (snapshot_id)
       WHERE s.snapshot_id = ${ids[1]}`,
    )
    expect(rows).toEqual([{ operation: 'append', is_current_ancestor: true, rows: 3n }])
  })

  it('show bounds in the types of the columns', async () => {
    const [bounds] = await query(
      `SELECT readable_metrics.close.lower_bound AS low, readable_metrics.close.upper_bound AS high,
         readable_metrics.open_ts.lower_bound AS first, readable_metrics.on_day.upper_bound AS day,
         readable_metrics.f.lower_bound AS f, readable_metrics.x.lower_bound AS x,
         lower_bounds[4] AS raw, partition.open_ts_day AS partition
       FROM gold.bars$files WHERE content = 0 ORDER BY record_count DESC LIMIT 1`,
    )
    expect(bounds).toEqual({
      low: '-2.00000000',
      high: '1.50000000',
      first: '2024-08-01T00:01:02.000003Z',
      day: '1969-12-31',
      f: -1.5,
      x: Buffer.from([0, 0xff]),
      raw: Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]),
      partition: '2024-08-01',
    })
  })

  it('tell of an older snapshot where they tell of one', async () => {
    const count = async (table: string) => (await query(`SELECT count(*) AS c FROM ${table}`))[0]?.c
    expect(await count(`gold.bars$files AT (VERSION => ${ids[1]})`)).toBe(3n)
    expect(await count(`gold."bars$manifests" AT (VERSION => 'kept')`)).toBe(2n)
    expect(
      await count(`gold.bars$partitions f AT (TIMESTAMP => TIMESTAMP '1970-01-01 00:00:02')`),
    ).toBe(3n)
    const refused: unknown = await query(`FROM gold.bars$refs AT (VERSION => ${ids[1]})`).catch(
      (error: unknown) => error,
    )
    expect(isErrorKind(refused, 'invalid-input')).toBe(true)
    expect(String(refused)).toContain('$files')
  })

  it('are empty for a table without snapshots, with their columns', async () => {
    for (const name of ['snapshots', 'files', 'entries', 'manifests', 'partitions']) {
      expect(await query(`FROM gold.spreads$${name}`)).toEqual([])
      const columnCount = (await query(`DESCRIBE gold.spreads$${name}`)).length
      expect(columnCount).toBeGreaterThan(5)
    }
  })

  it('are named where a name is not one of them', async () => {
    await expect(query('FROM gold.bars$snapshot')).rejects.toThrow(/bars\$snapshot.*\$snapshots/)
    await expect(query('FROM gold.nothing$files')).rejects.toThrow(/no table gold\.nothing/)
  })
})

await describeWithService('pyiceberg', 'metadata tables beside PyIceberg', () => {
  type Rows = readonly Record<string, unknown>[]
  let theirs: Readonly<Record<string, Rows>>

  beforeAll(async () => {
    const metadata = lake.tables.get('gold.bars')?.metadata
    if (metadata === undefined) throw new Error('the table is due')
    const location = metadataLocation()
    await lake.shop.fileIO.write(location, Buffer.from(serializeTableMetadata(metadata)))
    const script = fileURLToPath(new URL('inspect-by-pyiceberg.py', import.meta.url))
    const { stdout } = await runPython(script, [location, String(ids[1])])
    theirs = JSON.parse(stdout) as typeof theirs
  }, 300_000)

  it.each([
    ...['snapshots', 'history', 'refs', 'metadata_log_entries', 'files', 'data_files'],
    ...['delete_files', 'manifests', 'partitions'],
  ])('$%s holds the same rows', async (name) => {
    expectSame(await query(`FROM gold.bars$${name}`), theirs[name] ?? [])
  })

  it.each(['files', 'entries', 'partitions'])('$%s of an older snapshot too', async (name) => {
    const rows = await query(`FROM gold.bars$${name} AT (VERSION => ${ids[1]})`)
    expectSame(rows, theirs[`older ${name}`] ?? [])
  })

  /** Every member that PyIceberg gives; it leaves out what only format version 3 has. */
  function expectSame(ours: readonly Record<string, RowValue>[], rows: Rows): void {
    const texts = (all: Rows): string[] => all.map((row) => JSON.stringify(row)).sort()
    const asTheirs = ours.map((row, index) => sameMembers(plain(row), rows[index] ?? rows[0]))
    expect(rows.length).toBe(ours.length)
    expect(texts(asTheirs as Rows)).toEqual(texts(rows.map((row) => plain(row as never)) as Rows))
  }
})

/** A value as the script gives it: numbers as text, bytes as hex, maps as objects. */
function plain(value: RowValue): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (typeof value === 'bigint' || typeof value === 'number') return String(value)
  if (isList(value)) {
    const isMap = value.length > 0 && value.every(isMapEntry)
    if (!isMap) return value.map(plain)
    return Object.fromEntries(
      value.map((entry) => {
        const { key, value: held } = entry as { key: string | number; value: RowValue }
        return [String(key), plain(held)]
      }),
    )
  }
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member)]))
}

function isList(value: RowValue): value is readonly RowValue[] {
  return Array.isArray(value)
}

function isMapEntry(value: RowValue): boolean {
  return typeof value === 'object' && value !== null && 'key' in value && 'value' in value
}

/** The members of `ours` that `theirs` has, in the order of theirs, however deep. */
function sameMembers(ours: unknown, theirs: unknown): unknown {
  if (!isRecord(ours) || !isRecord(theirs)) return ours
  return Object.fromEntries(
    Object.keys(theirs).map((name) => [name, sameMembers(ours[name], theirs[name])]),
  )
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

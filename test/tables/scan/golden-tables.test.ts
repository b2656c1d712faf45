import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { planScan } from '../../../tables/scan/plan-scan.ts'
import { scanSql } from '../../../tables/scan/scan-sql.ts'
import { parseTableMetadata } from '../../../tables/spec/table-metadata-json.ts'
import { readGolden } from '../../support/golden.ts'
import { openGoldenStore } from '../../support/golden-store.ts'
import { openWorkshop } from '../write/sample-table.ts'
import type { Workshop } from '../write/sample-table.ts'

/**
 * Tables of Spark, Iceberg's Java library and Athena. What they hold is what the project says that
 * published them.
 */
describe('a table of another engine', () => {
  let shop: Workshop
  const fileIO = openGoldenStore('icebird-tables', [
    's3://hyperparam-iceberg',
    's3a://hyperparam-iceberg',
  ])

  beforeAll(async () => {
    shop = await openWorkshop()
  })

  afterAll(async () => {
    await shop.close()
  })

  async function read(table: string, version: string, snapshotId?: bigint) {
    const metadata = parseTableMetadata(
      readGolden(`icebird-tables/${table}/metadata/${version}.metadata.json`),
    )
    const plan = await planScan({
      fileIO,
      metadata,
      ...(snapshotId === undefined ? {} : { snapshotId }),
    })
    return shop.session.rows<Record<string, unknown>>(await scanSql(plan, fileIO))
  }

  const hollandLop = {
    'Breed Name': 'Holland Lop',
    'Average Weight': 1.8,
    'Fur Length': 3,
    Lifespan: 7n,
    'Origin Country': 'The Netherlands',
    'Ear Type': 'Lop',
    Temperament: 'Friendly',
    'Popularity Rank': 1n,
  }
  const newZealand = {
    'Breed Name': 'New Zealand',
    'Average Weight': 4,
    'Fur Length': 2.7,
    Lifespan: 8n,
    'Origin Country': 'New Zealand',
    'Ear Type': 'Erect',
    Temperament: 'Affectionate',
    'Popularity Rank': 21n,
  }

  it('by Java is read', async () => {
    const rows = await read('java/bunnies', 'v2')
    expect(rows).toHaveLength(21)
    expect(rows[0]).toEqual(hollandLop)
  })

  it('by Java is read with a column that its files do not have', async () => {
    const rows = await read('java/bunnies', 'v3')
    expect(rows).toHaveLength(21)
    expect(rows[0]).toEqual({ ...hollandLop, __happy__: null })
  })

  it('by Java is read without the rows of a position delete file', async () => {
    const rows = await read('java/bunnies', 'v4')
    expect(rows).toHaveLength(15)
    expect(rows.find((row) => row['Breed Name'] === 'New Zealand')).toEqual({
      ...newZealand,
      __happy__: null,
    })
  })

  it('by Java is read with the row that an equality delete and an append replaced', async () => {
    const rows = await read('java/bunnies', 'v5')
    expect(rows).toHaveLength(15)
    expect(rows.filter((row) => row['Breed Name'] === 'New Zealand')).toEqual([
      { ...newZealand, 'Popularity Rank': 0n, __happy__: true },
    ])
  })

  it('by Spark is read before and after a delete, and at an older snapshot', async () => {
    const before = await read('spark/bunnies', 'v1')
    expect(before).toHaveLength(21)
    expect(before[0]).toEqual(hollandLop)
    const after = await read('spark/bunnies', 'v3')
    expect(after).toHaveLength(20)
    expect(after.map((row) => row['Breed Name'])).not.toContain('Holland Lop')
    expect(await read('spark/bunnies', 'v5', 7505300640432048841n)).toHaveLength(21)
  })

  it('by Spark is read by the new name of a column', async () => {
    const rows = await read('spark/rename_column', 'v3')
    const byId = rows.toSorted((a, b) => Number(a['id']) - Number(b['id']))
    const event_date = '2022-01-01'
    expect(byId).toMatchObject([
      { id: 1, name: 'Flopsy 🐇', event_date, price: '9.99', active: true },
      { id: 2, name: 'Mopsy–Naïve', event_date, price: '-5.00', active: false },
      { id: 3, name: 'Cottontail', event_date: null, price: '0.00', active: true },
      { id: 4, name: 'Thumper', event_date: '2022-01-02', price: '99999999.99', active: false },
    ])
  })

  it('by Athena is read', async () => {
    const version = '00001-aaf0d033-d06b-43c7-be60-67f83abd4aca'
    expect(await read('athena/example', version)).toEqual([
      { id: 1, name: 'Alice' },
      { id: 2, name: 'Bob' },
    ])
  })
})

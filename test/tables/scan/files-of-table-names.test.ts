import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { planScan } from '../../../tables/scan/plan-scan.ts'
import { scanSql } from '../../../tables/scan/scan-sql.ts'
import { TOKEN_KEY } from '../../../tables/spec/cut-history.ts'
import type { Schema } from '../../../tables/spec/schema.ts'
import type { TableMetadata } from '../../../tables/spec/table-metadata.ts'
import { openWorkshop, sampleTable } from '../write/sample-table.ts'
import type { Workshop } from '../write/sample-table.ts'
import { growTable } from './growing-table.ts'

const columns = {
  b: 'boolean',
  i: 'int',
  l: 'long',
  f: 'float',
  d: 'double',
  day: 'date',
  ts: 'timestamp',
  tz: 'timestamptz',
  s: 'string',
  price: 'decimal(18, 8)',
} as const

const rows =
  `SELECT true AS b, 1 AS i, 2::BIGINT AS l, 1.5::FLOAT AS f, 2.5::DOUBLE AS d, ` +
  `DATE '2025-01-02' AS day, TIMESTAMP '2025-01-02 03:04:05.000001' AS ts, ` +
  `TIMESTAMPTZ '2025-01-02 03:04:05.000001+00' AS tz, 'x' AS s, 1.25::DECIMAL(18, 8) AS price ` +
  'UNION ALL SELECT NULL, 7, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL'

/** How the engine is told to look for columns by their ids. */
const BY_ID = 'schema = MAP'
const own = { summary: { [TOKEN_KEY]: 'a token' } }

describe('files of ours of a table that was never altered', () => {
  let shop: Workshop
  let tableCount = 0

  beforeAll(async () => {
    shop = await openWorkshop()
  })

  afterAll(async () => {
    await shop.close()
  })

  const sqlOf = async (metadata: TableMetadata): Promise<string> =>
    scanSql(await planScan({ fileIO: shop.fileIO, metadata }), shop.fileIO)

  const grown = async (change: object, formatVersion: 2 | 3 = 2): Promise<TableMetadata> => {
    const location = `${shop.location}/t${(tableCount += 1)}`
    const table = growTable(shop, sampleTable({ columns, location, formatVersion }))
    await table.append(rows, change)
    return table.metadata
  }

  const describeRows = async (sql: string): Promise<unknown> => ({
    columns: await shop.session.rows(`DESCRIBE ${sql}`),
    rows: await shop.session.rows(`SELECT * FROM (${sql}) ORDER BY i`),
  })

  it('are read by name, to the same rows and types as by id', async () => {
    const metadata = await grown(own)
    const foreign = await grown({})
    const [byName, byId] = [await sqlOf(metadata), await sqlOf(foreign)]
    expect(byName).not.toContain(BY_ID)
    expect(byId).toContain(BY_ID)
    expect(await describeRows(byName)).toEqual(await describeRows(byId))
  })

  it('are read by id once two columns have changed their names with each other', async () => {
    const metadata = await grown(own)
    const [schema] = metadata.schemas
    if (schema === undefined) throw new Error('the table has no schema')
    const swapped: Schema = {
      ...schema,
      'schema-id': 1,
      fields: schema.fields.map((field) =>
        field.name === 'f' || field.name === 'd'
          ? { ...field, name: field.name === 'f' ? 'd' : 'f' }
          : field,
      ),
    }
    // The older schema may have been removed, as the specification allows.
    for (const schemas of [[schema, swapped], [swapped]]) {
      const altered = { ...metadata, schemas, 'current-schema-id': 1 }
      const sql = await sqlOf(altered)
      expect(sql).toContain(BY_ID)
      const [first] = await shop.session.rows(`SELECT f, d FROM (${sql}) WHERE i = 1`)
      expect(first).toEqual({ f: 2.5, d: 1.5 })
    }
  })

  it('are read by id where a column was dropped and its schema removed', async () => {
    const metadata = await grown(own)
    const sql = await sqlOf({ ...metadata, 'last-column-id': metadata['last-column-id'] + 1 })
    expect(sql).toContain(BY_ID)
  })

  it.each([
    ['were picked from a snapshot of somebody else', { 'source-snapshot-id': '7' }, 2],
    ['may hold the lineage of rows', {}, 3],
  ] as const)('are read by id where they %s', async (_why, summary, formatVersion) => {
    const change = { summary: { ...own.summary, ...summary } }
    expect(await sqlOf(await grown(change, formatVersion))).toContain(BY_ID)
  })
})

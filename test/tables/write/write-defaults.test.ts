import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { builtInModel } from '../../../shared-transforms/lake-model.ts'
import { withAddedColumns } from '../../../pipelines/loop/own-columns.ts'
import { pathOfLocation } from '../../../tables/file-io/local-location.ts'
import type { IcebergType } from '../../../tables/spec/schema.ts'
import type { TableMetadata } from '../../../tables/spec/table-metadata.ts'
import { writeDataFiles } from '../../../tables/write/write-data-files.ts'
import { openWorkshop, sampleTable } from './sample-table.ts'
import type { Workshop } from './sample-table.ts'

type Member = readonly [name: string, type: IcebergType, value: unknown]

/** A table of format version 3 with a column `id` and these, each with its default for writers. */
function tableWith(location: string, members: readonly Member[], required = false): TableMetadata {
  const columns = Object.fromEntries(members.map(([name, type]) => [name, type]))
  const table = sampleTable({
    location,
    columns: { id: 'long', ...columns },
    partition: members.some(([name]) => name === 'venue') ? [['venue', 'identity']] : [],
    formatVersion: 3,
  })
  const valueOf = new Map(members.map(([name, , value]) => [name, value]))
  const schemas = table.schemas.map((schema) => ({
    ...schema,
    fields: schema.fields.map((field) =>
      valueOf.has(field.name)
        ? { ...field, required, 'write-default': valueOf.get(field.name) }
        : field,
    ),
  }))
  return { ...table, schemas }
}

describe('a column that the rows to write do not have', () => {
  let shop: Workshop
  let tableCount = 0

  beforeAll(async () => {
    shop = await openWorkshop()
  })

  afterAll(() => shop.close())

  const location = (): string => `${shop.location}/d${(tableCount += 1)}`

  const written = async (table: TableMetadata, query: string, select: string) => {
    const files = await writeDataFiles(shop, table, query)
    const paths = files.map((file) => `'${pathOfLocation(file.filePath)}'`)
    const rows = `read_parquet([${paths.join(', ')}], hive_partitioning = false)`
    const text = `SELECT list(${select} ORDER BY id) AS all FROM ${rows}`
    const [row] = await shop.session.rows<{ all: unknown[] }>(text)
    return { files, values: row?.all }
  }

  it.each<readonly [type: IcebergType, value: unknown, sql: string]>([
    ['boolean', true, 'true'],
    ['int', -7, '-7'],
    ['long', 9_223_372_036_854_775_807n, '9223372036854775807'],
    ['double', 0.5, '0.5::DOUBLE'],
    ['decimal(9, 2)', '-1.50', '-1.50::DECIMAL(9, 2)'],
    ['date', '2024-02-29', "DATE '2024-02-29'"],
    ['time', '22:31:08.123456', "TIME '22:31:08.123456'"],
    ['timestamp', '2024-02-29T22:31:08', "TIMESTAMP '2024-02-29 22:31:08'"],
    ['timestamptz', '2024-02-29T22:31:08+00:00', "TIMESTAMPTZ '2024-02-29 22:31:08Z'"],
    ['string', "it's", "'it''s'"],
    ['uuid', 'f79c3e09-677c-4bbd-a479-3f349cb785e7', "UUID 'f79c3e09-677c-4bbd-a479-3f349cb785e7'"],
    ['binary', '00ff27', "from_hex('00ff27')"],
    [
      { type: 'list', 'element-id': 9, element: 'int', 'element-required': false },
      [1, 2],
      '[1, 2]',
    ],
    [
      {
        type: 'struct',
        fields: [
          { id: 8, name: 'a', required: false, type: 'int', 'write-default': 4 },
          { id: 9, name: 'b', required: false, type: 'string' },
        ],
      },
      {},
      "{'a': 4, 'b': NULL::VARCHAR}",
    ],
  ])('of type %j gets the default for writers', async (type, value, sql) => {
    const table = tableWith(location(), [['c', type, value]], true)
    const same = `c IS NOT DISTINCT FROM ${sql}`
    expect((await written(table, 'SELECT 1 AS id', same)).values).toEqual([true])
  })

  it('has no default for rows from before it was: that is another one', async () => {
    const table = tableWith(location(), [['c', 'int', null]])
    const [schema] = table.schemas
    if (schema === undefined) throw new Error('no schema')
    const fields = schema.fields.map((field) =>
      field.name === 'c' ? { ...field, 'initial-default': 3 } : field,
    )
    const initial = { ...table, schemas: [{ ...schema, fields }] }
    await expect(writeDataFiles(shop, initial, 'SELECT 1 AS id')).rejects.toThrow(/"c"/)
  })

  it('that the rows do have stays as they say, null too, in any case of its name', async () => {
    const table = tableWith(location(), [['c', 'int', 5]])
    const query = 'SELECT * FROM (VALUES (1, 7), (2, NULL)) AS t(id, C)'
    expect((await written(table, query, 'c')).values).toEqual([7, null])
  })

  it('puts rows into the partition of its default', async () => {
    const table = tableWith(location(), [['venue', 'string', 'X']])
    const { files, values } = await written(table, 'SELECT 1 AS id', 'venue')
    expect(values).toEqual(['X'])
    expect(files.map((file) => file.partition)).toEqual([{ venue: 'X' }])
  })

  it('gets its default from the loop too, which knows nothing of it', async () => {
    const own = 'gold.bars'
    const table = tableWith(location(), [
      ['desk', 'string', 'fx'],
      ['note', 'string', null],
    ])
    const query = withAddedColumns({ model: builtInModel }, own, table, 'SELECT 1 AS venue')
    const rows = await shop.session.rows(`SELECT desk, note FROM (${query})`)
    expect(rows).toEqual([{ desk: 'fx', note: null }])
  })
})

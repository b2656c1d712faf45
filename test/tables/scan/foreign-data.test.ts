import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { planScan } from '../../../tables/scan/plan-scan.ts'
import { CUT_KEY, TOKEN_KEY } from '../../../tables/spec/cut-history.ts'
import type { DataFile } from '../../../tables/spec/manifest.ts'
import type { PartitionTuple } from '../../../tables/spec/partition-spec.ts'
import type { SchemaField } from '../../../tables/spec/schema.ts'
import { openWorkshop } from '../write/sample-table.ts'
import type { Workshop } from '../write/sample-table.ts'
import { growSample, readTable, setFields, writeFileFor } from './foreign-tables.ts'
import { optional } from './model-schema.ts'

describe('a data file of another engine', () => {
  let shop: Workshop

  beforeAll(async () => {
    shop = await openWorkshop()
  })

  afterAll(async () => {
    await shop.close()
  })

  describe('without field ids', () => {
    const columns = { id: 'long', v: 'string' } as const
    const stranger = {
      fields: [optional(9, 'x', 'long'), optional(8, 'y', 'string')],
      hasIds: false,
    }
    const query = `SELECT 1 AS x, 'a' AS y`

    it('takes columns by their place where the table has no name mapping', async () => {
      const table = growSample(shop, { columns })
      await table.commit({ data: [await writeFileFor(shop, table, `SELECT 2 AS id, 'b' AS v`)] })
      await table.commit({ data: [await writeFileFor(shop, table, query, stranger)] })
      setFields(table, [optional(2, 'w', 'string'), optional(1, 'id', 'long')])
      expect(await readTable(shop, table)).toEqual([
        { w: 'a', id: 1n },
        { w: 'b', id: 2n },
      ])
    })

    it('takes columns by the names of the mapping, nested ones too', async () => {
      const mapping = [
        { 'field-id': 1, names: ['id', 'old_id'] },
        {
          'field-id': 2,
          names: ['l'],
          fields: [{ names: ['element'], fields: [{ 'field-id': 4, names: ['q', 'old_q'] }] }],
        },
      ]
      const table = growSample(shop, {
        columns: { id: 'long' },
        properties: { 'schema.name-mapping.default': JSON.stringify(mapping) },
      })
      const listOf = (name: string): SchemaField =>
        optional(2, 'l', {
          type: 'list',
          'element-id': 3,
          'element-required': false,
          element: { type: 'struct', fields: [optional(4, name, 'long')] },
        })
      setFields(table, [optional(1, 'id', 'long'), listOf('q')])
      const fields = [optional(9, 'other', 'int'), listOf('old_q'), optional(1, 'old_id', 'int')]
      const old = `SELECT 7 AS other, [{old_q: 5}] AS l, 1 AS old_id`
      await table.commit({
        data: [await writeFileFor(shop, table, old, { fields, hasIds: false })],
      })
      await table.commit({ data: [await writeFileFor(shop, table, `SELECT 2 AS id, NULL AS l`)] })
      expect(await readTable(shop, table)).toEqual([
        { id: 1n, l: [{ q: 5n }] },
        { id: 2n, l: null },
      ])
    })

    it('reads null where a file has ids, but not for this column', async () => {
      const table = growSample(shop, { columns })
      const path = `${shop.scratchDir}/partial.parquet`
      await shop.session.run(
        `COPY (SELECT 1::BIGINT AS id, 'a' AS v) TO '${path}' (FORMAT parquet, FIELD_IDS {id: 1})`,
      )
      const whole = await writeFileFor(shop, table, `SELECT 1 AS id, 'a' AS v`)
      const filePath = `${table.metadata.location}/data/partial.parquet`
      const { sizeBytes } = await shop.fileIO.adopt(path, filePath)
      await table.commit({ data: [{ ...whole, filePath, fileSizeBytes: sizeBytes }] })
      expect(await readTable(shop, table)).toEqual([{ id: 1n, v: null }])
    })

    it('refuses nested columns by place, which tells nothing of their members', async () => {
      const table = growSample(shop, {
        columns: { id: 'long', n: { type: 'struct', fields: [optional(3, 'a', 'int')] } },
      })
      await table.commit({
        data: [await writeFileFor(shop, table, `SELECT 1 AS id, {a: 2} AS n`, { hasIds: false })],
      })
      await expect(readTable(shop, table)).rejects.toMatchObject({ kind: 'unsupported' })
      expect(await readTable(shop, table, { columns: ['id'] })).toEqual([{ id: 1n }])
    })

    it('does not look into files that our own writer committed', async () => {
      const table = growSample(shop, { columns })
      await table.append(`SELECT 1 AS id, 'a' AS v`, {
        summary: { [CUT_KEY]: '1', [TOKEN_KEY]: 't' },
      })
      const [task] = (await planScan({ fileIO: shop.fileIO, metadata: table.metadata })).tasks
      expect(task?.addedBy).toBe(table.metadata['current-snapshot-id'])
      expect(await readTable(shop, table)).toEqual([{ id: 1n, v: 'a' }])
    })
  })

  describe('with columns that the file does not have', () => {
    it('takes identity partition columns from the partition', async () => {
      const table = growSample(shop, {
        columns: {
          id: 'long',
          venue: 'string',
          day: 'date',
          p: 'decimal(9, 2)',
          at: 'timestamptz',
          raw: 'binary',
        },
        partition: [
          ['venue', 'identity'],
          ['day', 'identity'],
          ['p', 'identity'],
          ['at', 'identity'],
          ['raw', 'identity'],
        ],
      })
      const values = {
        venue: "o'k",
        day: 19_000,
        p: -150n,
        at: 1_700_000_000_123_456n,
        raw: Uint8Array.of(0, 255),
      }
      const nulls = { venue: null, day: null, p: null, at: null, raw: null }
      const add = (partition: PartitionTuple, id: number) =>
        writeFileFor(shop, table, `SELECT ${id} AS id`, {
          fields: [optional(1, 'id', 'long')],
          partition,
        })
      await table.commit({ data: [await add(values, 1), await add(nulls, 2)] })
      expect(await readTable(shop, table)).toEqual([
        {
          id: 1n,
          venue: "o'k",
          day: '2022-01-08',
          p: '-1.50',
          at: 1_700_000_000_123_456n,
          raw: Buffer.from([0, 255]),
        },
        { id: 2n, ...nulls },
      ])
    })

    it('takes the default of each type, at the top and inside of structs', async () => {
      const table = growSample(shop, { columns: { id: 'long' } }, 3)
      await table.commit({ data: [await writeFileFor(shop, table, 'SELECT 1 AS id')] })
      const withDefault = (field: SchemaField, value: unknown): SchemaField => ({
        ...field,
        'initial-default': value,
      })
      setFields(table, [
        optional(1, 'id', 'long'),
        withDefault(optional(2, 'i', 'int'), 0),
        withDefault(optional(3, 't', 'string'), "it's"),
        withDefault(optional(4, 'd', 'date'), '2017-11-16'),
        withDefault(optional(5, 'ts', 'timestamp'), '1970-01-01T00:00:00.000001'),
        withDefault(optional(6, 'p', 'decimal(9, 2)'), '14.20'),
        withDefault(optional(7, 'b', 'binary'), '00ff'),
        withDefault(optional(8, 'f', 'boolean'), false),
        withDefault(
          optional(9, 'n', {
            type: 'struct',
            fields: [withDefault(optional(10, 'x', 'int'), 5), optional(11, 'y', 'int')],
          }),
          {},
        ),
      ])
      expect(await readTable(shop, table)).toEqual([
        {
          id: 1n,
          i: 0,
          t: "it's",
          d: '2017-11-16',
          ts: 1n,
          p: '14.20',
          b: Buffer.from([0, 255]),
          f: false,
          n: { x: 5, y: null },
        },
      ])
      expect(await readTable(shop, table, { columns: ['i', 't'] })).toEqual([{ i: 0, t: "it's" }])
    })
  })

  it('opens the file that is named, whatever signs its name has', async () => {
    const table = growSample(shop, { columns: { id: 'long' } })
    const names = ['a*b', 'axb', 'a?b', 'a[x]b', "a'b", 'a%20b', 'ä b']
    const data: DataFile[] = []
    for (const [index, name] of names.entries()) {
      const location = `${table.metadata.location}/data/v=${name}/d`
      const query = `SELECT ${index} AS id`
      data.push(await writeFileFor(shop, table, query, { location, suffix: '0' }))
    }
    await table.commit({ data })
    const all = names.map((_, index) => ({ id: BigInt(index) }))
    expect(await readTable(shop, table)).toEqual(all)
    const [star] = data
    await table.commit({ removed: data.slice(1).map((one) => one.filePath) })
    expect(await readTable(shop, table, { withPosition: true })).toEqual([
      { id: 0n, _file: star?.filePath, _pos: 0n },
    ])
  })

  it('reads columns that have the names of the engine', async () => {
    const table = growSample(shop, {
      columns: { filename: 'string', file_row_number: 'long', id: 'long' },
    })
    await table.commit({
      data: [
        await writeFileFor(shop, table, `SELECT 'f' AS filename, 5 AS file_row_number, 1 AS id`),
      ],
    })
    expect(await readTable(shop, table, { withPosition: true })).toMatchObject([
      { filename: 'f', file_row_number: 5n, id: 1n, _pos: 0n },
    ])
  })
})

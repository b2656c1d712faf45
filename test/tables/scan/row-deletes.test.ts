import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { planScan } from '../../../tables/scan/plan-scan.ts'
import { scanSql } from '../../../tables/scan/scan-sql.ts'
import { lineageFields } from '../../../tables/spec/lineage-fields.ts'
import { currentSchema } from '../../../tables/write/current-layout.ts'
import { writeDeletionVectors } from '../../../tables/write/write-deletion-vectors.ts'
import type { VectorDeletes } from '../../../tables/write/write-deletion-vectors.ts'
import { openWorkshop } from '../write/sample-table.ts'
import type { Workshop } from '../write/sample-table.ts'
import { writeEqualityDelete } from './foreign-files.ts'
import { growSample, readTable, setFields, writeFileFor } from './foreign-tables.ts'
import type { GrowingTable } from './growing-table.ts'
import { optional } from './model-schema.ts'

describe('rows that other engines deleted', () => {
  let shop: Workshop

  beforeAll(async () => {
    shop = await openWorkshop()
  })

  afterAll(async () => {
    await shop.close()
  })

  describe('deletes by value', () => {
    const columns = { id: 'long', v: 'string' } as const
    const first = `SELECT * FROM (VALUES (1, 'a'), (2, NULL), (3, 'c')) t(id, v)`

    async function deleteBy(table: GrowingTable, ids: readonly number[], query: string) {
      const { fields } = currentSchema(table.metadata)
      const deletes = await writeEqualityDelete(shop, {
        location: `${table.metadata.location}/data/e`,
        fields: fields.filter(({ id }) => ids.includes(id)),
        query,
        equalityIds: ids,
      })
      await table.commit({ deletes: [deletes] })
    }

    it('leaves rows of the same and later commits alone, and lets null equal null', async () => {
      const table = growSample(shop, { columns })
      await table.commit({ data: [await writeFileFor(shop, table, first)] })
      await deleteBy(table, [2], `SELECT NULL AS v UNION ALL SELECT 'c'`)
      await table.commit({ data: [await writeFileFor(shop, table, `SELECT 4 AS id, NULL AS v`)] })
      expect(await readTable(shop, table)).toEqual([
        { id: 1n, v: 'a' },
        { id: 4n, v: null },
      ])
      expect(await readTable(shop, table, { columns: ['id'], withPosition: true })).toMatchObject([
        { id: 1n, _pos: 0n },
        { id: 4n, _pos: 0n },
      ])
    })

    it('replaces a row by a delete and an append of one commit, again and again', async () => {
      const table = growSample(shop, { columns })
      for (const v of ['a', 'b', 'c']) {
        const deletes = await writeEqualityDelete(shop, {
          location: `${table.metadata.location}/data/e`,
          fields: [optional(1, 'id', 'long')],
          query: v === 'c' ? 'SELECT 2 AS id' : 'SELECT 1 AS id',
          equalityIds: [1],
        })
        const id = v === 'c' ? 2 : 1
        const data = await writeFileFor(shop, table, `SELECT ${id} AS id, '${v}' AS v`)
        await table.commit({ data: [data], deletes: [deletes] })
      }
      expect(await readTable(shop, table)).toEqual([
        { id: 1n, v: 'b' },
        { id: 2n, v: 'c' },
      ])
    })

    it('still compares a column that was dropped, and one that was widened', async () => {
      const table = growSample(shop, { columns: { id: 'int', v: 'string' } })
      await table.commit({ data: [await writeFileFor(shop, table, first)] })
      await deleteBy(table, [2, 1], `SELECT 1 AS id, 'a' AS v UNION ALL SELECT 3, 'a'`)
      setFields(table, [optional(1, 'id', 'long')])
      expect(await readTable(shop, table)).toEqual([{ id: 2n }, { id: 3n }])
    })

    it('deletes in its own partition only', async () => {
      const table = growSample(shop, { columns, partition: [['v', 'identity']] })
      const partitions = ['a', 'b'].map((v) => ({ partition: { v } }))
      for (const { partition } of partitions) {
        const data = await writeFileFor(shop, table, `SELECT 1 AS id, '${partition.v}' AS v`, {
          partition,
        })
        await table.commit({ data: [data] })
      }
      const deletes = await writeEqualityDelete(shop, {
        location: `${table.metadata.location}/data/e`,
        fields: [optional(1, 'id', 'long')],
        query: 'SELECT 1 AS id',
        equalityIds: [1],
        partition: { v: 'b' },
      })
      await table.commit({ deletes: [deletes] })
      expect(await readTable(shop, table)).toEqual([{ id: 1n, v: 'a' }])
    })

    it('refuses a delete that names a column of no schema', async () => {
      const table = growSample(shop, { columns })
      await table.commit({ data: [await writeFileFor(shop, table, first)] })
      await deleteBy(table, [2], `SELECT 'a' AS v`)
      const [snapshot] = table.metadata.snapshots
      expect(snapshot).toBeDefined()
      const fields = [optional(1, 'id', 'long')]
      const { metadata } = table
      const schema = { ...currentSchema(metadata), fields }
      await expect(
        readTable(shop, { metadata: { ...metadata, schemas: [schema] } }),
      ).rejects.toMatchObject({
        kind: 'corrupt-data',
        context: { file: expect.stringContaining('/data/e-') as unknown },
      })
    })
  })

  describe('format version 3', () => {
    const columns = { id: 'long' } as const

    it('leaves out what vectors of any density name', async () => {
      const table = growSample(shop, { columns }, 3)
      const kept: readonly (readonly [number, (row: number) => boolean])[] = [
        [200_000, (row) => row % 3 !== 0 && row < 150_000],
        [70_000, (row) => row % 1000 !== 7],
        [10, () => false],
      ]
      const expected: { file: string; rows: bigint; wrong: bigint }[] = []
      const deletes: VectorDeletes[] = []
      for (const [rowCount, isKept] of kept) {
        const query = `SELECT range AS id FROM range(${rowCount})`
        const file = await writeFileFor(shop, table, query)
        const gone = Array.from({ length: rowCount }, (_, row) => row).filter((row) => !isKept(row))
        deletes.push({ file, held: [], positions: gone.map(BigInt) })
        const rows = BigInt(rowCount - gone.length)
        if (rows > 0n) expected.push({ file: file.filePath, rows, wrong: 0n })
      }
      await table.commit({ data: deletes.map(({ file }) => file) })
      await table.commit({ deletes: await writeDeletionVectors(shop, table.metadata, deletes) })
      const plan = await planScan({ fileIO: shop.fileIO, metadata: table.metadata })
      const sql = await scanSql(plan, shop.fileIO, { withPosition: true })
      const rows = await shop.session.rows(
        `SELECT _file AS file, count(*) AS rows, count(*) FILTER (_pos <> id) AS wrong
         FROM (${sql}) GROUP BY ALL ORDER BY file`,
      )
      expect(rows).toEqual(expected.toSorted((a, b) => (a.file < b.file ? -1 : 1)))
    })

    it('tells the id of each row and the commit that changed it last', async () => {
      const table = growSample(shop, { columns }, 3)
      await table.commit({
        data: [await writeFileFor(shop, table, 'SELECT 10 AS id UNION ALL SELECT 11')],
      })
      await table.commit({ data: [await writeFileFor(shop, table, 'SELECT 20 AS id')] })
      const moved = await writeFileFor(
        shop,
        table,
        'SELECT 30 AS id, 77 AS _row_id, 1 AS _last_updated_sequence_number ' +
          'UNION ALL SELECT 31, NULL, NULL',
        { fields: [optional(1, 'id', 'long'), ...lineageFields] },
      )
      await table.commit({ data: [moved] })
      const row = (id: bigint, rowId: bigint, updated: bigint) => {
        return { id, _row_id: rowId, _last_updated_sequence_number: updated }
      }
      expect(await readTable(shop, table, { withLineage: true })).toEqual([
        row(10n, 0n, 1n),
        row(11n, 1n, 1n),
        row(20n, 2n, 2n),
        row(30n, 77n, 1n),
        row(31n, 4n, 3n),
      ])
    })

    it('knows no lineage of rows that are older than the format', async () => {
      const table = growSample(shop, { columns })
      await table.commit({ data: [await writeFileFor(shop, table, 'SELECT 1 AS id')] })
      expect(await readTable(shop, table, { withLineage: true })).toEqual([
        { id: 1n, _row_id: null, _last_updated_sequence_number: null },
      ])
    })
  })
})

import { readdir } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { SchemaField } from '../../../tables/spec/schema.ts'
import { tableId } from '../../../tables/spec/table-identifier.ts'
import { newTrinoCatalog, type TestTrino } from '../../support/trino.ts'
import { openLabLake, type LabLake } from './lab-lake.ts'

const CATALOG = newTrinoCatalog('lab')
const COLUMNS = 'id, symbol, price, ts, day, flag, raw, size'

/** Trino and Sluice write the same tables in turn, and each reads what the other wrote. */
export function describeTrinoWrites(trinoOf: () => TestTrino): void {
  describe('as a writer beside us', () => {
    let lab: LabLake
    let trino: TestTrino

    beforeAll(async () => {
      trino = trinoOf()
      lab = await openLabLake()
      await trino.attach(CATALOG, lab.url)
      await trino.run(`CREATE SCHEMA ${CATALOG}.market`)
    })

    afterAll(async () => {
      expect(lab.failures).toEqual([])
      await trino.detach(CATALOG)
      await lab.close()
    })

    const run = (sql: string) => trino.run(sql)
    const named = (name: string) => `${CATALOG}.market.${name}`

    /** Both read the same rows, values and types alike: at the head, and at every snapshot. */
    async function expectSame(name: string, rowCount: number, columns = COLUMNS): Promise<void> {
      const select = (from: string) => `SELECT ${columns} FROM ${from} ORDER BY ${columns}`
      const head = await trino.query(select(named(name)))
      expect(head).toHaveLength(rowCount)
      expect(await lab.rows(`market.${name}`, select('t'))).toEqual(head)
    }

    async function expectSameHistory(name: string): Promise<void> {
      const { metadata } = await lab.load(`market.${name}`)
      for (const { 'snapshot-id': id } of metadata.snapshots) {
        const count = 'SELECT count(*) AS n, CAST(sum(id) AS bigint) AS ids FROM'
        const theirs = await trino.query(`${count} ${named(name)} FOR VERSION AS OF ${id}`)
        expect(await lab.rows(`market.${name}`, `${count} t`, id), `${id}`).toEqual(theirs)
      }
    }

    /** Commits a schema with other fields: what an engine sends that evolves a table. */
    async function evolve(
      name: string,
      edit: (fields: readonly SchemaField[], newId: number) => readonly SchemaField[],
    ): Promise<void> {
      const { metadata, identifier } = await lab.load(`market.${name}`)
      const newId = metadata['last-column-id'] + 1
      const schema = metadata.schemas.find(
        (each) => each['schema-id'] === metadata['current-schema-id'],
      )
      const fields = edit(schema?.fields ?? [], newId)
      await lab.catalog.commitTransaction([
        {
          identifier,
          requirements: [
            {
              type: 'assert-current-schema-id',
              'current-schema-id': metadata['current-schema-id'],
            },
          ],
          updates: [
            {
              action: 'add-schema',
              schema: { type: 'struct', 'schema-id': metadata.schemas.length, fields },
              'last-column-id': Math.max(metadata['last-column-id'], ...fields.map(({ id }) => id)),
            },
            { action: 'set-current-schema', 'schema-id': -1 },
          ],
        },
      ])
    }

    async function createTable(name: string, formatVersion: 2 | 3): Promise<void> {
      await run(
        `CREATE TABLE ${named(name)} (id bigint NOT NULL, symbol varchar, price decimal(38, 18), ` +
          'ts timestamp(6) with time zone, day date, flag boolean, raw varbinary, size double) ' +
          `WITH (format_version = ${formatVersion}, ` +
          `partitioning = ARRAY['day(ts)', 'bucket(symbol, 4)'], sorted_by = ARRAY['id'])`,
      )
    }

    function trinoRows(from: number, until: number): string {
      return (
        `SELECT n, IF(n % 7 = 0, NULL, 'sÿm' || CAST(n % 5 AS varchar)), ` +
        `CAST(n AS decimal(38, 18)) / 1000000007, ` +
        `TIMESTAMP '2025-01-01 00:00:00.000001 UTC' + n * INTERVAL '1' HOUR, ` +
        `date_add('day', CAST(n AS integer), DATE '1969-12-01'), n % 2 = 0, ` +
        `to_utf8('b' || CAST(n AS varchar)), IF(n % 11 = 0, nan(), n / 3e0) ` +
        `FROM UNNEST(sequence(${from}, ${until - 1})) AS s(n)`
      )
    }

    function ourRows(from: number, until: number): string {
      return (
        `SELECT range AS id, CASE WHEN range % 7 <> 0 THEN 'sÿm' || range % 5 END AS symbol, ` +
        `range * 1.000000000000000001 AS price, ` +
        `TIMESTAMPTZ '2025-01-01 00:00:00.000001+00' + to_hours(range) AS ts, ` +
        `DATE '1969-12-01' + range::INTEGER AS day, range % 2 = 0 AS flag, ` +
        `('b' || range)::BLOB AS raw, range / 3 AS size FROM range(${from}, ${until})`
      )
    }

    it.each([2, 3] as const)(
      'inserts, deletes, updates, merges and optimizes a table of version %d in turn with us',
      async (version) => {
        const name = `prints_v${version}`
        await createTable(name, version)
        expect(await run(`INSERT INTO ${named(name)} ${trinoRows(0, 100)}`)).toBe(100n)
        await expectSame(name, 100)
        await lab.append(`market.${name}`, ourRows(100, 150))
        await expectSame(name, 150)
        expect(await run(`DELETE FROM ${named(name)} WHERE id % 10 = 0`)).toBe(15n)
        await expectSame(name, 135)
        await lab.deleteWhere(`market.${name}`, 'id % 10 = 1')
        await expectSame(name, 120)
        await run(
          `UPDATE ${named(name)} SET symbol = 'up', price = 7.5 WHERE id BETWEEN 90 AND 120`,
        )
        await run(
          `MERGE INTO ${named(name)} t USING (SELECT n FROM UNNEST(sequence(140, 169)) AS s(n)) ` +
            `s ON t.id = s.n WHEN MATCHED AND t.flag THEN DELETE WHEN MATCHED THEN UPDATE SET ` +
            `flag = NULL WHEN NOT MATCHED THEN INSERT (id, symbol) VALUES (s.n, 'new')`,
        )
        // Of 140 to 149 eight are left, 4 of them even; 140 and 141 and 150 to 169 are inserted.
        await expectSame(name, 120 - 4 + 22)
        await run(`ALTER TABLE ${named(name)} EXECUTE optimize`)
        await expectSame(name, 138)
        await lab.deleteWhere(`market.${name}`, `symbol = 'new'`)
        await lab.append(`market.${name}`, ourRows(200, 220))
        await expectSame(name, 138 - 22 + 20)
        await expectSameHistory(name)
      },
    )

    it('reads rows on after columns came, went, moved and were widened through our catalog', async () => {
      await run(
        `CREATE TABLE ${named('evolving')} (id bigint, symbol varchar, size integer, gone date)`,
      )
      await run(`INSERT INTO ${named('evolving')} VALUES (1, 'a', 10, DATE '2025-01-01')`)
      await evolve('evolving', ([id, symbol, size], newId) => [
        { id: newId, name: 'venue', type: 'string', required: false },
        id!,
        { ...symbol!, name: 'venue_symbol' },
        { ...size!, type: 'long' },
      ])
      await lab.append(
        'market.evolving',
        `SELECT 2 AS id, 'b' AS venue_symbol, 5000000000 AS size, 'X' AS venue`,
      )
      await evolve('evolving', (fields, newId) => [
        ...fields,
        { id: newId, name: 'gone', type: 'string', required: false },
      ])
      await run(`INSERT INTO ${named('evolving')} VALUES ('Y', 3, 'c', 30, 'back')`)
      const columns = 'id, venue, venue_symbol, size, gone'
      await expectSame('evolving', 3, columns)
      expect(await lab.rows('market.evolving', `SELECT ${columns} FROM t ORDER BY id`)).toEqual([
        { id: 1n, venue: null, venue_symbol: 'a', size: 10n, gone: null },
        { id: 2n, venue: 'X', venue_symbol: 'b', size: 5_000_000_000n, gone: null },
        { id: 3n, venue: 'Y', venue_symbol: 'c', size: 30n, gone: 'back' },
      ])
    })

    it('evolves columns and partitions itself, and we read and write on', async () => {
      await run(
        `CREATE TABLE ${named('altered')} (id bigint, ts timestamp(6) with time zone, a integer)`,
      )
      const insert = (values: string) => run(`INSERT INTO ${named('altered')} VALUES ${values}`)
      await insert(`(1, TIMESTAMP '2025-01-01 10:00:00 UTC', 1)`)
      await run(`ALTER TABLE ${named('altered')} ADD COLUMN note varchar`)
      await run(`ALTER TABLE ${named('altered')} RENAME COLUMN a TO b`)
      await run(`ALTER TABLE ${named('altered')} ALTER COLUMN b SET DATA TYPE bigint`)
      await run(`ALTER TABLE ${named('altered')} SET PROPERTIES partitioning = ARRAY['hour(ts)']`)
      await insert(`(2, TIMESTAMP '2025-01-02 11:00:00 UTC', 5000000000, 'x')`)
      await lab.append(
        'market.altered',
        `SELECT 3 AS id, TIMESTAMPTZ '2025-01-02 12:30:00+00' AS ts, 3 AS b, 'y' AS note`,
      )
      await run(
        `ALTER TABLE ${named('altered')} SET PROPERTIES partitioning = ARRAY['month(ts)', 'truncate(note, 1)']`,
      )
      await lab.append(
        'market.altered',
        `SELECT 4 AS id, TIMESTAMPTZ '2025-02-02 12:30:00+00' AS ts, 4 AS b, 'yy' AS note`,
      )
      await run(`DELETE FROM ${named('altered')} WHERE id = 1`)
      await run(`ALTER TABLE ${named('altered')} DROP COLUMN b`)
      await expectSame('altered', 3, 'id, ts, note')
      expect((await lab.load('market.altered')).metadata['partition-specs']).toHaveLength(3)
    })

    it('keeps structs, lists and maps, which we read', async () => {
      await run(
        `CREATE TABLE ${named('nested')} (id bigint, book ROW(bid decimal(18, 8), ` +
          `levels array(bigint)), tags map(varchar, bigint))`,
      )
      await run(
        `INSERT INTO ${named('nested')} VALUES (1, ROW(1.5, ARRAY[9007199254740993, NULL]), ` +
          `MAP(ARRAY['a'], ARRAY[9007199254740995])), (2, NULL, NULL), (3, ROW(NULL, ARRAY[]), MAP())`,
      )
      const select = (from: string) => `SELECT id, book, tags FROM ${from} ORDER BY id`
      const theirs = await trino.query(select(named('nested')))
      expect(theirs[0]).toEqual({
        id: 1n,
        book: { bid: '1.50000000', levels: [9007199254740993n, null] },
        tags: [{ key: 'a', value: 9007199254740995n }],
      })
      expect(await lab.rows('market.nested', select('t'))).toEqual(theirs)
    })

    it('replaces, renames and drops tables, and their files with them', async () => {
      await run(`CREATE TABLE ${named('one')} AS SELECT 1 AS id`)
      await run(`CREATE OR REPLACE TABLE ${named('one')} AS SELECT BIGINT '2' AS id, 'x' AS note`)
      expect(await lab.rows('market.one', 'SELECT * FROM t')).toEqual([{ id: 2n, note: 'x' }])
      await run(`ALTER TABLE ${named('one')} RENAME TO ${named('two')}`)
      await lab.append('market.two', `SELECT 3 AS id, 'y' AS note`)
      await expectSame('two', 2, 'id, note')
      const { location } = (await lab.load('market.two')).metadata
      await run(`DROP TABLE ${named('two')}`)
      expect(await lab.catalog.loadTable(tableId('market.two'))).toBeUndefined()
      await expect(trino.query(`SELECT * FROM ${named('two')}`)).rejects.toThrow('TABLE_NOT_FOUND')
      const left = await readdir(new URL(location), { recursive: true, withFileTypes: true })
      expect(left.filter((entry) => entry.isFile()).map(({ name }) => name)).toEqual([])
    })

    it('buckets rows of many types, and we find and delete them', async () => {
      await run(
        `CREATE TABLE ${named('bucketed')} (id bigint, symbol varchar, day date, ` +
          `ts timestamp(6) with time zone) WITH (partitioning = ` +
          `ARRAY['bucket(id, 3)', 'bucket(symbol, 3)', 'bucket(day, 2)', 'bucket(ts, 2)'])`,
      )
      await run(
        `INSERT INTO ${named('bucketed')} SELECT n, 's' || CAST(n AS varchar), ` +
          `date_add('day', CAST(n AS integer), DATE '1969-12-20'), ` +
          `TIMESTAMP '1969-12-31 12:00:00.000001 UTC' + n * INTERVAL '1' HOUR ` +
          'FROM UNNEST(sequence(1, 40)) AS s(n)',
      )
      await expectSame('bucketed', 40, 'id, symbol, day, ts')
      await lab.deleteWhere('market.bucketed', 'id <= 10')
      await run(`DELETE FROM ${named('bucketed')} WHERE id > 30`)
      await expectSame('bucketed', 20, 'id, symbol, day, ts')
    })

    it('keeps its views in our catalog', async () => {
      await run(`CREATE TABLE ${named('base')} AS SELECT BIGINT '41' AS id`)
      await run(`CREATE VIEW ${named('answers')} AS SELECT id + 1 AS answer FROM ${named('base')}`)
      expect(await trino.query(`SELECT answer FROM ${named('answers')}`)).toEqual([{ answer: 42n }])
      const views = await trino.query(`SELECT table_name FROM ${CATALOG}.information_schema.views`)
      expect(views).toContainEqual({ table_name: 'answers' })
      await run(
        `CREATE OR REPLACE VIEW ${named('answers')} AS SELECT id + 2 AS answer FROM ${named('base')}`,
      )
      await run(`ALTER VIEW ${named('answers')} RENAME TO ${named('replies')}`)
      expect(await trino.query(`SELECT answer FROM ${named('replies')}`)).toEqual([{ answer: 43n }])
      await run(`DROP VIEW ${named('replies')}`)
      await expect(trino.query(`SELECT * FROM ${named('replies')}`)).rejects.toThrow('NOT_FOUND')
    })

    it('hears of a statement that cannot be carried out in its own words', async () => {
      await expect(run(`CREATE TABLE ${CATALOG}.nowhere.t (id bigint)`)).rejects.toMatchObject({
        kind: 'invalid-input',
        message: expect.stringMatching(/nowhere/),
      })
      await run(`CREATE TABLE ${named('taken')} (id bigint)`)
      await expect(run(`CREATE TABLE ${named('taken')} (id bigint)`)).rejects.toThrow(
        'already exists',
      )
      await expect(run(`DROP SCHEMA ${CATALOG}.market`)).rejects.toThrow('SCHEMA_NOT_EMPTY')
    })
  })
}

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isErrorKind } from '../../../tables/errors.ts'
import { planScan } from '../../../tables/scan/plan-scan.ts'
import { scanSql } from '../../../tables/scan/scan-sql.ts'
import { tableId } from '../../../tables/spec/table-identifier.ts'
import type { CommitFault } from '../../support/fault-proxy.ts'
import { openForeignDuckDb, type ForeignDuckDb } from '../../support/foreign-duckdb.ts'
import { missingFiles } from '../../support/missing-files.ts'
import { rowDigestSql } from '../../support/row-digest.ts'
import {
  openServedLocalCatalog,
  type ServedLocalCatalog,
} from '../../support/served-local-catalog.ts'
import { newTrinoCatalog, type TestTrino } from '../../support/trino.ts'

const CATALOG = newTrinoCatalog('faulty')

const faults = [
  { kind: 'refuse', status: 409 },
  { kind: 'refuse', status: 503 },
  { kind: 'fail-after', status: 500 },
  { kind: 'fail-after', status: 503 },
  { kind: 'fail-after', status: 504 },
  { kind: 'drop-after' },
] as const satisfies readonly CommitFault[]

/** Notes by id: the model to which every reader is held. */
type Rows = ReadonlyMap<bigint, string>

const startRows: Rows = new Map(Array.from({ length: 20 }, (_, n) => [BigInt(n + 1), 'old']))
const START =
  `SELECT CAST(n AS bigint) AS id, CAST('old' AS varchar) AS note ` +
  'FROM UNNEST(sequence(1, 20)) AS s(n)'

/** A statement that can be run again and again, and what it makes of the rows. */
interface Statement {
  readonly title: string
  sql(table: string): string
  done(rows: Rows): Rows
}

/** What Trino says of a statement. */
type Told = 'done' | 'refused' | 'unknown'

const lastId = (rows: Rows): bigint => [...rows.keys()].reduce((a, b) => (a > b ? a : b))

const statements: readonly Statement[] = [
  {
    title: 'INSERT',
    sql: (table) =>
      `INSERT INTO ${table} SELECT (SELECT max(id) FROM ${table}) + n, 'new' ` +
      'FROM UNNEST(sequence(1, 3)) AS s(n)',
    done: (rows) =>
      new Map([...rows, ...[1n, 2n, 3n].map((n) => [lastId(rows) + n, 'new'] as const)]),
  },
  {
    title: 'UPDATE',
    sql: (table) => `UPDATE ${table} SET note = note || '!' WHERE id % 2 = 0`,
    done: (rows) => new Map([...rows].map(([id, note]) => [id, id % 2n ? note : `${note}!`])),
  },
  {
    title: 'DELETE',
    sql: (table) => `DELETE FROM ${table} WHERE id IN (SELECT max(id) FROM ${table})`,
    done: (rows) => new Map([...rows].filter(([id]) => id !== lastId(rows))),
  },
]

/**
 * Trino's commits go over a bad network. A statement that succeeded is there once; one that was
 * refused is not there; one of which Trino says that it does not know is there or not, but whole;
 * and no table loses a file that it names.
 */
export function describeTrinoCommitFaults(trinoOf: () => TestTrino): void {
  describe('over a network that breaks its commits', () => {
    let served: ServedLocalCatalog
    let trino: TestTrino
    let duckdb: ForeignDuckDb

    beforeAll(async () => {
      trino = trinoOf()
      served = await openServedLocalCatalog()
      duckdb = await openForeignDuckDb(served.proxy.url)
      await trino.attach(CATALOG, served.proxy.url)
      await trino.run(`CREATE SCHEMA ${CATALOG}.market`)
    })

    afterAll(async () => {
      await trino.detach(CATALOG)
      duckdb.close()
      await served.close()
    })

    /** Runs a statement whose commit meets the fault; what Trino says of it. */
    async function runInto(fault: CommitFault, sql: string): Promise<Told> {
      const before = served.proxy.struckCount()
      served.proxy.arm(fault)
      try {
        await trino.run(sql)
        return 'done'
      } catch (error) {
        return isErrorKind(error, 'commit-state-unknown') ? 'unknown' : 'refused'
      } finally {
        expect(served.proxy.struckCount() - before).toBe(1)
      }
    }

    /** Whether the change is to be there: Trino may not claim the contrary of what is true. */
    function isDone(fault: CommitFault, told: Told): boolean {
      const isSeen = fault.kind !== 'refuse'
      expect(told).not.toBe(isSeen ? 'refused' : fault.status === 409 ? 'unknown' : 'done')
      return isSeen || told === 'done'
    }

    it.each(statements)('does the whole $title or nothing of it', async ({ title, sql, done }) => {
      const name = `after_${title.toLowerCase()}`
      const table = `${CATALOG}.market.${name}`
      await trino.run(`CREATE TABLE ${table} AS ${START}`)
      let rows = startRows
      for (const fault of faults) {
        const told = await runInto(fault, sql(table))
        if (isDone(fault, told)) rows = done(rows)
        await expectRows(name, rows)
      }
      await trino.run(sql(table))
      await expectRows(name, done(rows))
    })

    it('makes the whole table of CREATE TABLE AS or none', async () => {
      for (const [number, fault] of faults.entries()) {
        const name = `made_${number}`
        const table = `${CATALOG}.market.${name}`
        const told = await runInto(fault, `CREATE TABLE ${table} AS ${START}`)
        if (isDone(fault, told)) {
          await trino.run(`INSERT INTO ${table} VALUES (21, 'new')`)
          await expectRows(name, new Map([...startRows, [21n, 'new']]))
        } else {
          expect(await served.catalog.loadTable(tableId(`market.${name}`))).toBeUndefined()
          await trino.run(`CREATE TABLE ${table} AS ${START}`)
          await expectRows(name, startRows)
        }
      }
    })

    /** We, Trino and DuckDB's own extension read the rows, and nothing that is named is gone. */
    async function expectRows(name: string, rows: Rows): Promise<void> {
      const expected = [...rows].map(([id, note]) => ({ id, note }))
      const all = (from: string) => `SELECT id, note FROM ${from} ORDER BY id`
      expect(await trino.query(all(`${CATALOG}.market.${name}`))).toEqual(expected)
      const { fileIO, catalog, engine } = served
      const table = await catalog.loadTable(tableId(`market.${name}`))
      if (table === undefined) throw new Error(`no table ${name}`)
      expect(await missingFiles(fileIO, table)).toEqual([])
      const relation = `(${await scanSql(await planScan({ fileIO, metadata: table.metadata }), fileIO)})`
      const session = await engine.connect()
      try {
        expect(await session.rows(all(relation))).toEqual(expected)
        const ours = await session.rows(rowDigestSql(relation))
        expect(await duckdb.rows(rowDigestSql(`lake.market.${name}`))).toEqual(ours)
      } finally {
        session.close()
      }
    }
  })
}

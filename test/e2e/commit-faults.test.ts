import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { planScan } from '../../tables/scan/plan-scan.ts'
import { scanSql } from '../../tables/scan/scan-sql.ts'
import { tableId } from '../../tables/spec/table-identifier.ts'
import type { CommitFault } from '../support/fault-proxy.ts'
import { openForeignDuckDb } from '../support/foreign-duckdb.ts'
import { runPython } from '../support/pyiceberg.ts'
import { openServedLocalCatalog, type ServedLocalCatalog } from '../support/served-local-catalog.ts'
import { describeWithService } from '../support/service.ts'

/** Rows of the table before the fault, of the commit that meets it, and of the next one. */
const ROWS = { before: 2, met: 3, next: 4 } as const

const faults = [
  { kind: 'refuse', status: 409 },
  { kind: 'refuse', status: 503 },
  { kind: 'fail-after', status: 500 },
  { kind: 'fail-after', status: 503 },
  { kind: 'fail-after', status: 504 },
  { kind: 'drop-after' },
] as const satisfies readonly CommitFault[]

interface Ended {
  readonly met: string
  readonly next: string
}

await describeWithService(['pyiceberg', 'duckdb-iceberg'], 'A commit that goes wrong', () => {
  let served: ServedLocalCatalog

  beforeAll(async () => {
    served = await openServedLocalCatalog()
  })

  afterAll(async () => {
    await served.close()
  })

  /** Rows by our scan, which fails where a file that the table names is gone. */
  async function countRows(name: string): Promise<number> {
    const { fileIO } = served
    const table = await served.catalog.loadTable(tableId(name))
    if (table === undefined) throw new Error(`no table ${name}`)
    const relation = await scanSql(await planScan({ fileIO, metadata: table.metadata }), fileIO)
    const session = await served.engine.connect()
    try {
      const [row] = await session.rows<{ n: bigint }>(
        `SELECT count(*) AS n, sum(id) FROM (${relation})`,
      )
      return Number(row?.n)
    } finally {
      session.close()
    }
  }

  /** What is right: a commit that was done stays, one that was not leaves nothing. */
  function expectRight(fault: CommitFault, ended: Ended, rowCount: number): void {
    const isDone = fault.kind !== 'refuse' || ended.met === 'ok'
    const met = isDone ? ROWS.met : 0
    expect({ next: ended.next, rowCount }).toEqual({
      next: 'ok',
      rowCount: ROWS.before + met + ROWS.next,
    })
  }

  it('leaves no table of PyIceberg broken, no row lost and none twice', async () => {
    const before = served.proxy.struckCount()
    const script = join(import.meta.dirname, 'commit-faults.py')
    const { stdout } = await runPython(script, [served.proxy.url, JSON.stringify(faults)])
    const ended = JSON.parse(stdout) as readonly Ended[]
    expect(served.proxy.struckCount() - before).toBe(faults.length)
    for (const [number, fault] of faults.entries()) {
      expectRight(fault, ended[number]!, await countRows(`market.pyiceberg_${number}`))
    }
    // A refused commit is tried again with a new snapshot, since 409 says that nothing was done.
    expect(ended[0]).toEqual({ met: 'ok', next: 'ok' })
  })

  it("leaves no table of DuckDB's extension broken, no row lost and none twice", async () => {
    const before = served.proxy.struckCount()
    const duckdb = await openForeignDuckDb(served.proxy.url)
    const insert = async (name: string, count: number): Promise<string> => {
      try {
        await duckdb.run(`INSERT INTO lake.${name} SELECT range FROM range(${count})`)
        return 'ok'
      } catch (error) {
        return String(error)
      }
    }
    try {
      await duckdb.run('CREATE SCHEMA IF NOT EXISTS lake.market')
      for (const [number, fault] of faults.entries()) {
        const name = `market.duckdb_${number}`
        await duckdb.run(`CREATE TABLE lake.${name} (id BIGINT)`)
        expect(await insert(name, ROWS.before)).toBe('ok')
        served.proxy.arm(fault)
        const met = await insert(name, ROWS.met)
        const next = await insert(name, ROWS.next)
        expectRight(fault, { met, next }, await countRows(name))
      }
    } finally {
      duckdb.close()
    }
    expect(served.proxy.struckCount() - before).toBe(faults.length)
  })
})

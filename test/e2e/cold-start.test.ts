import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePorts } from '../../stack/free-ports.ts'
import { readRows } from '../support/lake-content.ts'
import { openExistingLake } from '../support/local-lake.ts'
import { receiptProblems } from '../support/receipts.ts'
import { runInCheckout } from '../support/sluice-process.ts'

interface Report {
  readonly produced: number
  readonly committed: number
  readonly rows: Readonly<Record<string, number>>
  readonly rejected: number
  readonly duplicates: number
  readonly late: number
  readonly cuts: number
  readonly freshnessP50Ms: number
  readonly freshnessP99Ms: number
  readonly catalogUrl: string
  readonly lake: string
}

describe('npm start', () => {
  let lake: string
  let folder: string

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-start-'))
    lake = join(folder, 'lake')
  })

  afterAll(() => rm(folder, { recursive: true, force: true }))

  /** As a person types it, but for the port: several checkouts may run at once. */
  async function start(duration: string): Promise<Report> {
    const [port] = await freePorts(1)
    const args = ['start', '--', '--duration', duration, '--port', String(port), '--json']
    const { code, stdout, stderr } = await runInCheckout('npm', args, {
      env: { SLUICE_LAKE: lake },
    })
    expect(code, stderr).toBe(0)
    // npm itself says what it runs, in lines that begin with "> ".
    const lines = stdout.split('\n').filter((line) => line !== '' && !line.startsWith('> '))
    expect(lines).toHaveLength(1)
    return JSON.parse(lines[0] ?? '') as Report
  }

  const rowsOf = (report: Report, ...tables: readonly string[]): number =>
    tables.reduce((sum, table) => sum + (report.rows[table] ?? Number.NaN), 0)
  const bronze = ['bronze.trade_messages', 'bronze.quote_messages']
  const silver = ['silver.trades', 'silver.quotes']

  it('makes a lake of 20 seconds, whose numbers add up, and goes on with it the next time', async () => {
    const first = await start('20s')
    expect(first.lake).toBe(lake)
    // 200 events a second, in bursts.
    expect(first.produced).toBeGreaterThan(2000)
    expect(first.committed).toBe(first.produced)
    expect(rowsOf(first, ...bronze)).toBe(first.produced)
    expect(rowsOf(first, ...silver) + first.duplicates + first.rejected).toBe(first.produced)
    expect(rowsOf(first, 'silver.rejected_messages')).toBe(first.rejected)
    for (const count of [first.rejected, first.duplicates, first.late]) {
      expect(count).toBeGreaterThan(0)
    }
    expect(rowsOf(first, 'gold.bars')).toBeGreaterThan(0)
    expect(first.freshnessP50Ms).toBeGreaterThan(0)
    expect(first.freshnessP99Ms).toBeGreaterThanOrEqual(first.freshnessP50Ms)

    const second = await start('5s')
    expect(rowsOf(second, ...bronze)).toBe(first.produced + second.produced)
    expect(second.committed).toBe(second.produced)
    expect(await countCuts(lake)).toBe(first.cuts + second.cuts)
  })

  it('leaves receipts without a gap over both runs', async () => {
    const opened = await openExistingLake(lake)
    try {
      expect(await receiptProblems(opened)).toEqual([])
    } finally {
      await opened.close()
    }
  })
})

async function countCuts(directory: string): Promise<number> {
  const lake = await openExistingLake(directory)
  try {
    const sql = 'SELECT max(cut_number) AS n FROM t'
    const [row] = await readRows<{ n: bigint }>(lake, 'sluice.cuts', sql)
    return Number(row?.n)
  } finally {
    await lake.close()
  }
}

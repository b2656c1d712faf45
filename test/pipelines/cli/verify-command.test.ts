import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tableId } from '../../../tables/spec/table-identifier.ts'
import { createForeignWriter } from '../../support/foreign-writer.ts'
import { readContentHashes } from '../../support/lake-content.ts'
import { type LocalLake, openLocalLake } from '../../support/local-lake.ts'
import { runMarket } from '../../support/market-minutes.ts'
import { endCommand } from '../../support/run-command.ts'

let local: LocalLake
beforeAll(async () => {
  local = await openLocalLake()
  await runMarket(local.lake, { cutCount: 3 })
}, 60_000)
afterAll(() => local.close())

const verify = (...args: readonly string[]) => endCommand(local.directory, 'verify', ...args)

/** The tests work on one lake, one after the other: it is broken by the later ones. */
describe('sluice verify', () => {
  it('says of each check what it compared, and ends with 0 where nothing is wrong', async () => {
    const { stdout, exitCode } = await verify('--deep')
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/^at cut 3 of \d{4}-\d{2}-\d{2} /)
    expect(stdout).toMatch(/^bronze +fine +12 {2}messages$/m)
    expect(stdout).toMatch(/^derivation +fine +12 {2}messages$/m)
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('nothing is wrong')
  })

  it('gives rows and hash of each table and day, the same that tests compare lakes by', async () => {
    const { stdout } = await verify('--hash', '--json')
    const { cut, days } = JSON.parse(stdout) as {
      cut: number
      days: readonly { table: string; day: string; rowCount: number; hash: string }[]
    }
    expect(cut).toBe(3)
    const held = days.map((one) => [`${one.table} ${one.day}`, `${one.rowCount} ${one.hash}`])
    expect(Object.fromEntries(held)).toEqual(await readContentHashes(local.lake))
  })

  it('gives the hashes of some days alone', async () => {
    const hash = async (...range: readonly string[]) => (await verify('--hash', ...range)).stdout
    expect(await hash('--from', '2025-01-15', '--to', '2025-01-15')).toContain('silver.trades')
    expect(await hash('--from', '2025-01-16')).not.toContain('silver.trades')
    expect(await hash('--to', '2025-01-14')).not.toContain('silver.trades')
  })

  it('refuses days without hashes, and a day that is none', async () => {
    await expect(verify('--from', '2025-01-15')).rejects.toThrow('Add --hash')
    await expect(verify('--hash', '--from', 'Monday')).rejects.toThrow('2025-01-15')
  })

  it('names what is wrong, where, and what to do, and ends with 1', async () => {
    await createForeignWriter(local.lake).deleteWhere('sluice.cuts', 'cut_number = 2')
    const { stdout, exitCode } = await verify()
    expect(exitCode).toBe(1)
    expect(stdout).toMatch(/^cuts +1 wrong /m)
    expect(stdout).toContain('data-loss (cuts): sluice.cuts, cut 2\n  found  The row of cut 2')
    expect(stdout).toMatch(/^ {2}to do {2}\S/m)
    expect(stdout).toContain('note: sluice.cuts has commits of others')
  })

  it('gives the same to programs', async () => {
    const { stdout, exitCode } = await verify('--json')
    expect(exitCode).toBe(1)
    const report = JSON.parse(stdout) as { isFine: boolean; cut: number; findings: unknown[] }
    expect(report).toMatchObject({ isFine: false, cut: 3, skipped: [] })
    const finding = { check: 'cuts', kind: 'data-loss', table: 'sluice.cuts', cut: 2 }
    expect(report.findings).toContainEqual(expect.objectContaining(finding))
  })

  it('does not make a table anew that is gone', async () => {
    await local.lake.catalog.dropTable(tableId('gold.spreads'))
    const { stdout } = await verify()
    expect(stdout).toContain('data-loss (tables): gold.spreads')
    expect(await local.lake.catalog.loadTable(tableId('gold.spreads'))).toBeUndefined()
  })
})

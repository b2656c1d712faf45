import { mkdtemp, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { allTables } from '../../shared-transforms/lake-tables.ts'
import { allViews } from '../../shared-transforms/lake-views.ts'
import { freePorts } from '../../stack/free-ports.ts'
import { runSluice } from '../support/sluice-process.ts'

let folder: string
let lake: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-commands-'))
  lake = join(folder, 'lake')
  await demo('5s')
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function demo(duration: string): Promise<void> {
  const [port] = await freePorts(1)
  const options = ['--port', String(port), '--rate', '300', '--duration', duration, '--json']
  await sluice('demo', ...options)
}

const run = (...args: readonly string[]) => runSluice([...args, '--lake', lake])

/** What a command says that is fine. */
async function sluice(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(...args)
  expect(code, stderr).toBe(0)
  return stdout
}

async function json<T>(...args: readonly string[]): Promise<T> {
  return JSON.parse(await sluice(...args, '--json')) as T
}

async function scalar(sql: string, ...options: readonly string[]): Promise<string> {
  const csv = await sluice('sql', sql, '--format', 'csv', ...options)
  return csv.split('\r\n')[1] ?? ''
}

const TRADES = 'SELECT count(*) FROM silver.trades'

async function lastCut(): Promise<number> {
  const [newest] = await json<readonly { cut_number: number }[]>('cuts', '1')
  return newest?.cut_number ?? 0
}

/** Where the lake has read to; what its receipts say, and what its tables hold. */
async function books(): Promise<{ position: number; told: string; held: string }> {
  const count = (table: string) => `(SELECT count(*) FROM ${table})`
  const own = 'FILTER (source IS NULL)'
  const line = await scalar(
    `SELECT max_by(end_offset, cut_number) || ';' || sum(message_count) ${own} || ' ' || ` +
      `sum(silver_count) ${own} || ' ' || sum(rejected_count + refused_count) ${own} || ';' || ` +
      `${count('bronze.trade_messages')} + ${count('bronze.quote_messages')} || ' ' || ` +
      `${count('silver.trades')} + ${count('silver.quotes')} || ' ' || ` +
      `${count('silver.rejected_messages')} FROM sluice.cuts`,
  )
  const [position, told, held] = line.split(';')
  return { position: Number(position), told: told ?? '', held: held ?? '' }
}

describe('a person with a lake', () => {
  it('names a cut, sets the lake back, and the next run reads the stream again', async () => {
    const last = await lastCut()
    const target = Math.max(1, last - 2)
    const before = await scalar(TRADES)
    const there = await scalar(TRADES, '--cut', String(target))
    expect(await sluice('tag', 'before-it-went-wrong')).toContain(`names cut ${last},`)
    const dry = await sluice('rollback', '--cut', String(target), '--dry-run')
    expect(dry).toContain('nothing was changed')
    expect(await lastCut()).toBe(last)
    const done = await json<{ cutNumber: number; tables: readonly { table: string }[] }>(
      ...['rollback', '--cut', String(target)],
    )
    expect(done.cutNumber).toBe(last + 1)
    expect(done.tables.map(({ table }) => table)).toContain('gold.bars')
    expect(await scalar(TRADES)).toBe(there)
    expect(await scalar(TRADES, '--cut', String(last))).toBe(before)
    const tagged = `SELECT count(*) FROM silver.trades t AT (VERSION => 'before-it-went-wrong')`
    expect(await scalar(tagged)).toBe(before)
    const backThen = await books()
    expect(backThen.told).toBe(backThen.held)
    await demo('3s')
    const now = await books()
    expect(now.position).toBeGreaterThan(backThen.position)
    expect(now.told).toBe(now.held)
    expect(now.told.split(' ')[0]).toBe(String(now.position))
  })

  it('is refused cuts that it is at or that are not there, with exit code 2', async () => {
    const last = await lastCut()
    for (const cut of [last, last + 7]) {
      const { code, stderr } = await run('rollback', '--cut', String(cut))
      expect(code).toBe(2)
      expect(stderr).toMatch(/Nothing was (changed|read)/)
    }
  })

  it('lists tags and drops its own', async () => {
    await sluice('tag', 'for-now', '--cut', String(await lastCut()))
    const names = async () =>
      (await json<readonly { name: string }[]>('tag', '--list')).map(({ name }) => name)
    expect(await names()).toEqual(expect.arrayContaining(['for-now', 'before-it-went-wrong']))
    await sluice('tag', '--drop', 'for-now')
    expect(await names()).not.toContain('for-now')
    expect(await run('tag', '--drop', 'for-now')).toMatchObject({ code: 2 })
  })

  it('keeps house, and no row changes', async () => {
    const before = await books()
    const compacted = await json<readonly { table: string; addedFileCount: number }[]>(
      ...['maintain', 'compact', 'silver.trades', '--least-files', '2'],
    )
    expect(compacted).toMatchObject([{ table: 'silver.trades', addedFileCount: 1 }])
    await sluice('maintain', 'compact', 'silver.quotes', '--strategy', 'sort')
    expect(await sluice('maintain', 'manifests')).toMatch(/silver.trades +\d+ +1/)
    expect(await sluice('maintain', 'expire', '--older-than', '1ms')).toMatch(/can still be read/)
    await sluice('maintain', 'expire', '--older-than', '1ms', '--cuts')
    expect(await books()).toEqual(before)
    const tagged = `SELECT count(*) > 0 FROM silver.trades t AT (VERSION => 'before-it-went-wrong')`
    expect(await scalar(tagged)).toBe('true')
  })

  it('sees what dead writers left, and deletes it only when it says so', async () => {
    const left = join(lake, 'warehouse', 'silver', 'trades', 'data', 'left.parquet')
    await writeFile(left, 'nobody names it')
    expect(await sluice('maintain', 'orphans')).toContain('no file')
    await utimes(left, 1_700_000_000, 1_700_000_000)
    expect(await sluice('maintain', 'orphans')).toContain('left.parquet')
    expect(existsSync(left)).toBe(true)
    await sluice('maintain', 'orphans', '--delete')
    expect(existsSync(left)).toBe(false)
    expect(await run('maintain', 'orphans', '--older-than', '1h')).toMatchObject({ code: 2 })
  })

  it('adds a column of its own, and the lake goes on', async () => {
    const altered = ['alter', 'silver.trades', 'add', 'note', 'string', '--doc', 'mine']
    expect(await sluice(...altered)).toContain('is changed')
    const refused = await run('alter', 'silver.trades', 'drop', 'price')
    expect(refused).toMatchObject({ code: 2 })
    expect(refused.stderr).toContain('needs its column price')
    const before = Number(await scalar(TRADES))
    await demo('2s')
    expect(Number(await scalar(TRADES))).toBeGreaterThan(before)
    expect(await scalar('SELECT count(*) FROM silver.trades WHERE note IS NOT NULL')).toBe('0')
  })

  it('moves the folder, hears what to do, does it, and has the same lake', async () => {
    const before = await books()
    const moved = join(folder, 'moved lake')
    await rename(lake, moved)
    lake = moved
    const refused = await run('tables')
    expect(refused.code).toBe(2)
    expect(refused.stderr).toContain('sluice relocate')
    const count = allTables.length + allViews.length
    expect(await sluice('relocate')).toContain(`written anew: ${count} tables and views`)
    expect(await sluice('relocate')).toContain('nothing to do')
    expect(await books()).toEqual(before)
    await demo('2s')
    const after = await books()
    expect(after.told).toBe(after.held)
    expect(await sluice('upgrade')).toContain('nothing to do')
  })

  it('makes no lake where there is none', async () => {
    const nowhere = join(folder, 'nowhere')
    const calls = [
      ['rollback', '--cut', '1'],
      ['rollback', 'gold.bars', '--to-tag', 'x'],
      ['cherry-pick', 'gold.bars', '1'],
      ['tag', 'x'],
      ['maintain', 'compact'],
      ['alter', 'silver.trades', 'drop', 'x'],
      ['relocate'],
      ['upgrade'],
    ]
    for (const call of calls) {
      const { code, stderr } = await runSluice([...call, '--lake', nowhere])
      expect(code, call.join(' ')).toBe(2)
      expect(stderr).toContain('There is no lake')
    }
    expect(existsSync(nowhere)).toBe(false)
  })
})

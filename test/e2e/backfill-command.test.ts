import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runSluice } from '../support/sluice-process.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-backfill-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('sluice backfill', () => {
  const trade = (id: number, time: string): string =>
    `{"trade_id":"T${id}","symbol":"AAPL","price":175.5,"volume":100,` +
    `"timestamp":"${time}","trade_type":"BUY","exchange":"NASDAQ"}\n`

  const runIn = (history: string, format: string, ...files: readonly string[]) =>
    runSluice(['backfill', '--format', format, '--lake', history, '--json', ...files])

  async function countIn(history: string): Promise<string | undefined> {
    const count = ['sql', 'SELECT count(*) FROM silver.trades', '--format', 'csv']
    const { stdout } = await runSluice([...count, '--lake', history])
    return stdout.split('\r\n')[1]
  }

  it('loads files, skips them the second time, and takes once what two of them hold', async () => {
    const history = join(folder, 'history')
    const first = join(folder, 'first.json')
    const second = join(folder, 'second.json')
    const shared = trade(2, '2025-01-15T10:31:00Z')
    await writeFile(first, trade(1, '2025-01-15T10:30:00Z') + shared)
    await writeFile(second, trade(3, '2025-01-15T10:30:30Z') + shared)
    const loaded = await runIn(history, 'stock-json', first)
    expect(loaded.code, loaded.stderr).toBe(0)
    expect(JSON.parse(loaded.stdout)).toMatchObject({ partsRead: 1, messageCount: 2 })
    const again = await runIn(history, 'stock-json', first)
    expect(again.code).toBe(0)
    expect(JSON.parse(again.stdout)).toMatchObject({ partsSkipped: 1, cutCount: 0 })
    const between = await runIn(history, 'stock-json', second)
    expect(between.code, between.stderr).toBe(0)
    expect(JSON.parse(between.stdout)).toMatchObject({ partsRead: 1, messageCount: 2 })
    expect(await countIn(history)).toBe('3')
  })

  it('refuses what overlaps the lake and has no ids', async () => {
    const history = join(folder, 'without ids')
    const name = '20250115_ibm_Trade_Tick.csv'
    const print = (ms: number) => `${ms},1755000,100,NASDAQ,00000001,0\n`
    const write = async (below: string, text: string) => {
      await mkdir(join(folder, below))
      await writeFile(join(folder, below, name), text)
      return join(folder, below, name)
    }
    const first = await write('one', print(36_000_000) + print(36_060_000))
    expect((await runIn(history, 'lean-trades', first)).code).toBe(0)
    const second = await write('two', print(36_030_000))
    const overlapping = await runIn(history, 'lean-trades', second)
    expect(overlapping.code).toBe(2)
    expect(overlapping.stderr).toMatch(/no ids.*Nothing of it was committed[^]* IBM 2025-01-15/)
    expect(await countIn(history)).toBe('2')
  })

  it('takes a day over when it is asked to, killed at any of its cuts or not', async () => {
    const history = join(folder, 'taken over')
    const name = '20250115_ibm_Trade_Tick.csv'
    const write = async (below: string, count: number) => {
      await mkdir(join(folder, below))
      const print = (_: unknown, index: number) =>
        `${36_000_000 + index * 1000},1755000,100,NASDAQ,00000001,0\n`
      await writeFile(join(folder, below, name), Array.from({ length: count }, print).join(''))
      return join(folder, below, name)
    }
    expect((await runIn(history, 'lean-trades', await write('worse', 20))).code).toBe(0)
    const better = await write('better', 50)
    const args = ['backfill', '--format', 'lean-trades', '--lake', history, better, '--take-over']
    const planned = await runSluice([...args, '--dry-run'])
    expect(planned.code, planned.stderr).toBe(0)
    expect(planned.stdout).toMatch(
      /would replace:\n {2}trade us-equity IBM 2025-01-15: 20 rows of file/,
    )
    expect(planned.stdout).toMatch(/for 50 of the input/)
    // The announcement, the load, and the cut that turns the day round.
    const faults = ['staged@1', 'commitLanded@1', 'commitLanded@1', 'staged@1'] as const
    for (const fault of faults) {
      const killed = await runSluice(args, { env: { SLUICE_FAULT: fault } })
      expect(killed.stderr).toContain('SIGKILL')
      expect(await countIn(history)).toBe('20')
    }
    const landed = await runSluice(args, { env: { SLUICE_FAULT: 'commitLanded@1' } })
    expect(landed.stderr).toContain('SIGKILL')
    const done = await runSluice(args)
    expect(done.code, done.stderr).toBe(0)
    expect(done.stdout).toContain('0 files read, 1 was in the lake already')
    expect(await countIn(history)).toBe('50')
    const verified = await runSluice(['verify', '--deep', '--lake', history])
    expect(verified.code, verified.stdout).toBe(0)
    const back = await runSluice([...args.slice(0, -2), join(folder, 'worse', name), '--take-over'])
    expect(back.stdout).toContain('0 duplicates; 1 day taken over')
    expect(back.stdout).toMatch(/IBM 2025-01-15: 50 rows of file:\S+ replaced, 20 rows now\n/)
    expect(await countIn(history)).toBe('20')
    const byTrino = await runSluice([...args, '--engine', 'trino'])
    expect(byTrino.stderr).toContain('unsupported: A backfill by Trino takes no days over')
  }, 400_000)
})

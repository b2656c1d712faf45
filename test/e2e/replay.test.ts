import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Lake } from '../../pipelines/lake/lake.ts'
import { freePorts } from '../../stack/free-ports.ts'
import { isErrorKind } from '../../tables/errors.ts'
import { createForeignWriter } from '../support/foreign-writer.ts'
import { readGoldLaw } from '../support/gold-law.ts'
import { readRows } from '../support/lake-content.ts'
import { openExistingLake } from '../support/local-lake.ts'
import { receiptProblems } from '../support/receipts.ts'
import { runSluice, startSluice, type RunningSluice } from '../support/sluice-process.ts'

/** Prints of one day of history; live goes on beside it, years later. */
const PRINTS = 900
const range = ['--from', '2013-10-07', '--to', '2013-10-08']
const OF_THE_DAY = `source LIKE 'file:%'`

describe('sluice replay beside a running stream', () => {
  let folder: string
  let directory: string
  let lake: Lake
  let live: RunningSluice

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-replay-'))
    directory = join(folder, 'lake')
    const file = join(folder, '20131007_spy_Trade_Tick.csv')
    const line = (_: unknown, index: number) =>
      `${34_200_000 + index * 1000},${1_680_000 + (index % 50) * 100},100,P,0,0`
    await writeFile(file, `${Array.from({ length: PRINTS }, line).join('\n')}\n`)
    const loaded = await runSluice([
      ...['backfill', file, '--format', 'lean-trades', '--lake', directory],
    ])
    expect(loaded.code, loaded.stderr).toBe(0)
    const [port] = await freePorts(1)
    live = startSluice([...['demo', '--lake', directory, '--rate', '100', '--port', String(port)]])
    lake = await openExistingLake(directory)
    await untilClosed()
  }, 240_000)
  afterAll(async () => {
    await live.stop('SIGKILL')
    await lake.close()
    await rm(folder, { recursive: true, force: true })
  })

  /** The first cuts of the stream move the watermark from 2013 to today. */
  async function untilClosed(): Promise<void> {
    for (;;) {
      const [row] = await readRows<{ is: boolean | null }>(
        lake,
        'sluice.cuts',
        `SELECT max(watermark_ts) > TIMESTAMPTZ '2020-01-01 00:00:00+00' AS is FROM t`,
      )
      if (row?.is === true) return
    }
  }

  const replay = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    runSluice(['replay', ...range, '--lake', directory, ...args], { env })

  async function countPrints(): Promise<number> {
    const [row] = await readRows<{ n: bigint; keys: bigint }>(
      lake,
      'silver.trades',
      `SELECT count(*) AS n, count(DISTINCT (source, source_offset, source_row)) AS keys ` +
        `FROM t WHERE ${OF_THE_DAY}`,
    )
    expect(row?.keys).toBe(row?.n)
    return Number(row?.n ?? 0n)
  }

  /** As any engine: what a cut of the stream overtook is staged again on the newest state. */
  async function deleteBesideStream(condition: string): Promise<void> {
    for (;;) {
      try {
        return await createForeignWriter(lake).deleteWhere('silver.trades', condition)
      } catch (error) {
        if (!isErrorKind(error, 'commit-conflict')) throw error
      }
    }
  }

  /** What a reader sees all the time until the promise settles. */
  async function watch<T>(running: Promise<T>): Promise<{ result: T; seen: Set<number> }> {
    const seen = new Set<number>()
    const settled = new AbortController()
    const result = running.finally(() => settled.abort())
    while (!settled.signal.aborted) seen.add(await countPrints())
    return { result: await result, seen }
  }

  it('puts a day right at one instant, killed at any point of its commit or not', async () => {
    expect((await replay(['--check'])).code).toBe(0)
    const third = `${OF_THE_DAY} AND source_offset % 3 = 0`
    await deleteBesideStream(third)
    const broken = await countPrints()
    expect(broken).toBe(PRINTS - PRINTS / 3)
    const checked = await replay(['--check', '--json'])
    expect(checked.code, checked.stderr).toBe(1)
    const { days } = JSON.parse(checked.stdout) as {
      readonly days: readonly { readonly table: string; readonly isSame: boolean }[]
    }
    expect(days.find(({ table }) => table === 'silver.trades')?.isSame).toBe(false)
    for (const fault of ['dataFilesWritten', 'staged', 'commitSent']) {
      const { result, seen } = await watch(replay([], { SLUICE_FAULT: fault }))
      expect(result.code, result.stderr).toBeNull()
      expect(result.stderr).toContain(`SIGKILL at ${fault}`)
      expect([...seen]).toEqual([broken])
    }
    const landed = await watch(replay([], { SLUICE_FAULT: 'commitLanded' }))
    expect(landed.result.stderr).toContain('SIGKILL at commitLanded')
    const allowed = new Set([broken, PRINTS])
    expect([...landed.seen].filter((count) => !allowed.has(count))).toEqual([])
    expect(await countPrints()).toBe(PRINTS)
    const again = await replay([])
    expect(again.code, again.stderr).toBe(0)
    expect(again.stdout).toContain('nothing differs')
  }, 400_000)

  it('leaves receipts that add up, gold that follows silver, and a stream that ran on', async () => {
    expect(await live.stop('SIGTERM')).toBe(0)
    expect(await receiptProblems(lake)).toEqual([])
    const { held, derived } = await readGoldLaw(lake)
    expect(held).toEqual(derived)
    const modes = await readRows<{ mode: string; n: bigint; last: bigint }>(
      lake,
      'sluice.cuts',
      'SELECT mode, count(*) AS n, max(cut_number) AS last FROM t WHERE source IS NULL GROUP BY mode',
    )
    const [replayed] = modes.filter(({ mode }) => mode === 'replay')
    const [streamed] = modes.filter(({ mode }) => mode === 'demo')
    expect(replayed?.n).toBe(1n)
    expect(streamed?.last).toBeGreaterThan(replayed?.last ?? 0n)
  }, 120_000)
})

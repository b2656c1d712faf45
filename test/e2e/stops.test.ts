import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { verifyLake } from '../../pipelines/verify/verify-lake.ts'
import { freePorts } from '../../stack/free-ports.ts'
import { createForeignWriter } from '../support/foreign-writer.ts'
import { openExistingLake } from '../support/local-lake.ts'
import { readTotals, receiptProblems } from '../support/receipts.ts'
import { runSluice, startSluice, type RunningSluice } from '../support/sluice-process.ts'

/** Two cuts of a backfill. */
const LINES = 300_000

describe('processes that are asked to end, or that are one too many', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-stops-'))
  })
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true })
  })

  /** Five seconds, of a machine that has nothing else to do. */
  async function endAtSigterm(running: RunningSluice): Promise<number | null> {
    const busy = Math.max(1, (loadavg()[0] ?? 0) / availableParallelism())
    const askedMs = performance.now()
    const code = await running.stop('SIGTERM')
    expect(performance.now() - askedMs, running.output()).toBeLessThan(5000 * busy)
    return code
  }

  /** Whole, and nobody's: no lock is left behind. */
  async function expectClean(directory: string): Promise<bigint> {
    expect((await readdir(directory)).filter((name) => name.includes('lock'))).toEqual([])
    const lake = await openExistingLake(directory)
    try {
      expect(await receiptProblems(lake)).toEqual([])
      const { checks } = await verifyLake({ lake, isDeep: true })
      expect(checks.flatMap(({ findings }) => findings)).toEqual([])
      return (await readTotals(lake)).message_count
    } finally {
      await lake.close()
    }
  }

  it('are turned away where two start at once on one lake, and the other ends in time', async () => {
    const directory = join(folder, 'one of two')
    const ports = await freePorts(2)
    const args = ['demo', '--lake', directory, '--rate', '200', '--port']
    const copies = ports.map((port) => startSluice([...args, String(port)]))
    const first = await Promise.race(copies.map((copy) => copy.ended.then(() => copy)))
    const [winner] = copies.filter((copy) => copy !== first)
    expect(await first.ended, first.output()).toBe(1)
    expect(first.output()).toContain(`in use by sluice demo, process ${winner?.pid} `)
    if (winner === undefined) return
    // It is at work, whatever the other one did to the folder before it knew.
    await winner.waitFor(/[1-9][\d,]* committed|cut [1-9]/)
    expect(await endAtSigterm(winner), winner.output()).toBe(0)
    expect(await expectClean(directory)).toBeGreaterThan(0n)
  })

  it('end in time in the middle of a backfill and of a replay, which go on from there', async () => {
    const directory = join(folder, 'history')
    const file = join(folder, 'trades.jsonl')
    await writeFile(file, tradeLines())
    const filling = ['backfill', file, '--format', 'stock-json', '--lake', directory]
    const reporting = { SLUICE_FAULT: 'none' }
    const backfill = startSluice(filling, reporting)
    await backfill.waitFor(/at dataFilesWritten/)
    expect(await endAtSigterm(backfill), backfill.output()).toBe(1)
    expect(backfill.output()).toContain('Stopped before the end')
    const taken = await expectClean(directory)
    expect(taken).toBeGreaterThan(0n)
    expect(taken).toBeLessThan(BigInt(LINES))
    const rest = await runSluice(filling)
    expect(rest.code, rest.stderr).toBe(0)

    const lake = await openExistingLake(directory)
    const closed = "event_ts < TIMESTAMPTZ '2024-01-03 00:00:00+00'"
    await createForeignWriter(lake).deleteWhere('silver.trades', `price = 117 AND ${closed}`)
    await lake.close()
    const replaying = [
      ...['replay', '--from', '2024-01-01', '--to', '2024-01-03', '--chunk-days', '1'],
      ...['--lake', directory],
    ]
    const replay = startSluice(replaying, reporting)
    await replay.waitFor(/at batchFetched/)
    expect(await endAtSigterm(replay), replay.output()).toBe(1)
    expect(replay.output()).toContain('Stopped before the end')
    const replayed = await runSluice(replaying)
    expect(replayed.code, replayed.stderr).toBe(0)
    expect(await expectClean(directory)).toBe(BigInt(LINES))
  })
})

/** Three days of trades. */
function tradeLines(): string {
  const startMs = Date.UTC(2024, 0, 1)
  const stepMs = (3 * 86_400_000) / LINES
  const lines = Array.from(
    { length: LINES },
    (_, index) =>
      `{"trade_id":"T${index}","symbol":"AAPL","price":${100 + (index % 40)},"volume":10,` +
      `"timestamp":"${new Date(startMs + index * stepMs).toISOString()}",` +
      `"trade_type":"BUY","exchange":"NASDAQ"}`,
  )
  return `${lines.join('\n')}\n`
}

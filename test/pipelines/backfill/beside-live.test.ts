import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { backfill, type BackfillOptions } from '../../../pipelines/backfill/backfill.ts'
import { acquireLakeLock, readLakeHolder } from '../../../pipelines/lake/lake-lock.ts'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import type { LoopHooks } from '../../../pipelines/loop/loop-hooks.ts'
import { runMicroBatches } from '../../../pipelines/loop/run-micro-batches.ts'
import type { Source } from '../../../pipelines/sources/source.ts'
import { verifyLake } from '../../../pipelines/verify/verify-lake.ts'
import { randomIds, systemClock } from '../../../tables/clock.ts'
import { createLakeQuery } from '../../../tables/query/lake-query.ts'
import { tableId } from '../../../tables/spec/table-identifier.ts'
import { readContentHashes, readRows } from '../../support/lake-content.ts'
import { createListSource, type ListedMessage } from '../../support/list-source.ts'
import { openExistingLake, openLocalLake, type LocalLake } from '../../support/local-lake.ts'
import { openMemoryLake } from '../../support/memory-lake.ts'
import { receiptProblems } from '../../support/receipts.ts'
import { endCommand } from '../../support/run-command.ts'
import { makeLeanFolder } from './lean-files.ts'

const DAY_MS = 86_400_000
const FIRST_MS = Date.parse('2024-08-05T00:00:00Z')
/** The stream is in the fourth day: the three before it are closed. */
const STREAM_MS = FIRST_MS + 3 * DAY_MS + 60_000
const STREAM_DAY = BigInt(FIRST_MS / DAY_MS) + 3n
const folder = makeLeanFolder()
const never = new AbortController().signal

function tradeText(symbol: string, id: number, atMs: number): string {
  const data = `"e":"trade","E":${atMs},"s":"${symbol}","t":${id},"p":"5${id % 9}.5","q":"1","T":${atMs},"m":true`
  return `{"stream":"btcusdt@trade","data":{${data}}}`
}

const streamed = Array.from({ length: 400 }, (_, index): ListedMessage => {
  const atMs = STREAM_MS + index * 1000
  return {
    part: { source: 'kafka:trades', partition: 0 },
    format: 'binance-frames',
    offset: BigInt(index),
    payload: tradeText('BTCUSDT', 10_000 + index, atMs),
    receivedUs: BigInt(atMs) * 1000n,
  }
})

/** Trades of so many days from the first one on, and a line that is none. */
function historyFile(name: string, dayCount: number): string {
  const lines = Array.from({ length: 240 }, (_, index) => {
    const atMs = FIRST_MS + ((index * 7) % dayCount) * DAY_MS + index * 60_000
    return `${atMs}000000 ${tradeText('ETHUSDT', index, atMs)}\n`
  })
  const path = join(folder.path, name)
  writeFileSync(path, `${lines.join('')}no frame\n`)
  return path
}

const closed = historyFile('closed.jsonl', 2)
const reachingOut = historyFile('reaching-out.jsonl', 4)
const historyIds = Array.from({ length: 240 }, (_, index) => index)
const streamedIds = (count: number) => Array.from({ length: count }, (_, index) => 10_000 + index)

let local: LocalLake
beforeEach(async () => {
  local = await openLocalLake()
})
afterEach(() => local.close())
afterAll(() => folder.remove())

function streamInto(
  lake: Lake,
  count: number,
  batchSize: number,
  hooks: LoopHooks = {},
  wrap: (source: Source) => Source = (source) => source,
): Promise<void> {
  const { scratchDir, ids } = lake
  const messages = streamed.slice(0, count)
  const source = createListSource({ messages, batchSizes: [batchSize], scratchDir, ids })
  const limits = { rows: 1_000_000, bytes: 1_000_000_000, timeMs: 1 }
  const options = {
    lake,
    source: wrap(source),
    mode: 'live',
    writer: 'live',
    limits,
    hooks,
  } as const
  return runMicroBatches(options, never)
}

/** A run as another process makes it: over its own connection to the lake. */
async function backfillBeside(file: string, more: Partial<BackfillOptions> = {}) {
  const lake = await openExistingLake(local.directory)
  try {
    return await backfillInto(lake, file, more)
  } finally {
    await lake.close()
  }
}

function backfillInto(lake: Lake, file: string, more: Partial<BackfillOptions> = {}) {
  const limits = { rows: 40, bytes: 10_000_000, timeMs: 60_000 }
  const options = { lake, format: 'binance-frames', files: [file], writer: 'backfill' } as const
  return backfill({ ...options, isBeside: true, limits, ...more }, never)
}

async function idsIn(lake: Lake): Promise<number[]> {
  const rows = await readRows<{ id: string }>(lake, 'silver.trades', 'SELECT trade_id AS id FROM t')
  return rows.map(({ id }) => Number(id)).sort((a, b) => a - b)
}

async function committedOf(lake: Lake, mode: string) {
  return readRows<{ cut: bigint; end: bigint }>(
    lake,
    'sluice.cuts',
    `SELECT cut_number AS cut, end_offset AS "end" FROM t WHERE source IS NOT NULL AND ` +
      `mode = '${mode}' ORDER BY cut_number`,
  )
}

/** Only the first call does something. */
function once(act: () => Promise<unknown>): () => Promise<void> {
  let isDone = false
  return async () => {
    if (isDone) return
    isDone = true
    await act()
  }
}

describe('a backfill beside live', { timeout: 240_000 }, () => {
  it('goes on with it, each exact, and a reader sees every key once at any time', async () => {
    const { lake } = local
    const { catalog, engine, fileIO, manifestCache } = lake
    const query = createLakeQuery({
      ...{ catalog, engine, fileIO, manifestCache },
      cutsTable: tableId('sluice.cuts'),
    })
    const seen: number[][] = []
    const look = async () => {
      const sql =
        'SELECT (SELECT count(*) FROM silver.trades)::INT, ' +
        '(SELECT count(DISTINCT (venue, venue_symbol, trade_id, event_ts)) FROM silver.trades)::INT, ' +
        `(SELECT sum(trade_count) FROM gold.bars WHERE step = '1m')::INT`
      for await (const row of (await query.query(sql)).rows) seen.push(row as number[])
    }
    await streamInto(lake, 4, 2)
    let isLoaded = false
    const untilLoaded = (source: Source): Source => ({
      ...source,
      next: (limits, signal) =>
        isLoaded ? Promise.resolve(undefined) : source.next(limits, signal),
    })
    const loading = backfillBeside(closed, { hooks: { staged: look, commitLanded: look } }).finally(
      () => {
        isLoaded = true
      },
    )
    const streaming = streamInto(lake, streamed.length, 2, { commitLanded: look }, untilLoaded)
    const [result] = await Promise.all([loading, streaming])
    expect(result).toMatchObject({ partsRead: 1, isComplete: true })

    const live = await committedOf(lake, 'live')
    const loaded = await committedOf(lake, 'backfill')
    expect(loaded.length).toBeGreaterThan(5)
    const isBetween = ({ cut }: { cut: bigint }) =>
      cut > (loaded[0]?.cut ?? 0n) && cut < (loaded.at(-1)?.cut ?? 0n)
    expect(live.filter(isBetween).length).toBeGreaterThan(0)
    const streamedCount = Number(live.at(-1)?.end)
    expect(await idsIn(lake)).toEqual([...historyIds, ...streamedIds(streamedCount)])
    expect(await receiptProblems(lake)).toEqual([])
    const verified = await verifyLake({ lake, isDeep: true })
    expect(verified.checks.flatMap(({ findings }) => findings)).toEqual([])

    expect(seen.length).toBeGreaterThan(10)
    for (const [rows, keys, inBars] of seen) expect([keys, inBars]).toEqual([rows, rows])
    expect(seen.map(([rows]) => rows)).toEqual(seen.map(([rows = 0]) => rows).sort((a, b) => a - b))

    const straight = await openMemoryLake({ clock: systemClock })
    await streamInto(straight, streamedCount, streamedCount)
    await backfill(
      { lake: straight, format: 'binance-frames', files: [closed], writer: 'backfill' },
      never,
    )
    expect(await readContentHashes(lake)).toEqual(await readContentHashes(straight))
    await straight.close()
  })

  it('asks for the next cut once it lost one, as live does', async () => {
    const { lake, directory } = local
    await streamInto(lake, 4, 4)
    const turns: unknown[] = []
    const note = (role: 'turn' | 'stream-turn', act: () => Promise<unknown>) => {
      const first = once(act)
      return async () => {
        turns.push((await readLakeHolder(directory, role))?.purpose)
        await first()
      }
    }
    const limits = { rows: 1000, bytes: 10_000_000, timeMs: 60_000 }
    await backfillBeside(closed, {
      ...{ limits, range: { fromDay: undefined, toDay: STREAM_DAY - 2n } },
      hooks: { staged: note('turn', () => streamInto(lake, 6, 2)) },
    })
    expect(turns.splice(0)).toEqual([undefined, 'backfill'])
    await streamInto(lake, 8, 2, {
      staged: note('stream-turn', () => backfillBeside(closed, { limits })),
    })
    expect(turns).toEqual([undefined, 'live'])
    expect(await readLakeHolder(directory, 'turn')).toBeUndefined()
    expect(await readLakeHolder(directory, 'stream-turn')).toBeUndefined()
    expect(await idsIn(lake)).toEqual([...historyIds, ...streamedIds(8)])
    expect(await receiptProblems(lake)).toEqual([])
  })

  it('loses nothing where a catalog commits one table at a time', async () => {
    const lake = await openMemoryLake({ clock: systemClock, isAtomic: false })
    const limits = { rows: 1000, bytes: 10_000_000, timeMs: 60_000 }
    const firstDay = { fromDay: undefined, toDay: STREAM_DAY - 2n }
    const goOn = once(() => streamInto(lake, 6, 2))
    const load = once(() => backfillInto(lake, closed, { limits }))
    await streamInto(lake, 4, 4)
    await backfillInto(lake, closed, { limits, range: firstDay, hooks: { staged: goOn } })
    await streamInto(lake, 8, 2, { staged: load })
    expect(await idsIn(lake)).toEqual([...historyIds, ...streamedIds(8)])
    expect(await receiptProblems(lake)).toEqual([])
    await lake.close()
  })

  it('takes no day that is open, and the closed ones by --to', async () => {
    const { lake } = local
    await expect(backfillBeside(closed)).rejects.toMatchObject({ kind: 'invalid-input' })
    await streamInto(lake, 4, 4)
    await expect(backfillBeside(reachingOut)).rejects.toThrow(/2024-08-08 is still open/)
    expect(await committedOf(lake, 'backfill')).toEqual([])
    const range = { fromDay: undefined, toDay: STREAM_DAY }
    await backfillBeside(reachingOut, { range, allowedLatenessMs: 0 })
    const watermarks = await readRows(lake, 'sluice.cuts', 'SELECT DISTINCT watermark_ts FROM t')
    expect(watermarks).toHaveLength(1)
    const taken = historyIds.filter((index) => (index * 7) % 4 < 3)
    expect(await idsIn(lake)).toEqual([...taken, ...streamedIds(4)])
  })
})

describe('sluice backfill where a stream holds the lake', { timeout: 120_000 }, () => {
  const hold = (purpose: string, roles: readonly ('stream' | 'range')[]) =>
    acquireLakeLock({
      ...{ directory: local.directory, purpose, roles },
      clock: systemClock,
      ids: randomIds,
    })
  const command = (...args: readonly string[]) =>
    endCommand(local.directory, 'backfill', '--format', 'binance-frames', '--json', ...args)

  it('takes closed days beside it, and says of the others that they are open', async () => {
    await streamInto(local.lake, 4, 4)
    const stream = await hold('sluice live', ['stream'])
    const planned = await command(reachingOut, '--dry-run')
    expect(planned.exitCode).toBe(1)
    expect(JSON.parse(planned.stdout)).toMatchObject({ openDays: ['2024-08-08'], overlaps: [] })
    await expect(command(reachingOut)).rejects.toThrow(/2024-08-08 is still open/)
    const days = ['--from', '2024-08-06', '--to', '2024-08-08']
    const plannedDays = await command(reachingOut, '--dry-run', ...days)
    expect(plannedDays.exitCode).toBe(0)
    const loaded = JSON.parse((await command(reachingOut, ...days)).stdout) as object
    expect(loaded).toMatchObject({ partsRead: 1, messageCount: 120, leftOutCount: 121 })
    expect(await readLakeHolder(local.directory, 'range')).toBeUndefined()

    const replaying = await hold('sluice replay', ['range'])
    await expect(command(reachingOut, ...days)).rejects.toThrow(/in use by sluice replay/)
    await replaying.release()
    await stream.release()
    const rest = JSON.parse((await command(reachingOut)).stdout) as object
    expect(rest).toMatchObject({ partsRead: 1, messageCount: 121 })
  })
})

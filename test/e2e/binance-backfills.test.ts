import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { backfill, type BackfillResult } from '../../pipelines/backfill/backfill.ts'
import { loadHeads } from '../../pipelines/loop/loop-context.ts'
import { capturePath, captures, type Capture } from '../support/captures.ts'
import { readContentHashes, readRows } from '../support/lake-content.ts'
import { openLocalLake, type LocalLake } from '../support/local-lake.ts'
import { readTotals, receiptProblems } from '../support/receipts.ts'
import { describeWithService } from '../support/service.ts'

const MIDNIGHT_US = 1_723_161_600_000_000n

await describeWithService('data', 'backfills of the Binance captures', () => {
  let local: LocalLake

  beforeAll(async () => {
    local = await openLocalLake()
  })

  afterAll(() => local.close())

  const run = (...files: readonly string[]): Promise<BackfillResult> =>
    backfill(
      { lake: local.lake, format: 'binance-frames', files, writer: 'test' },
      new AbortController().signal,
    )

  /** Head of every table; null before the first snapshot. */
  const heads = async () =>
    [...(await loadHeads(local.lake))].map(([name, { metadata }]) => [
      name,
      metadata['current-snapshot-id'] ?? null,
      metadata['last-sequence-number'],
    ])

  const count = async (table: string, where: string) => {
    const [row] = await readRows<{ n: bigint }>(
      local.lake,
      table,
      `SELECT count(*) AS n FROM t WHERE ${where}`,
    )
    return Number(row?.n)
  }

  const expectCounts = async (loaded: readonly Capture[]) => {
    const sum = (of: (capture: Capture) => number) =>
      BigInt(loaded.reduce((total, capture) => total + of(capture), 0))
    const rows = sum(({ trades, quotes }) => trades + quotes)
    expect(await receiptProblems(local.lake)).toEqual([])
    expect(await readTotals(local.lake)).toEqual({
      ...{ message_count: sum(({ lines }) => lines), decoded_count: rows, rejected_count: 0n },
      ignored_count: sum(({ lines }) => lines) - rows,
      ...{ row_count: rows, silver_count: rows, duplicate_count: 0n, refused_count: 0n },
    })
    const trades = sum(({ trades }) => trades)
    expect(await count('silver.trades', 'true')).toBe(Number(trades))
  }

  it('takes BTC, then ETH of the 8th; 27 of their trades are of the 9th', async () => {
    expect(await run(capturePath(captures.btc8))).toMatchObject({ partsRead: 1, partsSkipped: 0 })
    await expectCounts([captures.btc8])
    expect(await run(capturePath(captures.eth8))).toMatchObject({ partsRead: 1, partsSkipped: 0 })
    await expectCounts([captures.btc8, captures.eth8])
    expect(await count('silver.trades', `epoch_us(event_ts) >= ${MIDNIGHT_US}`)).toBe(27)
  })

  it('takes the 9th of each, whose trades begin right behind, in runs of their own', async () => {
    expect(await run(capturePath(captures.btc9))).toMatchObject({ partsRead: 1, partsSkipped: 0 })
    expect(await run(capturePath(captures.eth9))).toMatchObject({ partsRead: 1, partsSkipped: 0 })
    await expectCounts(Object.values(captures))
    const ids = await readRows(
      local.lake,
      'silver.trades',
      'SELECT venue_symbol, count(*) AS n, count(DISTINCT trade_seq) AS ids, ' +
        'max(trade_seq) - min(trade_seq) + 1 AS span FROM t GROUP BY ALL ORDER BY ALL',
    )
    const lineOf = (symbol: string, n: bigint) => ({ venue_symbol: symbol, n, ids: n, span: n })
    expect(ids).toEqual([lineOf('BTCUSDT', 19_904n), lineOf('ETHUSDT', 14_515n)])
    expect(await count('gold.bars', `step = '1d' AND venue = 'binance'`)).toBe(4)
  })

  it('is left as it is by the same files again', async () => {
    const before = await heads()
    const files = Object.values(captures).map(capturePath)
    expect(await run(...files)).toEqual({
      ...{ partsRead: 0, partsSkipped: 4, leftOutCount: 0, isComplete: true },
      ...{ replacedCount: 0, takenOverDays: [], takenOver: [] },
    })
    expect(await heads()).toEqual(before)
  })

  const the9th = MIDNIGHT_US / 86_400_000_000n
  const whole = { fromDay: undefined, toDay: undefined }
  it.each([
    ['all files in one run', [whole]],
    ['all files up to the 9th, and then the rest', [{ ...whole, toDay: the9th }, whole]],
  ])('holds the same content as a lake that took %s', async (_, ranges) => {
    const other = await openLocalLake()
    try {
      const files = Object.values(captures).map(capturePath)
      for (const range of ranges) {
        await backfill(
          { lake: other.lake, format: 'binance-frames', files, range, writer: 'test' },
          new AbortController().signal,
        )
      }
      expect(await readContentHashes(other.lake)).toEqual(await readContentHashes(local.lake))
      expect(await readTotals(other.lake)).toEqual(await readTotals(local.lake))
      expect(await receiptProblems(other.lake)).toEqual([])
    } finally {
      await other.close()
    }
  })

  it('takes nothing twice of a piece of what it holds', async () => {
    const lines = gunzipSync(await readFile(capturePath(captures.btc9)))
      .toString()
      .split('\n')
    const piece = join(local.directory, '..', 'piece.jsonl')
    await writeFile(piece, `${lines.slice(20_000, 21_000).join('\n')}\n`)
    const [content, before] = [await readContentHashes(local.lake), await readTotals(local.lake)]
    expect(await run(piece)).toMatchObject({ partsRead: 1, partsSkipped: 0 })
    const after = await readTotals(local.lake)
    const rows = after.row_count - before.row_count
    expect(rows).toBeGreaterThan(0n)
    expect(after).toMatchObject({
      ...{ message_count: before.message_count + 1000n, duplicate_count: rows },
      ...{ silver_count: before.silver_count, refused_count: 0n },
    })
    expect(await readContentHashes(local.lake)).toEqual(content)
    expect(await receiptProblems(local.lake)).toEqual([])
  })
})

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { builtInModel } from '../../../shared-transforms/lake-model.ts'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import { tableInTurn } from '../../../pipelines/loop/maintain-lake.ts'
import { isTailFile } from '../../../pipelines/loop/restore-loop.ts'
import { headOf, loadHeads, planHead, planRelation } from '../../../pipelines/loop/loop-context.ts'
import { createForeignWriter, type ForeignWriter } from '../../support/foreign-writer.ts'
import { readGoldLaw } from '../../support/gold-law.ts'
import { readRows } from '../../support/lake-content.ts'
import { MARKET_START_US, runMarket, type LateTrade } from '../../support/market-minutes.ts'
import { createTestClock, openMemoryLake } from '../../support/memory-lake.ts'

const barOfMinute = (minute: number) =>
  `step = '1m' AND venue_symbol = 'AAPL' AND ` +
  `epoch_us(open_ts) = ${MARKET_START_US + BigInt(minute) * 60_000_000n}`

/** The tests work on one lake, one after the other: each starts the loop again and goes on. */
describe('the loop beside foreign commits between two cuts', () => {
  const late: LateTrade[] = []
  let lake: Lake
  let foreigner: ForeignWriter
  /** By then the first bars are sealed, in files of their own; the turn of bars comes after the next. */
  let cutCount =
    Array.from({ length: 50 }, (_, index) => 12 + index).find(
      (count) => tableInTurn({ model: builtInModel }, count + 1) === 'gold.bars',
    ) ?? 0

  beforeAll(async () => {
    lake = await openMemoryLake({ clock: createTestClock(MARKET_START_US + 172_800_000_000n) })
    foreigner = createForeignWriter(lake)
    await runMarket(lake, { cutCount })
  })
  afterAll(() => lake.close())

  /** A cut, then what somebody does, then another cut, into which a trade of `lateMinute` comes. */
  async function runWith(foreign: () => Promise<void>, lateMinute?: number): Promise<void> {
    const before = cutCount + 1
    cutCount += 2
    if (lateMinute !== undefined) {
      late.push({ cut: cutCount, minute: lateMinute, id: `late-${cutCount}` })
    }
    await runMarket(lake, { cutCount, late, afterCut: { [before]: foreign } })
  }

  async function expectLaw(): Promise<void> {
    const { held, derived } = await readGoldLaw(lake)
    expect(held).toEqual(derived)
    const twice = await readRows(
      lake,
      'gold.bars',
      'SELECT count(*) AS n FROM t GROUP BY step, venue, venue_symbol, open_ts HAVING n > 1',
    )
    expect(twice).toEqual([])
  }

  const bar = async (minute: number) => {
    const rows = await readRows<{ high: string; trade_count: bigint; revision: number }>(
      lake,
      'gold.bars',
      `SELECT high, trade_count, revision FROM t WHERE ${barOfMinute(minute)}`,
    )
    return rows
  }

  it('sees what somebody changed although its own compaction came on top of it', async () => {
    expect(tableInTurn(lake, cutCount + 1)).toBe('gold.bars')
    await runWith(() => foreigner.update('gold.bars', 'is_sealed', 'high * 2 AS high'))
    const { metadata } = headOf(await loadHeads(lake), 'gold.bars')
    const compactions = metadata.snapshots.filter(({ summary }) => summary.operation === 'replace')
    expect(compactions).toHaveLength(1)
    await expectLaw()
  })

  it('goes on where all of gold was written into new files, the tail too', async () => {
    const [before] = await bar(0)
    await runWith(() => foreigner.optimize('gold.bars'), 0)
    await expectLaw()
    const revision = (before?.revision ?? 0) + 1
    expect(await bar(0)).toMatchObject([{ trade_count: 2n, revision }])
    const sealedFiles = await planHead(lake, headOf(await loadHeads(lake), 'gold.bars'), [])
    const tasks = sealedFiles.tasks.filter(({ file }) => !isTailFile(file.filePath))
    const relation = await planRelation(lake, { ...sealedFiles, tasks })
    const session = await lake.engine.connect()
    expect(await session.rows(`SELECT step FROM ${relation} WHERE NOT is_sealed`)).toEqual([])
    session.close()
    // The watermark is in the minute before the last one.
    const seen = MARKET_START_US + BigInt(cutCount - 2) * 60_000_000n
    const unsealed = 'SELECT step FROM t WHERE NOT is_sealed AND epoch_us(close_ts) <='
    expect(await readRows(lake, 'gold.bars', `${unsealed} ${seen}`)).toEqual([])
  })

  it.each([
    ['a sealed bar', () => 1],
    ['an open bar', () => cutCount],
  ])('derives %s again that somebody changed', async (_, minuteOf) => {
    const bars = barOfMinute(minuteOf())
    await runWith(() => foreigner.update('gold.bars', bars, 'high * 2 AS high'))
    await expectLaw()
  })

  it('derives a bar again of which somebody changed no more than a quotient', async () => {
    await runWith(() => foreigner.update('gold.bars', barOfMinute(1), 'vwap * 2 AS vwap'))
    await expectLaw()
  })

  it('merges a late row into silver, not into a bar that somebody changed', async () => {
    const [before] = await bar(2)
    await runWith(
      () => foreigner.update('gold.bars', barOfMinute(2), '1000::BIGINT AS trade_count'),
      2,
    )
    await expectLaw()
    const revision = (before?.revision ?? 0) + 1
    expect(await bar(2)).toMatchObject([{ trade_count: 2n, revision }])
  })

  it('brings back bars that somebody deleted, and drops those that silver knows nothing of', async () => {
    await runWith(async () => {
      await foreigner.deleteWhere('gold.bars', barOfMinute(2))
      const like = (minute: number) => `FROM t WHERE ${barOfMinute(minute)}`
      await foreigner.insert('gold.bars', `SELECT * REPLACE ('NOBODY' AS venue_symbol) ${like(3)}`)
      await foreigner.insert('gold.bars', `SELECT * ${like(4)}`)
    })
    await expectLaw()
  })

  it('takes rows that somebody inserted into silver into gold, of new windows and of sealed ones', async () => {
    const trades = async () => {
      const [row] = await readRows<{ n: bigint }>(
        lake,
        'gold.bars',
        `SELECT sum(trade_count)::BIGINT AS n FROM t WHERE step = '1d'`,
      )
      return row?.n ?? 0n
    }
    const before = await trades()
    const shifted =
      `SELECT * EXCLUDE (n) REPLACE (trade_id || '-foreign' AS trade_id, ` +
      `event_ts + INTERVAL (n) MINUTE AS event_ts) FROM t, (VALUES (0), (-3000), (100)) AS moved(n) ` +
      `WHERE trade_id LIKE 'T3-%'`
    await runWith(() => foreigner.insert('silver.trades', shifted))
    await expectLaw()
    expect(await trades()).toBe(before + 4n + 6n)
  })

  it('takes a row for a duplicate that somebody inserted into silver before it came', async () => {
    const twin = `late-${cutCount + 2}`
    const sameTrade =
      `SELECT * REPLACE ('${twin}' AS trade_id, event_ts + INTERVAL 30 SECOND AS event_ts) ` +
      `FROM t WHERE trade_id = 'T6-AAPL'`
    await runWith(() => foreigner.insert('silver.trades', sameTrade), 6)
    const twins = `SELECT trade_id FROM t WHERE trade_id = '${twin}'`
    expect(await readRows(lake, 'silver.trades', twins)).toHaveLength(1)
    await expectLaw()
  })

  it('lets bars go or shrink whose rows somebody deleted from silver', async () => {
    const rows = `trade_id IN ('T1-AAPL', 'T4-MSFT')`
    await runWith(() => foreigner.deleteWhere('silver.trades', rows))
    await expectLaw()
    expect(await bar(1)).toEqual([])
  })

  it('derives a foreign change of quotes again in the spreads', async () => {
    const quote = `quote_id = 'Q3-AAPL'`
    await runWith(() => foreigner.update('silver.quotes', quote, 'bid_price - 1 AS bid_price'))
    await expectLaw()
  })

  it('sees at its start what somebody committed since the last cut, once', async () => {
    await foreigner.deleteWhere('silver.trades', `trade_id = 'T5-MSFT'`)
    await foreigner.optimize('gold.bars')
    await foreigner.update('gold.bars', barOfMinute(3), 'high * 2 AS high')
    cutCount += 1
    await runMarket(lake, { cutCount, late })
    await expectLaw()
    const sealed = 'SELECT * FROM t WHERE is_sealed ORDER BY ALL'
    const bars = await readRows(lake, 'gold.bars', sealed)
    cutCount += 1
    await runMarket(lake, { cutCount, late })
    expect(await readRows(lake, 'gold.bars', sealed)).toEqual(expect.arrayContaining(bars))
    await expectLaw()
  })

  it.each([
    ['silver.trades', `trade_id = 'T2-AAPL'`, 'price * 2 AS price'],
    ['gold.bars', barOfMinute(2), 'high * 2 AS high'],
  ])('sees a commit to %s that lands while its own is under way', async (...change) => {
    let isFirst = true
    const commitSent = async () => {
      if (isFirst) await foreigner.update(...change)
      isFirst = false
    }
    cutCount += 1
    await runMarket(lake, { cutCount, late, hooks: { commitSent } })
    await expectLaw()
  })

  it('goes on where every snapshot that no tag holds was expired', async () => {
    const expireAll = async () => {
      for (const name of ['gold.bars', 'silver.trades', 'bronze.trade_messages', 'sluice.cuts']) {
        await foreigner.expireSnapshots(name)
      }
    }
    await runWith(expireAll, 6)
    await expectLaw()
    await expireAll()
    cutCount += 1
    await runMarket(lake, { cutCount, late })
    await expectLaw()
  })

  it.each(['silver.trades', 'gold.bars', 'sluice.cuts'])(
    'stops where %s was rolled back behind the last cut, and says so',
    async (table) => {
      const snapshotOf = async () =>
        headOf(await loadHeads(lake), table).metadata['current-snapshot-id'] ?? 0n
      const early = await snapshotOf()
      let head = 0n
      const rolledBack = runWith(async () => {
        head = await snapshotOf()
        await foreigner.rollBackTo(table, early)
      })
      const reason = new RegExp(
        `${table} was rolled back behind cut ${cutCount - 1}:.*Nothing was committed`,
      )
      const error = { kind: 'data-loss', message: expect.stringMatching(reason) }
      await expect(rolledBack).rejects.toMatchObject(error)
      expect(await snapshotOf()).toBe(early)
      // The next start says the same, until somebody sets it right again.
      await expect(runMarket(lake, { cutCount, late })).rejects.toMatchObject(error)
      await foreigner.rollBackTo(table, head)
      await runMarket(lake, { cutCount, late })
      await expectLaw()
    },
  )
})

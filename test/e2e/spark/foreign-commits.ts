import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { backfill } from '../../../pipelines/backfill/backfill.ts'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import { headOf, loadHeads, planHead, planRelation } from '../../../pipelines/loop/loop-context.ts'
import { contentHashSql } from '../../../shared-transforms/content-hash.ts'
import { allTables } from '../../../shared-transforms/lake-tables.ts'
import type { SparkSession } from '../../../stack/spark.ts'
import { readGoldLaw } from '../../support/gold-law.ts'
import { readRows } from '../../support/lake-content.ts'
import { runMarket, type LateTrade } from '../../support/market-minutes.ts'
import { sparkHashSql } from '../../support/spark-dialect.ts'

/** The name of the lake's catalog in Spark. */
export const MARKET_CATALOG = 'market'

const BARS = `step = '1m' AND venue_symbol = 'AAPL'`
const minuteOf = (minute: number) => `open_ts = TIMESTAMP '2025-01-15 23:${40 + minute}:00'`
const compared = allTables.filter(({ name }) => /^(silver\.(trades|quotes)|gold\.)/.test(name))

/** Spark commits to a lake between two cuts of the loop; the tests go on with one lake. */
export function describeSparkForeignCommits(sparkOf: () => SparkSession, lakeOf: () => Lake): void {
  describe('between two cuts of the loop', () => {
    const late: LateTrade[] = []
    let lake: Lake
    let spark: SparkSession
    /** After so many minutes the first bars are sealed, in files of their own. */
    let cutCount = 10

    beforeAll(async () => {
      lake = lakeOf()
      spark = sparkOf()
      await runMarket(lake, { cutCount })
    })

    const named = (table: string) => `${MARKET_CATALOG}.${table}`

    /** A cut, then Spark, then another cut, into which a trade of `lateMinute` comes. */
    async function runWith(foreign: () => Promise<unknown>, lateMinute?: number): Promise<void> {
      const before = cutCount + 1
      cutCount += 2
      if (lateMinute !== undefined) {
        late.push({ cut: cutCount, minute: lateMinute, id: `late-${cutCount}` })
      }
      const between = async () => {
        await foreign()
      }
      await runMarket(lake, { cutCount, late, afterCut: { [before]: between } })
    }

    /** Gold is silver aggregated again, and Spark reads the rows that we read. */
    async function expectLaw(): Promise<void> {
      const { held, derived } = await readGoldLaw(lake)
      expect(held).toEqual(derived)
      const heads = await loadHeads(lake)
      const session = await lake.engine.connect()
      try {
        for (const table of compared) {
          const plan = await planHead(lake, headOf(heads, table.name), [])
          const sql = contentHashSql(table, await planRelation(lake, plan))
          const ours = (await session.rows<object>(sql)).map((row) =>
            Object.values(row).map(String),
          )
          const theirs = await spark.rows(sparkHashSql(table, named(table.name)))
          expect(theirs, table.name).toEqual(ours)
        }
      } finally {
        session.close()
      }
    }

    async function countTrades(condition: string): Promise<number> {
      const sql = `SELECT count(*)::INTEGER AS n FROM t WHERE ${condition}`
      const [row] = await readRows<{ n: number }>(lake, 'silver.trades', sql)
      return row?.n ?? 0
    }

    const insertLikeT6 = (id: string, shift: string) =>
      `INSERT INTO ${named('silver.trades')} SELECT venue, venue_symbol, instrument_id, ` +
      `${id} AS trade_id, trade_seq, event_ts + ${shift}, price, quantity, taker_side, ` +
      'conditions, is_rounded, source, source_partition, source_offset, source_row, received_ts, ' +
      `ingested_ts, seq_is_contiguous FROM ${named('silver.trades')} WHERE trade_id = 'T6-AAPL'`

    it('MERGE writes files of gold again, and gold is what silver says after the cut', async () => {
      const bars = named('gold.bars')
      const wrong =
        `MERGE INTO ${bars} t USING (SELECT * FROM ${bars} WHERE ${BARS} AND (${minuteOf(1)} OR ` +
        `${minuteOf(cutCount)})) s ON t.step = s.step AND t.venue_symbol = s.venue_symbol AND ` +
        't.open_ts = s.open_ts WHEN MATCHED THEN UPDATE SET t.trade_count = 1000, t.high = 1'
      await runWith(() => spark.rows(wrong), 1)
      await expectLaw()
    })

    it('INSERT into silver goes into gold, and its rows are known to the next cut', async () => {
      const twin = `late-${cutCount + 2}`
      await runWith(async () => {
        // The very trade that comes late into the next cut, and one of two days before.
        await spark.rows(insertLikeT6(`'${twin}'`, 'INTERVAL 30 SECOND'))
        await spark.rows(insertLikeT6(`'early'`, 'INTERVAL -2 DAY'))
      }, 6)
      expect(await countTrades(`trade_id = '${twin}'`)).toBe(1)
      await expectLaw()
    })

    it('DELETE and UPDATE of silver take its bars along', async () => {
      const trades = named('silver.trades')
      await runWith(async () => {
        await spark.rows(`DELETE FROM ${trades} WHERE trade_id IN ('early', 'T2-AAPL')`)
        await spark.rows(`UPDATE ${trades} SET price = price * 2 WHERE trade_id = 'T3-MSFT'`)
      })
      expect(await countTrades(`trade_id IN ('early', 'T2-AAPL')`)).toBe(0)
      await expectLaw()
    })

    it('position deletes by Spark do the same as files written again', async () => {
      const trades = named('silver.trades')
      const kinds = ['delete', 'update'].map((kind) => `'write.${kind}.mode' = 'merge-on-read'`)
      await runWith(async () => {
        await spark.rows(`ALTER TABLE ${trades} SET TBLPROPERTIES (${kinds.join(', ')})`)
        await spark.rows(`DELETE FROM ${trades} WHERE trade_id = 'T4-MSFT'`)
        await spark.rows(`UPDATE ${trades} SET price = price * 2 WHERE trade_id = 'T5-MSFT'`)
      }, 4)
      expect(await countTrades(`trade_id = 'T4-MSFT'`)).toBe(0)
      await expectLaw()
    })

    it('rewrite_data_files and expire_snapshots leave all that the loop needs', async () => {
      await runWith(async () => {
        for (const name of ['gold.bars', 'silver.trades']) {
          const all = `map('rewrite-all', 'true')`
          const where = `table => '${name}', options => ${all}`
          await spark.rows(`CALL ${MARKET_CATALOG}.system.rewrite_data_files(${where})`)
          const until = `older_than => TIMESTAMP '2100-01-01 00:00:00', retain_last => 1`
          const expire = `${MARKET_CATALOG}.system.expire_snapshots`
          await spark.rows(`CALL ${expire}(table => '${name}', ${until})`)
        }
      }, 3)
      await expectLaw()
    })

    it('a backfill knows the rows that Spark inserted', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'sluice-backfill-'))
      try {
        const file = join(folder, 'history.jsonl')
        const at = '2025-01-10T12:00:00.000Z'
        const common = { symbol: 'AAPL', price: '99.5', volume: 3, timestamp: at }
        const trade = (id: string) =>
          JSON.stringify({ trade_id: id, ...common, trade_type: 'BUY', exchange: 'NASDAQ' })
        await writeFile(file, ['H1', 'H2'].map((id) => `${trade(id)}\n`).join(''))
        await spark.rows(insertLikeT6(`'spark-1'`, 'INTERVAL -8 DAY'))
        const before = await countTrades('true')
        await backfill(
          { lake, format: 'stock-json', files: [file], writer: 'test' },
          new AbortController().signal,
        )
        expect(await countTrades('true')).toBe(before + 2)
        expect(await countTrades(`trade_id IN ('spark-1', 'H1', 'H2')`)).toBe(3)
        await expectLaw()
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    })
  })
}

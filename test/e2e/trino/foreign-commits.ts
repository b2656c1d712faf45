import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import { openLake } from '../../../pipelines/lake/open-lake.ts'
import { servedCatalogOf } from '../../../pipelines/lake/served-catalog-of.ts'
import { headOf, loadHeads } from '../../../pipelines/loop/loop-context.ts'
import { startRestServer, type RestServer } from '../../../tables/catalog/rest-server.ts'
import { randomIds, systemClock } from '../../../tables/clock.ts'
import { readGoldLaw } from '../../support/gold-law.ts'
import { readRows } from '../../support/lake-content.ts'
import { runMarket, type LateTrade } from '../../support/market-minutes.ts'
import { newTrinoCatalog, type TestTrino } from '../../support/trino.ts'

const BARS = `step = '1m' AND venue_symbol = 'AAPL'`
const minuteOf = (minute: number) => `open_ts = TIMESTAMP '2025-01-15 23:${40 + minute}:00 UTC'`

/** Trino commits to a lake between two cuts of the loop; the tests go on with one lake. */
export function describeTrinoForeignCommits(trinoOf: () => TestTrino): void {
  describe.each([2, 3] as const)('between two cuts of the loop, format version %d', (version) => {
    const catalogName = newTrinoCatalog(`loop${version}`)
    const late: LateTrade[] = []
    let folder: string
    let lake: Lake
    let server: RestServer
    let trino: TestTrino
    let cutCount = 10

    beforeAll(async () => {
      trino = trinoOf()
      folder = await mkdtemp(join(tmpdir(), 'sluice foreign-'))
      lake = await openLake({
        directory: join(folder, 'lake'),
        ...{ clock: systemClock, ids: randomIds, createIfMissing: true, formatVersion: version },
      })
      server = await startRestServer({ catalog: servedCatalogOf(lake), port: 0 })
      await trino.attach(catalogName, server.url)
      await runMarket(lake, { cutCount })
    })

    afterAll(async () => {
      await trino.detach(catalogName)
      await server.close()
      await lake.close()
      await rm(folder, { recursive: true, force: true })
    })

    const named = (table: string) => `${catalogName}.${table}`

    /** A cut, then Trino, then another cut, into which a trade of `lateMinute` comes. */
    async function runWith(foreign: () => Promise<unknown>, lateMinute?: number): Promise<void> {
      const before = cutCount + 1
      cutCount += 2
      if (lateMinute !== undefined) {
        late.push({ cut: cutCount, minute: lateMinute, id: `late-${cutCount}` })
      }
      const between = async () => {
        await foreign()
      }
      const afterCut = { [before]: between }
      await runMarket(lake, { cutCount, late, afterCut })
    }

    /** Gold is silver aggregated again, and Trino reads the gold that we read. */
    async function expectLaw(): Promise<void> {
      const { held, derived } = await readGoldLaw(lake)
      expect(held).toEqual(derived)
      const sums =
        'SELECT step, count(*) AS n, sum(trade_count)::BIGINT AS trades, max(high) AS high'
      const ours = await readRows(lake, 'gold.bars', `${sums} FROM t GROUP BY step ORDER BY step`)
      const theirs = await trino.query(
        `${sums.replace('::BIGINT', '')} FROM ${named('gold.bars')} GROUP BY step ORDER BY step`,
      )
      expect(theirs).toEqual(ours)
    }

    it('optimize puts the tail into a file of its own, and the loop takes it back', async () => {
      await runWith(() => trino.run(`ALTER TABLE ${named('gold.bars')} EXECUTE optimize`), 0)
      await expectLaw()
      const [bar] = await trino.query(
        `SELECT trade_count, revision FROM ${named('gold.bars')} WHERE ${BARS} AND ${minuteOf(0)}`,
      )
      expect(bar).toEqual({ trade_count: 2n, revision: 1 })
    })

    it('MERGE changes a sealed bar and an open one, and silver is right', async () => {
      const bars = named('gold.bars')
      const merge =
        `MERGE INTO ${bars} t USING (SELECT * FROM ${bars} WHERE ${BARS} AND (${minuteOf(1)} OR ` +
        `${minuteOf(cutCount)})) s ON t.step = s.step AND t.venue_symbol = s.venue_symbol AND ` +
        't.open_ts = s.open_ts WHEN MATCHED THEN UPDATE SET trade_count = 1000, high = 1'
      await runWith(async () => expect(await trino.run(merge)).toBe(2n), 1)
      await expectLaw()
    })

    it('INSERT into silver goes into gold, and its rows are known to the next cut', async () => {
      const trades = named('silver.trades')
      const twin = `late-${cutCount + 2}`
      const insert = (id: string, shift: string) =>
        `INSERT INTO ${trades} SELECT venue, venue_symbol, instrument_id, ${id}, trade_seq, ` +
        `event_ts + ${shift}, price, quantity, taker_side, conditions, is_rounded, source, ` +
        'source_partition, source_offset, source_row, received_ts, ingested_ts, ' +
        `seq_is_contiguous FROM ${trades} WHERE trade_id = 'T6-AAPL'`
      await runWith(async () => {
        // The very trade that comes late into the next cut, and one of two days before.
        await trino.run(insert(`'${twin}'`, `INTERVAL '30' SECOND`))
        await trino.run(insert(`'early'`, `INTERVAL '-2' DAY`))
      }, 6)
      const [twins] = await trino.query(
        `SELECT count(*) AS n FROM ${trades} WHERE trade_id = '${twin}'`,
      )
      expect(twins).toEqual({ n: 1n })
      await expectLaw()
    })

    it('DELETE from silver takes its bars along', async () => {
      const trades = named('silver.trades')
      await runWith(() => trino.run(`DELETE FROM ${trades} WHERE trade_id IN ('early', 'T2-AAPL')`))
      await expectLaw()
    })

    it('expire_snapshots leaves all that the loop needs', async () => {
      const expire = async () => {
        for (const name of ['gold.bars', 'silver.trades', 'bronze.trade_messages', 'sluice.cuts']) {
          await trino.run(
            `ALTER TABLE ${named(name)} EXECUTE expire_snapshots(retention_threshold => '0s')`,
          )
        }
      }
      await runWith(expire, 3)
      await expectLaw()
      await expire()
      cutCount += 1
      await runMarket(lake, { cutCount, late })
      await expectLaw()
    })

    it('rollback_to_snapshot behind a cut stops the loop, until it is taken back', async () => {
      const snapshotOf = async () =>
        headOf(await loadHeads(lake), 'silver.trades').metadata['current-snapshot-id'] ?? 0n
      const rollBackTo = (id: bigint) =>
        trino.run(`ALTER TABLE ${named('silver.trades')} EXECUTE rollback_to_snapshot(${id})`)
      const early = await snapshotOf()
      let head = 0n
      const stopped = runWith(async () => {
        head = await snapshotOf()
        await rollBackTo(early)
      })
      const reason = `silver.trades was rolled back behind cut ${cutCount - 1}`
      const error = { kind: 'data-loss', message: expect.stringContaining(reason) }
      await expect(stopped).rejects.toMatchObject(error)
      await expect(runMarket(lake, { cutCount, late })).rejects.toMatchObject(error)
      await rollBackTo(head)
      await runMarket(lake, { cutCount, late })
      await expectLaw()
    })
  })
}

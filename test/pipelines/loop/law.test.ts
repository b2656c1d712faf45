import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import { hashLake } from '../../../pipelines/verify/hash-lake.ts'
import { verifyLake } from '../../../pipelines/verify/verify-lake.ts'
import { readRows } from '../../support/lake-content.ts'
import { generatedHistories, type GeneratedHistory } from './generate-history.ts'
import { historyMessages } from './history-messages.ts'
import { classesOf, lawClasses } from './law-classes.ts'
import { lawPlans, STRAIGHT, type LawPlan } from './law-plan.ts'
import { expectedLake } from './law-reference.ts'
import { runLaw } from './law-run.ts'

/** Most of a run is the engine, single-threaded on so few rows: two run beside each other. */
const LANE_COUNT = 2
/** Reading a lake whole costs as much as filling it: one run in so many is verified. */
const RUNS_PER_VERIFICATION = 10
/**
 * How often each class is made at least, in so many runs. The rarest, duplicates just behind the
 * watermark, come some ten times in fifty, and a few histories make most of them.
 */
const LEAST = { times: 3, runs: 50 }

const runCount = Number(process.env.SLUICE_LAW_RUNS ?? String(LEAST.runs))

async function readTrades(lake: Lake): Promise<readonly string[]> {
  const rows = await readRows<{ line: string }>(
    lake,
    'silver.trades',
    `SELECT concat_ws(' ', venue_symbol, coalesce(trade_id, ''), epoch_us(event_ts), price, ` +
      `quantity) AS line FROM t`,
  )
  return rows.map(({ line }) => line).sort()
}

async function readGaps(lake: Lake): Promise<readonly string[]> {
  const rows = await readRows<{ line: string }>(
    lake,
    'silver.gaps',
    `SELECT concat_ws(' ', venue_symbol, from_seq, to_seq, epoch_us(from_ts), epoch_us(to_ts)) ` +
      'AS line FROM t WHERE healed_cut IS NULL',
  )
  return rows.map(({ line }) => line).sort()
}

/** What the identities are without their content. */
function withoutFacts(lines: readonly string[]): readonly string[] {
  return lines.map((line) => line.split(' ').slice(0, 3).join(' ')).sort()
}

describe('the law', () => {
  it('gives the same silver and gold for any batches, restarts, orders and memory sizes', async () => {
    const made = new Map<string, number>()
    let runs = 0
    const check = async (history: GeneratedHistory, plan: LawPlan): Promise<void> => {
      const messages = historyMessages(history)
      const expected = expectedLake(messages)
      const isVerified = runs++ % RUNS_PER_VERIFICATION === 0
      const straight = await runLaw({ history, messages, plan: STRAIGHT }, async (lake) => {
        const { days: hashes } = await hashLake({ lake })
        return { hashes, trades: await readTrades(lake), gaps: await readGaps(lake) }
      })
      expect(straight.gaps).toEqual(expected.gaps)
      const { hasRivals } = history
      if (!hasRivals) expect(straight.trades).toEqual(expected.trades)
      await runLaw({ history, messages, plan }, async (lake, run, receipts) => {
        for (const name of classesOf(run)) made.set(name, (made.get(name) ?? 0) + 1)
        const total = (name: 'rejectedCount' | 'silverCount' | 'duplicateCount' | 'refusedCount') =>
          receipts.reduce((sum, receipt) => sum + receipt[name], 0)
        expect(total('rejectedCount')).toBe(expected.rejectedCount)
        expect(total('silverCount')).toBe(expected.silverCount)
        if (hasRivals) {
          expect(withoutFacts(await readTrades(lake))).toEqual(withoutFacts(expected.trades))
        } else {
          expect(total('duplicateCount')).toBe(expected.duplicateCount)
          expect(total('refusedCount')).toBe(expected.refusedCount)
          expect((await hashLake({ lake })).days).toEqual(straight.hashes)
        }
        // Of rivals the one that stays hangs on their order: silver must follow from bronze.
        if (!isVerified && !hasRivals) return
        const { checks } = await verifyLake({ lake, isDeep: true })
        expect(checks.flatMap(({ findings }) => findings)).toEqual([])
      })
    }
    const lane = (numRuns: number) =>
      fc.assert(fc.asyncProperty(generatedHistories, lawPlans, check), {
        numRuns,
        endOnFailure: true,
      })
    await Promise.all(
      Array.from({ length: LANE_COUNT }, () => lane(Math.ceil(runCount / LANE_COUNT))),
    )
    const counts = lawClasses.map((name) => `${name}: ${made.get(name) ?? 0}`)
    console.info(`the law, ${runs} runs, made ${counts.join(', ')}`)
    const least = Math.floor((runs * LEAST.times) / LEAST.runs)
    const rare = lawClasses.filter((name) => (made.get(name) ?? 0) < least)
    expect(rare, `classes made fewer than ${least} times in ${runs} runs`).toEqual([])
  }, 1_800_000)
})

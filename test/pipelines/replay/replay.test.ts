import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import { createForeignWriter } from '../../support/foreign-writer.ts'
import { readGoldLaw } from '../../support/gold-law.ts'
import { readRows } from '../../support/lake-content.ts'
import { receiptProblems } from '../../support/receipts.ts'
import { generatedInputs, makeMessages, type GeneratedInput } from '../loop/generate-input.ts'
import { cutsOf, openReplayLake, readAll, runReplay, sealAll, stream } from './replay-lake.ts'

/** What somebody does to the rows of a table that a condition finds. */
const breakages = [
  { table: 'silver.trades', condition: `hash(source_offset) % 3 = 0`, how: 'delete' },
  { table: 'silver.trades', condition: `hash(source_offset) % 3 = 1`, how: 'update' },
  { table: 'silver.quotes', condition: `hash(source_offset) % 2 = 0`, how: 'delete' },
  { table: 'silver.rejected_messages', condition: `hash(source_offset) % 2 = 0`, how: 'delete' },
  { table: 'gold.bars', condition: `hash(open_ts) % 3 = 0`, how: 'delete' },
  { table: 'gold.bars', condition: `hash(open_ts) % 3 = 1`, how: 'update' },
  { table: 'gold.spreads', condition: `hash(open_ts) % 2 = 0`, how: 'delete' },
  { table: 'silver.trades', condition: `hash(source_offset) % 4 = 0`, how: 'copy' },
] as const

const changedColumns: Readonly<Record<string, string>> = {
  'silver.trades': 'price + 1 AS price',
  'gold.bars': 'high * 2 AS high, trade_count + 1 AS trade_count',
}

async function breakTable(lake: Lake, which: (typeof breakages)[number]): Promise<boolean> {
  const { table, condition, how } = which
  // Lean prints are of another day, which is not replayed.
  const isIn = table.startsWith('gold.') ? `venue = 'NASDAQ'` : `source LIKE 'kafka:%'`
  const where = `${condition} AND ${isIn}`
  const [row] = await readRows<{ n: bigint }>(
    lake,
    table,
    `SELECT count(*) AS n FROM t WHERE ${where}`,
  )
  if ((row?.n ?? 0n) === 0n) return false
  const foreigner = createForeignWriter(lake)
  if (how === 'delete') await foreigner.deleteWhere(table, where)
  else if (how === 'copy') await foreigner.insert(table, `SELECT * FROM t WHERE ${where}`)
  else await foreigner.update(table, where, changedColumns[table] ?? '')
  return true
}

const batches = fc.array(fc.integer({ min: 1, max: 16 }), { minLength: 1, maxLength: 4 })
const broken = fc.uniqueArray(fc.nat(breakages.length - 1), { minLength: 3, maxLength: 6 })
const runCount = Number(process.env.SLUICE_REPLAY_RUNS ?? '12')
/** Tries, at most, for a breakage that found no row in any of the runs. */
const MORE_RUNS = 20

describe('a replay of the bronze that a stream left', () => {
  it('changes nothing, and puts right whatever somebody changed', async () => {
    const made = new Map<string, number>()
    const count = (name: string) => made.set(name, (made.get(name) ?? 0) + 1)
    const check = async (
      input: GeneratedInput,
      sizes: readonly number[],
      which: readonly number[],
    ): Promise<void> => {
      const own = await openReplayLake()
      try {
        await stream(own, makeMessages(input), sizes)
        await sealAll(own)
        const straight = await readAll(own)
        expect(cutsOf(await runReplay(own))).toEqual([])
        let isBroken = false
        for (const index of which) {
          const breakage = breakages[index]
          if (breakage === undefined || !(await breakTable(own, breakage))) continue
          count(`${breakage.how} ${breakage.table}`)
          isBroken = true
        }
        const cuts = cutsOf(await runReplay(own))
        expect(cuts).toHaveLength(isBroken ? 1 : 0)
        expect(await readAll(own)).toEqual(straight)
        expect(await receiptProblems(own)).toEqual([])
        const { held, derived } = await readGoldLaw(own)
        expect(held).toEqual(derived)
        expect(cutsOf(await runReplay(own))).toEqual([])
      } finally {
        await own.close()
      }
    }
    const inputs = [generatedInputs, batches] as const
    const property = fc.asyncProperty(...inputs, broken, check)
    await fc.assert(property, { numRuns: runCount, endOnFailure: true })
    // An input may hold no row that a breakage looks for, a rejected message above all.
    for (const [index, { how, table }] of breakages.entries()) {
      const again = fc.asyncProperty(...inputs, async (input, sizes) => {
        if (!made.has(`${how} ${table}`)) await check(input, sizes, [index])
      })
      await fc.assert(again, { numRuns: MORE_RUNS, endOnFailure: true })
    }
    console.info(`replays, ${runCount} runs, broke: ${JSON.stringify(Object.fromEntries(made))}`)
    for (const { how, table } of breakages) {
      expect(made.get(`${how} ${table}`) ?? 0, `${how} ${table}`).toBeGreaterThan(0)
    }
  }, 600_000)
})

import { expect, it } from 'vitest'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import { readRows } from '../../support/lake-content.ts'
import { createTestClock, openMemoryLake } from '../../support/memory-lake.ts'
import { runList } from '../../support/run-list.ts'
import { INPUT_START_US, makeMessages, type Happening } from './generate-input.ts'

/** Its statements that make a table, of all of the engine's sessions. */
function watchTables(lake: Lake): { lake: Lake; made: string[] } {
  const made: string[] = []
  const connect: Lake['engine']['connect'] = async () => {
    const session = await lake.engine.connect()
    const run = (sql: string): Promise<void> => {
      const [, table] = /^CREATE OR REPLACE (?:TEMP )?TABLE (\w+)/.exec(sql) ?? []
      if (table !== undefined) made.push(table)
      return session.run(sql)
    }
    return { ...session, run }
  }
  return { lake: { ...lake, engine: { ...lake.engine, connect } }, made }
}

const trade = (afterMs: number): Happening => ({ what: 'trade', symbol: 0, afterMs })

/** One batch each: a kind, a verdict or a revision that no batch before it had. */
const steps: readonly Happening[] = [
  trade(0),
  { what: 'repeat', of: 0 },
  { what: 'conflict', of: 0 },
  trade(120_000),
  { what: 'late-trade', symbol: 0, behindMs: 125_000 },
  { what: 'quote', symbol: 0, afterMs: 0 },
  { what: 'kline', symbol: 1, minutesAgo: 1 },
  { what: 'broken', symbol: 0 },
  trade(120_000),
]

it('makes its tables before the first batch: later ones would void every kept plan', async () => {
  const clock = createTestClock(INPUT_START_US + 2n * 86_400_000_000n)
  const watched = watchTables(await openMemoryLake({ clock }))
  const messages = makeMessages({ happenings: steps, partitionCount: 1, hasOtherSources: false })
  await runList(watched.lake, messages.slice(0, 1), [1])
  const ofStart = watched.made.length
  const receipts = await runList(watched.lake, messages.slice(1), [1])
  expect(receipts).toHaveLength(messages.length - 1)
  const sum = (count: 'duplicateCount' | 'refusedCount' | 'rejectedCount') =>
    receipts.reduce((total, receipt) => total + receipt[count], 0)
  expect(sum('duplicateCount')).toBe(1)
  expect(sum('refusedCount')).toBe(1)
  expect(sum('rejectedCount')).toBe(1)
  expect(watched.made.slice(ofStart)).toEqual(watched.made.slice(0, ofStart))
  const revised = 'SELECT count(DISTINCT open_ts) AS n FROM t'
  expect(await readRows(watched.lake, 'gold.bar_revisions', revised)).not.toEqual([{ n: 0n }])
  await watched.lake.close()
})

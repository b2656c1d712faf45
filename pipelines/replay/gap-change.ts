import { gapsSql } from '../../shared-transforms/number-runs.ts'
import type { TableChange } from '../../tables/commit/table-change.ts'
import { isOnDays } from '../loop/find-foreign-days.ts'
import { countOpenGaps } from '../loop/gap-ledger.ts'
import type { GapFacts } from '../loop/gap-windows.ts'
import { headOf, planHead, planRelation, type LoopContext } from '../loop/loop-context.ts'
import { nextIngestedUs } from '../loop/loop-state.ts'
import { collectRuns, CONTIGUOUS, sliceTasks } from '../loop/number-runs.ts'
import { writeGapChange } from '../loop/write-gap-change.ts'
import type { ComparedSilver } from './held-silver.ts'
import { againSilver } from './judge-range.ts'

const TRADES = 'silver.trades'

/** What a replay does to silver.gaps: at most one change. */
export interface PlannedGaps {
  readonly changes: readonly TableChange[]
  readonly facts: GapFacts
}

/**
 * The change of silver.gaps where a replay changes numbers or times of trades, or others did since
 * the last cut: all of silver as it will be tells every gap anew.
 * @param compared undefined: silver stays as it is
 */
export async function planGapChange(
  context: LoopContext,
  compared: ComparedSilver | undefined,
): Promise<PlannedGaps> {
  const { session, heads, options, state, gaps } = context
  const { lake } = options
  const days = compared?.replaced.get('trade') ?? []
  if (!gaps.isForeign && !(await haveNumbersChanged(context, compared, days))) {
    return { changes: [], facts: { hasOpen: gaps.openCount > 0, isChanged: false } }
  }
  const plan = await planHead(lake, headOf(heads, TRADES), CONTIGUOUS)
  const held = sliceTasks(plan.tasks).map((tasks) => async () => {
    const rows = await planRelation(lake, { ...plan, tasks })
    return `(SELECT * FROM ${rows} WHERE NOT ${isOnDays('event_ts', days)})`
  })
  const again = () => Promise.resolve(onDays(againSilver('trade'), days))
  await collectRuns(session, 'number_runs_next', days.length === 0 ? held : [...held, again])
  await session.run(`CREATE OR REPLACE TABLE gaps_wanted AS ${gapsSql('number_runs_next')}`)
  const after = {
    cutNumber: state.cutNumber + 1,
    ingestedUs: nextIngestedUs(state, lake.clock.nowUs()),
  }
  const change = await writeGapChange(context, after, 'all')
  const hasOpen = (await countOpenGaps(session)) > 0
  return {
    changes: change === undefined ? [] : [change],
    facts: { hasOpen, isChanged: change !== undefined },
  }
}

function onDays(rows: string, days: readonly bigint[]): string {
  return `(SELECT * FROM ${rows} WHERE ${isOnDays('event_ts', days)})`
}

async function haveNumbersChanged(
  { session }: LoopContext,
  compared: ComparedSilver | undefined,
  days: readonly bigint[],
): Promise<boolean> {
  const held = compared?.held.find(({ kind }) => kind === 'trade')
  if (held === undefined || days.length === 0) return false
  const numbers = (rows: string) =>
    `(SELECT venue, venue_symbol, trade_seq, event_ts FROM ${onDays(rows, days)} ` +
    'WHERE seq_is_contiguous)'
  const [before, after] = [numbers(held.rows), numbers(againSilver('trade'))]
  const [changed] = await session.rows<{ is_changed: boolean }>(
    `SELECT count(*) > 0 AS is_changed FROM ((${before} EXCEPT ${after}) UNION ALL ` +
      `(${after} EXCEPT ${before}))`,
  )
  return changed?.is_changed === true
}

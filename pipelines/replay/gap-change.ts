import { gapsSql } from '../../shared-transforms/number-runs.ts'
import type { TableChange } from '../../tables/commit/table-change.ts'
import { isOnDays } from '../loop/find-foreign-days.ts'
import { headOf, planHead, planRelation, type LoopContext } from '../loop/loop-context.ts'
import { nextIngestedUs } from '../loop/loop-state.ts'
import { collectRuns, CONTIGUOUS, sliceTasks } from '../loop/number-runs.ts'
import { writeGapChange } from '../loop/write-gap-change.ts'
import type { ComparedSilver } from './held-silver.ts'
import { againSilver } from './judge-range.ts'

const TRADES = 'silver.trades'

/**
 * The change of silver.gaps where a replay changes numbers or times of trades, or others did since
 * the last cut: all of silver as it will be tells every gap anew. Undefined where nothing differs.
 * @param compared undefined: silver stays as it is
 */
export async function planGapChange(
  context: LoopContext,
  compared: ComparedSilver | undefined,
): Promise<TableChange | undefined> {
  const { session, heads, options, state, gaps } = context
  const { lake } = options
  const days = compared?.replaced.get('trade') ?? []
  if (!gaps.isForeign && !(await haveNumbersChanged(context, compared, days))) return undefined
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
  return writeGapChange(context, after, 'all')
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

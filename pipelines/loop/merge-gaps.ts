import { gapsSql, numberRunsMergeSql, RUN_COLUMNS } from '../../shared-transforms/number-runs.ts'
import type { HasModel } from '../../shared-transforms/lake-model.ts'
import type { TableChange } from '../../tables/commit/table-change.ts'
import { formatOf } from './derive-batch.ts'
import { countOpenGaps, type GapLedger } from './gap-ledger.ts'
import type { GapFacts } from './gap-windows.ts'
import { headOf, planHead, planRelation, type LoopContext } from './loop-context.ts'
import type { LoopState } from './loop-state.ts'
import {
  addRuns,
  collectRuns,
  CONTIGUOUS,
  insertRuns,
  NO_RUNS_SQL,
  readDense,
  sliceTasks,
  type DenseRuns,
  type NumberRun,
} from './number-runs.ts'
import type { StepSession } from './step-session.ts'
import { writeGapChange } from './write-gap-change.ts'

export interface GapChange {
  readonly change: TableChange | undefined
  readonly facts: GapFacts
  /** The ledger once the change is committed. */
  readonly ledger: GapLedger
  /** `number_runs_next` takes the place of its symbols' runs then. */
  readonly isReplaced: boolean
}

const SYMBOL = 'venue, venue_symbol'

/** Whether any of the formats numbers its trades without leaving a number out. */
export function areNumbered(of: HasModel, formatNames: Iterable<string>): boolean {
  return [...formatNames].some((name) => formatOf(of, name).idKind('trade') === 'contiguous')
}

/**
 * Takes a batch's accepted trades into account and writes what changes in silver.gaps. What the
 * loop knows is as it was until `adoptGaps`. Ordinary batches go on where the numbers ended: that
 * is seen by one query, and nothing is written.
 * @param rows a relation of accepted trades; undefined where none is of a contiguous numbering
 */
export async function mergeGaps(
  context: LoopContext,
  after: LoopState,
  rows: string | undefined,
): Promise<GapChange> {
  const { session, gaps } = context
  const { isForeign } = gaps
  const facts = { hasOpen: gaps.openCount > 0, isChanged: false }
  const same = { change: undefined, facts, ledger: gaps, isReplaced: false }
  if (rows === undefined && !isForeign) return same
  const ledger = gaps.isLoaded ? gaps : await loadRuns(context)
  const found = rows === undefined ? { dense: [], others: [] } : await readDense(session, rows)
  if (!isForeign && goesOn(ledger, found)) {
    return { ...same, ledger: withLonger(ledger, found.dense) }
  }
  await insertRuns(session, 'number_runs', [...ledger.grown.values()])
  await session.clear('number_runs_new', NO_RUNS_SQL)
  if (rows !== undefined) await addRuns(session, 'number_runs_new', rows, found)
  const scope = isForeign ? '' : ` SEMI JOIN number_runs_new USING (${SYMBOL})`
  const all =
    `(SELECT ${RUN_COLUMNS} FROM number_runs${scope} UNION ALL ` +
    `SELECT ${RUN_COLUMNS} FROM number_runs_new)`
  await session.fill('number_runs_next', numberRunsMergeSql(all))
  await session.fill('gaps_wanted', gapsSql('number_runs_next'))
  const change = await writeGapChange(context, after, isForeign ? 'all' : 'of number_runs_next')
  const lastSeqs = new Map([
    ...ledger.lastSeqs,
    ...(await readLastSeqs(session, 'number_runs_next')),
  ])
  const openCount = change === undefined ? gaps.openCount : await countOpenGaps(session)
  return {
    change,
    facts: { hasOpen: openCount > 0, isChanged: change !== undefined },
    ledger: { isLoaded: true, isForeign: false, openCount, lastSeqs, grown: new Map() },
    isReplaced: true,
  }
}

/** What the loop goes on from once the change is committed. */
export async function adoptGaps(
  session: StepSession,
  { ledger, isReplaced }: GapChange,
): Promise<GapLedger> {
  if (isReplaced) {
    await session.run(
      `DELETE FROM number_runs WHERE (${SYMBOL}) IN (SELECT (${SYMBOL}) FROM number_runs_next)`,
    )
    await session.run('INSERT INTO number_runs BY NAME SELECT * FROM number_runs_next')
  }
  return ledger
}

/** The runs of silver at the context's head. */
async function loadRuns({ session, heads, options, gaps }: LoopContext): Promise<GapLedger> {
  const { lake } = options
  const plan = await planHead(lake, headOf(heads, 'silver.trades'), CONTIGUOUS)
  const slices = sliceTasks(plan.tasks)
  await collectRuns(
    session,
    'number_runs',
    slices.map((tasks) => () => planRelation(lake, { ...plan, tasks })),
  )
  return { ...gaps, isLoaded: true, lastSeqs: await readLastSeqs(session, 'number_runs') }
}

async function readLastSeqs(session: StepSession, runs: string): Promise<Map<string, bigint>> {
  const rows = await session.rows<Pick<NumberRun, 'venue' | 'venue_symbol' | 'high_seq'>>(
    `SELECT ${SYMBOL}, max(high_seq) AS high_seq FROM ${runs} GROUP BY ${SYMBOL}`,
  )
  return new Map(rows.map((row) => [symbolKey(row), row.high_seq]))
}

function symbolKey(of: Pick<NumberRun, 'venue' | 'venue_symbol'>): string {
  return JSON.stringify([of.venue, of.venue_symbol])
}

/** Whether all that is found goes on where the numbers of its symbol ended, or is its first. */
function goesOn({ lastSeqs }: GapLedger, { dense, others }: DenseRuns): boolean {
  const isNext = (run: NumberRun) => {
    const last = lastSeqs.get(symbolKey(run))
    return last === undefined || run.low_seq === last + 1n
  }
  return others.length === 0 && dense.every(isNext)
}

function withLonger(ledger: GapLedger, runs: readonly NumberRun[]): GapLedger {
  const lastSeqs = new Map(ledger.lastSeqs)
  const grown = new Map(ledger.grown)
  for (const run of runs) {
    const key = symbolKey(run)
    const before = grown.get(key)
    const { low_seq, low_us } = before ?? run
    grown.set(key, { ...run, low_seq, low_us })
    lastSeqs.set(key, run.high_seq)
  }
  return { ...ledger, isLoaded: true, lastSeqs, grown }
}

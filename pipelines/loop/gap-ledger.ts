import type { LoadedTable } from '../../tables/catalog/catalog.ts'
import type { Session } from '../../tables/engine/engine.ts'
import type { Lake } from '../lake/lake.ts'
import { planHead, planRelation } from './loop-context.ts'
import { createRuns, type NumberRun } from './number-runs.ts'
import type { StepSession } from './step-session.ts'

/** What a row of silver.gaps says of the market. */
export const GAP_CONTENT = 'venue, venue_symbol, from_seq, to_seq, from_ts, to_ts'

/** For the planner: files of silver.gaps without an open row are not opened. */
export const OPEN_GAPS = [{ column: 'healed_cut', op: 'is-null' }] as const

/**
 * What the loop knows of missing trades: the runs of all contiguous numbers in silver, one a venue
 * symbol and one more for each gap. The engine's table `number_runs` holds them, but for how far
 * the last ones have grown since: that is told to the engine when it has to know.
 */
export interface GapLedger {
  /** The runs were read from silver; that waits for the first cut that needs them. */
  readonly isLoaded: boolean
  /** Others changed trades or gaps since the last cut, so that every gap is told anew. */
  readonly isForeign: boolean
  /** Open rows of silver.gaps; the engine's `gaps_known` has them. */
  readonly openCount: number
  /** The last number of each symbol. */
  readonly lastSeqs: ReadonlyMap<string, bigint>
  /** Runs that `number_runs` lacks, by symbol. */
  readonly grown: ReadonlyMap<string, NumberRun>
}

/**
 * The ledger for a loop that starts.
 * @param head of silver.gaps
 */
export async function createGapLedger(
  lake: Lake,
  session: StepSession,
  head: LoadedTable,
  isForeign: boolean,
): Promise<GapLedger> {
  await createRuns(session, 'number_runs')
  const openCount = await readOpenGaps(lake, session, head)
  return { isLoaded: false, isForeign, openCount, lastSeqs: new Map(), grown: new Map() }
}

/** Fills the engine's `gaps_known` with the open rows of silver.gaps; answers how many there are. */
export async function readOpenGaps(
  lake: Lake,
  session: Session,
  head: LoadedTable,
): Promise<number> {
  const plan = await planHead(lake, head, OPEN_GAPS)
  const open = await planRelation(lake, plan)
  await session.run(
    `CREATE OR REPLACE TABLE gaps_known AS SELECT DISTINCT ${GAP_CONTENT} FROM ${open} ` +
      'WHERE healed_cut IS NULL',
  )
  return countOpenGaps(session)
}

export async function countOpenGaps(session: Session): Promise<number> {
  const [count] = await session.rows<{ n: bigint }>('SELECT count(*) AS n FROM gaps_known')
  return Number(count?.n ?? 0n)
}

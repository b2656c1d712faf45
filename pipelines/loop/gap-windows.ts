import { windowSteps } from '../../shared-transforms/window-step.ts'
import { sqlName, sqlString } from '../../tables/engine/sql-text.ts'
import type { DataFile } from '../../tables/spec/manifest.ts'
import {
  heldColumnsSql,
  WINDOW_KEY_SQL,
  type GoldTable,
} from '../../shared-transforms/gold-tables.ts'
import type { GoldLookup, GoldTail } from './gold-tail.ts'
import { columnsOf, type StepSession } from './step-session.ts'

/** What a cut leaves of missing trades, for the windows that they are missing in. */
export interface GapFacts {
  /** `gaps_known` has rows: the open rows of silver.gaps after the cut. */
  readonly hasOpen: boolean
  /** The cut changes it, by `gaps_gone` and `gaps_come`. */
  readonly isChanged: boolean
}

export const NO_GAPS: GapFacts = { hasOpen: false, isChanged: false }

const KEY = WINDOW_KEY_SQL

/** Windows (a relation) with `is_complete` as the cut leaves it. */
export function judgedSql(gold: GoldTable, windows: string, { hasOpen }: GapFacts): string {
  return hasOpen
    ? gold.judgeSql(windows, 'gaps_known')
    : `SELECT *, true AS is_complete FROM ${windows}`
}

/**
 * Fills `<state>_flipped` with the committed windows that are complete now and were not, or the
 * other way round, and that no new row touches; those of sealed files go into `<state>_found` too.
 */
export async function findFlipped(
  session: StepSession,
  { gold, foreignDays }: GoldTail,
  lookup: GoldLookup,
  gaps: GapFacts,
): Promise<{ readonly flippedCount: number; readonly files: ReadonlyMap<string, DataFile> }> {
  const { state } = gold
  const fresh = foreignDays.length === 0 ? '' : ` ANTI JOIN ${state}_fresh USING (${KEY})`
  await session.fill(
    'gaps_changed',
    'SELECT venue, venue_symbol, from_ts, to_ts FROM gaps_gone WHERE nth = 1 ' +
      'UNION SELECT venue, venue_symbol, from_ts, to_ts FROM gaps_come',
  )
  // No row touches them: others are judged with what they become.
  const near = (windows: string) =>
    `(SELECT * FROM ${windows} w WHERE EXISTS (SELECT 1 FROM gaps_changed g ` +
    `WHERE g.venue = w.venue AND g.venue_symbol = w.venue_symbol AND g.from_ts < w.close_ts ` +
    `AND g.to_ts >= w.open_ts)) ANTI JOIN ${state}_partial USING (${KEY})${fresh}`
  await session.fill(
    `${state}_near`,
    `SELECT *, NULL::VARCHAR AS _file, NULL::BIGINT AS _pos FROM ${near(`${state}_tail`)}`,
  )
  const columns = (await columnsOf(session, `${state}_partial`)).map(sqlName).join(', ')
  const files = new Map<string, DataFile>()
  const [range] = await session.rows<{ low: bigint | null; high: bigint | null }>(
    'SELECT epoch_us(min(from_ts)) AS low, epoch_us(max(to_ts)) AS high FROM gaps_changed',
  )
  for (const { step, lengthUs } of windowSteps) {
    if (range === undefined || range.low === null || range.high === null) continue
    const fromUs = range.low - BigInt(lengthUs)
    const found = await lookup(gold, { step, fromUs, untilUs: range.high })
    if (found === undefined) continue
    const ofStep = `(SELECT * FROM ${gold.heldSql(found.rows)} WHERE step = ${sqlString(step)})`
    await session.run(
      `INSERT INTO ${state}_near BY NAME SELECT ${columns}, ${heldColumnsSql(gold)}, _file, _pos ` +
        `FROM ${near(ofStep)}`,
    )
    for (const [location, file] of found.files) files.set(location, file)
  }
  const judged = judgedSql(gold, `(SELECT * EXCLUDE (is_complete) FROM ${state}_near)`, gaps)
  await session.fill(
    `${state}_flipped`,
    `SELECT * FROM ${state}_near ANTI JOIN ` +
      `(SELECT ${KEY}, is_complete FROM (${judged})) USING (${KEY}, is_complete)`,
  )
  await session.run(
    `INSERT INTO ${state}_found BY NAME SELECT * FROM ${state}_flipped WHERE _file IS NOT NULL`,
  )
  const [count] = await session.rows<{ n: bigint }>(`SELECT count(*) AS n FROM ${state}_flipped`)
  return { flippedCount: Number(count?.n ?? 0n), files }
}

import { judgedSql, type GapFacts } from './gap-windows.ts'
import type { GoldTail } from './gold-tail.ts'
import { WINDOW_KEY_SQL, type GoldTable } from '../../shared-transforms/gold-tables.ts'
import { CLOSING_US, THIS_CUT } from './loop-times.ts'
import type { StepSession } from './step-session.ts'

const KEY = WINDOW_KEY_SQL
/** What the tail says of a window beside its state. */
const HELD = 'revision, is_sealed, is_repaired, known_cut, is_complete'

/**
 * Touched windows merged with what is committed of them, and the untouched rest of the tail.
 * @param isLarge see `StepSession.isLarge`
 */
export function nextTailSql(tail: GoldTail, gaps: GapFacts, isLarge: boolean): string {
  const { gold, foreignDays } = tail
  const { state } = gold
  const hasForeign = foreignDays.length > 0
  const changed = [
    `${state}_partial`,
    ...(hasForeign ? [`${state}_fresh`] : []),
    ...(gaps.isChanged && gold.isJudged ? [`${state}_flipped`] : []),
  ]
  const [first = '', ...rest] = changed.map((keys) => `SELECT ${KEY} FROM ${keys}`)
  const touched = rest.length === 0 ? `${state}_partial` : `(${[first, ...rest].join(' UNION ')})`
  const committed =
    `(SELECT * FROM ${state}_tail SEMI JOIN ${touched} USING (${KEY}) ` +
    `UNION ALL BY NAME SELECT * EXCLUDE (_file, _pos) FROM ${state}_found)`
  const others = `(SELECT * EXCLUDE (${HELD}) FROM ${committed}${andNotFresh(tail)})`
  const states = `(${statesSql(gold, others, isLarge)})`
  // Somebody may have put a window there twice: it has one history all the same.
  const history = hasForeign
    ? `(SELECT ${KEY}, max(revision) AS revision, bool_or(is_sealed) AS is_sealed, ` +
      `bool_or(is_repaired) AS is_repaired FROM ${committed} GROUP BY ${KEY})`
    : committed
  // A window that was sealed and changes is a new revision of it; an open one just goes on.
  return (
    `SELECT m.*, coalesce(c.revision + c.is_sealed::INTEGER, 0)::INTEGER AS revision, ` +
    `${isClosed('m.close_ts')} AS is_sealed, ` +
    `coalesce(c.is_sealed OR c.is_repaired, false) AS is_repaired, ` +
    `CASE WHEN ${isClosed('m.close_ts')} THEN ${THIS_CUT} END AS known_cut ` +
    `FROM (${judgedSql(gold, states, gaps)}) m LEFT JOIN ${history} c USING (${KEY}) ` +
    `UNION ALL BY NAME SELECT * REPLACE (${isClosed('close_ts')} AS is_sealed, ` +
    `CASE WHEN is_sealed THEN known_cut WHEN ${isClosed('close_ts')} THEN ${THIS_CUT} END ` +
    `AS known_cut) FROM ${state}_tail ANTI JOIN ${touched} USING (${KEY})`
  )
}

/** States of the touched windows, those of `others` (a relation) merged with them. */
function statesSql(gold: GoldTable, others: string, isLarge: boolean): string {
  const partial = `${gold.state}_partial`
  // Of a few windows each join costs more than its rows.
  if (!isLarge) {
    return gold.mergeSql(`(SELECT * FROM ${partial} UNION ALL BY NAME SELECT * FROM ${others})`)
  }
  // Most windows of a backfill are new: their states are what they were made, and grouping them
  // once more would be the dearest step of all.
  const merged = gold.mergeSql(
    `(SELECT * FROM ${partial} SEMI JOIN ${others} USING (${KEY}) ` +
      `UNION ALL BY NAME SELECT * FROM ${others})`,
  )
  return `SELECT * FROM ${partial} ANTI JOIN ${others} USING (${KEY}) UNION ALL BY NAME ${merged}`
}

/** What the next tail holds of sealed windows. */
export interface NextCounts {
  readonly sealed: bigint
  /** Repaired windows of the month that has most of them. */
  readonly repaired: bigint | null
  /** Windows that were sealed and changed in this cut. */
  readonly revised: bigint
}

export async function countNext(session: StepSession, { gold }: GoldTail): Promise<NextCounts> {
  const { state } = gold
  const [counts] = await session.rowsKept<NextCounts>(
    `SELECT (SELECT count(*) FROM ${state}_next WHERE is_sealed) AS sealed, ` +
      `(SELECT max(n) FROM (SELECT count(*) AS n FROM ${state}_next WHERE is_repaired ` +
      `GROUP BY date_trunc('month', open_ts))) AS repaired, ` +
      `(SELECT count(*) FROM ${state}_next WHERE revision > 0 AND known_cut = ${THIS_CUT}) ` +
      `AS revised`,
  )
  return counts ?? { sealed: 0n, repaired: 0n, revised: 0n }
}

/** Ends a join: windows that are derived again take nothing from what is committed. */
export function andNotFresh({ gold, foreignDays }: GoldTail): string {
  return foreignDays.length === 0 ? '' : ` ANTI JOIN ${gold.state}_fresh USING (${KEY})`
}

/** Whether a window's end is behind the watermark. */
export function isClosed(closeTs: string): string {
  return `coalesce(epoch_us(${closeTs}) <= ${CLOSING_US}, false)`
}

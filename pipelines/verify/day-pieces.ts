import type { Session } from '../../tables/engine/engine.ts'
import { DAY_US } from '../lake/utc-days.ts'

/** A run of whole UTC days, in µs since 1970: the first inclusive, the last exclusive. */
export interface DayPiece {
  readonly fromUs: bigint
  readonly untilUs: bigint
}

/** Rows of one piece: what is sorted and joined at once stays within a small machine's memory. */
const PIECE_ROWS = 2_000_000n

/**
 * Days on which any of the relations has rows, in runs of a bounded number of rows. A day is never
 * cut apart.
 * @param relations each with the time that places a row
 */
export async function dayPieces(
  session: Session,
  relations: readonly { readonly rows: string; readonly column: string }[],
): Promise<readonly DayPiece[]> {
  if (relations.length === 0) return []
  const days = relations.map(
    ({ rows, column }) =>
      `SELECT epoch_us(${column}) // ${DAY_US} AS day, count(*) AS n FROM ${rows} ` +
      `WHERE ${column} IS NOT NULL GROUP BY day`,
  )
  const counts = await session.rows<{ day: bigint; n: bigint }>(
    `SELECT day, sum(n)::BIGINT AS n FROM (${days.join(' UNION ALL ')}) GROUP BY day ORDER BY day`,
  )
  const pieces: DayPiece[] = []
  let rowCount = 0n
  let fromDay: bigint | undefined
  for (const [index, { day, n }] of counts.entries()) {
    fromDay ??= day
    rowCount += n
    const next = counts[index + 1]
    if (next !== undefined && rowCount + next.n <= PIECE_ROWS) continue
    pieces.push({ fromUs: fromDay * DAY_US, untilUs: (day + 1n) * DAY_US })
    rowCount = 0n
    fromDay = undefined
  }
  return pieces
}

/** A condition on a time: it lies in the piece, or so many µs before or behind it. */
export function isInPiece(column: string, { fromUs, untilUs }: DayPiece, reachUs = 0n): string {
  return `(epoch_us(${column}) >= ${fromUs - reachUs} AND epoch_us(${column}) < ${untilUs + reachUs})`
}

/** The same for the planner, which leaves out files. */
export function pieceFilter(column: string, { fromUs, untilUs }: DayPiece, reachUs = 0n) {
  return [
    { column, op: '>=' as const, value: fromUs - reachUs },
    { column, op: '<' as const, value: untilUs + reachUs },
  ]
}

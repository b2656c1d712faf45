import type { Session } from '../../tables/engine/engine.ts'
import { standingCuts } from './standing-cuts.ts'

/** What retentions took out of bronze. */
export interface RemovedBronze {
  /** The newest cut that did. */
  readonly cutNumber: number
  /** Its ingested_ts, µs: all that left came before it. */
  readonly ingestedUs: bigint
  /** The first day, since 1970, of which bronze has all that ever came. */
  readonly wholeFromDay: bigint
}

/**
 * Undefined where bronze keeps all that it ever took in.
 * @param cuts a relation with the columns of sluice.cuts
 */
export async function readRemovedBronze(
  session: Session,
  cuts: string,
): Promise<RemovedBronze | undefined> {
  const [row] = await session.rows<{ cut: bigint | null; us: bigint | null; day: bigint | null }>(
    `SELECT max(cut_number) AS cut, max(epoch_us(ingested_ts)) AS us, ` +
      `(max(until_day) - DATE '1970-01-01')::BIGINT AS day FROM ${cuts} ` +
      `WHERE source IS NULL AND removed_count > 0 AND ${await standingCuts(session, cuts)}`,
  )
  if (row === undefined || row.cut === null || row.us === null || row.day === null) return undefined
  return { cutNumber: Number(row.cut), ingestedUs: row.us, wholeFromDay: row.day }
}

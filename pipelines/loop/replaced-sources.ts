import type { Kind } from '../../shared-transforms/kind.ts'
import { sqlString } from '../../tables/engine/sql-text.ts'
import type { LoadedTable } from '../../tables/catalog/catalog.ts'
import type { Session } from '../../tables/engine/engine.ts'
import type { Lake } from '../lake/lake.ts'
import { fileSql } from '../sources/file-range.ts'
import { planHead, planRelation } from './loop-context.ts'
import type { StepSession } from './step-session.ts'
import { DAY_US } from '../lake/utc-days.ts'

export const TAKE_OVERS_TABLE = 'sluice.take_overs'

/**
 * The engine table of what does not count: `kind`, `venue`, `venue_symbol`, `day` (UTC, since 1970)
 * and `source`, of a file without its range.
 */
export const REPLACED_SOURCE = 'replaced_source'

/** Fills REPLACED_SOURCE from the head of sluice.take_overs; answers how many rows it has. */
export async function readReplacedSources(
  lake: Lake,
  session: Session,
  head: LoadedTable,
): Promise<number> {
  const plan = await planHead(lake, head, [])
  return fillReplacedSources(
    session,
    plan.tasks.length === 0 ? undefined : await planRelation(lake, plan),
  )
}

/** The same from a relation of its rows; undefined: there are none. */
export async function fillReplacedSources(
  session: Session,
  rows: string | undefined,
): Promise<number> {
  await session.run(
    `CREATE OR REPLACE TABLE ${REPLACED_SOURCE} (kind VARCHAR, venue VARCHAR, ` +
      'venue_symbol VARCHAR, day BIGINT, source VARCHAR)',
  )
  if (rows === undefined) return 0
  await session.run(
    `INSERT INTO ${REPLACED_SOURCE} SELECT kind, venue, venue_symbol, ` +
      `epoch_us(day::TIMESTAMP) // ${DAY_US}, source FROM ${rows} ` +
      'GROUP BY ALL HAVING NOT max_by(is_counted, cut_number)',
  )
  const [count] = await session.rows<{ n: bigint }>(`SELECT count(*) AS n FROM ${REPLACED_SOURCE}`)
  return Number(count?.n ?? 0n)
}

/** Rows of a relation of typed rows whose source does not count on their day. */
export async function countReplacedRows(
  session: StepSession,
  kind: Kind,
  rows: string,
): Promise<number> {
  const [row] = await session.rowsKept<{ n: bigint }>(
    `SELECT count(*) AS n FROM ${rows} WHERE ${isReplaced(kind)}`,
  )
  return Number(row?.n ?? 0n)
}

/** SQL: a typed row's source does not count on its day. Where REPLACED_SOURCE is filled. */
export function isReplaced(kind: Kind): string {
  return (
    `(venue, venue_symbol, epoch_us(event_ts) // ${DAY_US}, ${fileSql('source')}) IN ` +
    `(SELECT (venue, venue_symbol, day, source) FROM ${REPLACED_SOURCE} ` +
    `WHERE kind = ${sqlString(kind)})`
  )
}

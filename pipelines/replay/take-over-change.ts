import type { TableChange } from '../../tables/commit/table-change.ts'
import type { Session } from '../../tables/engine/engine.ts'
import { writeDataFiles } from '../../tables/write/write-data-files.ts'
import { writeContext } from '../loop/commit-plan.ts'
import { headOf, type LoopContext } from '../loop/loop-context.ts'
import { withAddedColumns } from '../loop/own-columns.ts'
import { REPLACED_SOURCE, TAKE_OVERS_TABLE } from '../loop/replaced-sources.ts'
import { plainChange } from '../loop/write-cut-files.ts'
import type { DayRange } from '../lake/utc-days.ts'

const KEY = 'kind, venue, venue_symbol, day, source'

/** Columns of an engine table with rows that are to go into sluice.take_overs. */
export const TAKE_OVER_COLUMNS =
  'kind VARCHAR, venue VARCHAR, venue_symbol VARCHAR, day BIGINT, source VARCHAR, is_counted BOOLEAN'

/** REPLACED_SOURCE as it will be once a range's rows are committed; answers how many rows it has. */
export async function applyTakeOver(
  session: Session,
  takeOver: string,
  range: DayRange,
): Promise<number> {
  const rows = `(SELECT * FROM ${takeOver} WHERE ${isOfRange(range)})`
  await session.run(
    `DELETE FROM ${REPLACED_SOURCE} WHERE (${KEY}) IN (SELECT (${KEY}) FROM ${rows})`,
  )
  await session.run(
    `INSERT INTO ${REPLACED_SOURCE} BY NAME SELECT ${KEY} FROM ${rows} WHERE NOT is_counted`,
  )
  const [count] = await session.rows<{ n: bigint }>(`SELECT count(*) AS n FROM ${REPLACED_SOURCE}`)
  return Number(count?.n ?? 0n)
}

/** The rows of a range for sluice.take_overs, of the context's next cut; none where there are none. */
export async function writeTakeOver(
  context: LoopContext,
  takeOver: string,
  ingestedUs: bigint,
  range?: DayRange,
): Promise<readonly TableChange[]> {
  const { session, heads, state } = context
  const { metadata } = headOf(heads, TAKE_OVERS_TABLE)
  const rows =
    `SELECT ${state.cutNumber + 1}::BIGINT AS cut_number, ` +
    `make_timestamptz(${ingestedUs}) AS ingested_ts, kind, venue, venue_symbol, ` +
    `(DATE '1970-01-01' + day::INTEGER) AS day, source, is_counted FROM ${takeOver} ` +
    `WHERE ${range === undefined ? 'true' : isOfRange(range)}`
  const files = await writeDataFiles(
    writeContext(context),
    metadata,
    withAddedColumns(session, TAKE_OVERS_TABLE, metadata, rows),
  )
  return files.length === 0 ? [] : [plainChange(TAKE_OVERS_TABLE, 'append', files)]
}

function isOfRange({ fromDay, toDay }: DayRange): string {
  return `day >= ${fromDay} AND day < ${toDay}`
}

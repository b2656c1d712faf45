import { sqlString } from '../../tables/engine/sql-text.ts'
import type { StepSession } from './step-session.ts'
import type { FileRange } from '../sources/file-range.ts'
import { DAY_US } from '../lake/utc-days.ts'

/** Which days of a source are taken, by its name. Sources that are not named are taken whole. */
export type TakenRanges = ReadonlyMap<string, FileRange>

const POSITION = 'source, source_partition, source_offset'

/** Says to the engine which days are taken; once, before the first batch. */
export async function setTakenRanges(session: StepSession, ranges: TakenRanges): Promise<void> {
  await session.run(
    'CREATE OR REPLACE TABLE taken_range (source VARCHAR, low BIGINT, high BIGINT, ' +
      'takes_untimed BOOLEAN)',
  )
  const rows = [...ranges].map(([source, { fromDay, toDay }]) => {
    const edge = (day: bigint | undefined) => (day === undefined ? 'NULL' : String(day * DAY_US))
    const takesUntimed = fromDay === undefined
    return `(${sqlString(source)}, ${edge(fromDay)}, ${edge(toDay)}, ${takesUntimed})`
  })
  if (rows.length > 0) await session.run(`INSERT INTO taken_range VALUES ${rows.join(', ')}`)
}

/**
 * Takes messages out of a derived batch whose event time, as bronze has it, is not of the days that
 * are taken of their source. One that has none is of the range without a first day. A message of
 * several rows goes by its first one: it is taken whole, or not at all.
 * Answers how many were taken out.
 */
export async function leaveOut(session: StepSession): Promise<number> {
  const times = session.model.kinds.map(
    (kind) => `SELECT ${POSITION}, event_ts FROM decoded_${kind} WHERE source_row = 0`,
  )
  const isTaken =
    `CASE WHEN event_ts IS NULL THEN takes_untimed ` +
    `ELSE epoch_us(event_ts) >= coalesce(low, epoch_us(event_ts)) AND ` +
    `(high IS NULL OR epoch_us(event_ts) < high) END`
  await session.run(
    `CREATE OR REPLACE TABLE left_out AS SELECT ${POSITION} FROM ` +
      `(SELECT ${POSITION} FROM routed SEMI JOIN taken_range USING (source)) ` +
      `LEFT JOIN (${times.join(' UNION ALL ')}) USING (${POSITION}) ` +
      `JOIN taken_range USING (source) WHERE NOT ${isTaken}`,
  )
  const [row] = await session.rows<{ n: bigint }>('SELECT count(*) AS n FROM left_out')
  if ((row?.n ?? 0n) === 0n) return 0
  const isLeftOut = `(${POSITION}) IN (SELECT (${POSITION}) FROM left_out)`
  for (const table of ['routed', ...session.model.kinds.map((kind) => `decoded_${kind}`)]) {
    await session.run(`DELETE FROM ${table} WHERE ${isLeftOut}`)
  }
  return Number(row?.n)
}

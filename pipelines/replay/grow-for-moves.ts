import { SluiceError } from '../../tables/errors.ts'
import { isOnDays } from '../loop/find-foreign-days.ts'
import type { LoopContext } from '../loop/loop-context.ts'
import type { StepSession } from '../loop/step-session.ts'
import { POSITION } from './derive-range.ts'
import { holdSilver, type ComparedSilver } from './held-silver.ts'
import { againSilver } from './judge-range.ts'
import { DAY_US, dayText, isInRange, withMargin, type DayRange } from '../lake/utc-days.ts'

const dayOf = (time: string) => `epoch_us(${time}) // ${DAY_US} AS day`

/**
 * The range, grown by days that its rows move to or come from, as after a change of how times are
 * read: if only one of a row's two days were replaced, it would be lost, or there twice. Undefined
 * where none moves.
 * @param limit the whole range that is to be replayed
 * @throws SluiceError `invalid-input` where a row moves over the limit's edge.
 */
export async function growForMoves(
  context: LoopContext,
  range: DayRange,
  compared: ComparedSilver,
  limit: DayRange,
): Promise<DayRange | undefined> {
  const { session } = context
  await listMissing(session, compared)
  const [moved] = await session.rows<{ low: bigint | null; high: bigint | null; n: bigint }>(
    `SELECT min(day) AS low, max(day) AS high, count(*) AS n FROM (${leavingSql(session)} UNION ALL ` +
      `${await comingSql(context, range)}) WHERE day < ${range.fromDay} OR day >= ${range.toDay}`,
  )
  if (moved === undefined || moved.low === null || moved.high === null) return undefined
  const grown = {
    fromDay: moved.low < range.fromDay ? moved.low : range.fromDay,
    toDay: moved.high >= range.toDay ? moved.high + 1n : range.toDay,
  }
  if (grown.fromDay >= limit.fromDay && grown.toDay <= limit.toDay) return grown
  throw new SluiceError(
    'invalid-input',
    `${moved.n} rows move between the days from ${dayText(range.fromDay)} to ` +
      `${dayText(range.toDay)} and days outside of what is to be replayed: they would be lost, or ` +
      'there twice. Nothing of it was changed. Replay these days together: ' +
      `--from ${dayText(grown.fromDay)} --to ${dayText(grown.toDay)}.`,
  )
}

/** Rows that only one side has: `missing_after` are committed, `missing_before` are to come. */
async function listMissing(
  session: StepSession,
  { held, replaced }: ComparedSilver,
): Promise<void> {
  const row = `SELECT ${POSITION}, source_row`
  const sides = held.map(({ kind, rows }) => {
    const onDays = isOnDays('event_ts', replaced.get(kind) ?? [])
    return {
      old: `${row} FROM ${rows} WHERE ${onDays}`,
      young: `${row} FROM ${againSilver(kind)} WHERE ${onDays}`,
    }
  })
  const old = sides.map((side) => side.old).join(' UNION ALL ')
  const young = sides.map((side) => side.young).join(' UNION ALL ')
  await session.run(`CREATE OR REPLACE TABLE missing_after AS (${old}) EXCEPT (${young})`)
  await session.run(`CREATE OR REPLACE TABLE missing_before AS (${young}) EXCEPT (${old})`)
}

/**
 * Days of rows that leave: their message is neither ignored nor refused now, and the range has no
 * row of it. The day is told by the row where the message is of the range, else by bronze.
 */
function leavingSql({ model }: StepSession): string {
  const { kinds } = model
  const refuted = kinds.map((kind) => `SELECT ${POSITION} FROM again_refuted_${kind}`)
  const found = kinds.map((kind) => `SELECT ${POSITION} FROM ${againSilver(kind)}`)
  const known = [...refuted, ...found, `SELECT ${POSITION} FROM again_refused`].join(' UNION ALL ')
  return (
    `SELECT ${dayOf('coalesce(e.event_ts, m.event_ts)')} FROM missing_after ` +
    `ANTI JOIN (${known}) USING (${POSITION}) ` +
    `JOIN (SELECT * FROM again_message WHERE NOT is_ignored) m USING (${POSITION}) ` +
    `LEFT JOIN again_elsewhere e USING (${POSITION})`
  )
}

/** Days beside the range whose silver holds rows that are to come into it. */
async function comingSql(context: LoopContext, range: DayRange): Promise<string> {
  const { session } = context
  const none = 'SELECT NULL::BIGINT AS day WHERE false'
  const [count] = await session.rows<{ n: bigint }>('SELECT count(*) AS n FROM missing_before')
  if ((count?.n ?? 0n) === 0n) return none
  const selects: string[] = []
  for (const kind of session.model.kinds) {
    const { rows } = await holdSilver(context, kind, withMargin(range))
    selects.push(
      `SELECT ${dayOf('event_ts')} FROM ${rows} ` +
        `SEMI JOIN missing_before USING (${POSITION}, source_row) ` +
        `WHERE NOT ${isInRange('event_ts', range)}`,
    )
  }
  return selects.join(' UNION ALL ')
}

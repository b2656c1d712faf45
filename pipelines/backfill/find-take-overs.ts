import type { Session } from '../../tables/engine/engine.ts'
import { sqlString } from '../../tables/engine/sql-text.ts'
import { IDENTITY_HORIZON_US } from '../../shared-transforms/duplicates.ts'
import { REPLACED_SOURCE } from '../loop/replaced-sources.ts'
import { TAKE_OVER_COLUMNS } from '../replay/take-over-change.ts'
import { DAY_US, dayText, type DayRange } from '../lake/utc-days.ts'
import { fileSql } from '../sources/file-range.ts'
import { HELD_RANGE, IS_OVERLAPPING } from './find-overlaps.ts'
import { INPUT_RANGE } from './read-input.ts'

/** Rows of a source in the lake that stop to count on a day of a symbol, as the input takes it over. */
export interface ReplacedRows {
  readonly kind: string
  readonly venue: string
  readonly venueSymbol: string
  /** UTC day, `YYYY-MM-DD`. */
  readonly day: string
  readonly source: string
  /** Rows of silver that leave it. */
  readonly rowCount: number
  /** Good rows of the input on that day. */
  readonly inputRowCount: number
}

/** A day of a symbol that was taken over. */
export interface TakenOverDay extends Pick<ReplacedRows, 'kind' | 'venue' | 'venueSymbol' | 'day'> {
  /** Sources that count no more, and the rows that each had in silver when the run began. */
  readonly replaced: readonly { readonly source: string; readonly rowCount: number }[]
  /** Rows of silver afterwards, of all sources that count. */
  readonly rowCount: number
}

/** The engine table with the rows of the cuts that turn days round, as TAKE_OVER_COLUMNS. */
export const TURNED = 'take_over_turned'

/** The same of sources that are announced: they do not count until their days are turned round. */
export const ANNOUNCED = 'take_over_announced'

/**
 * The same of files of the input that an earlier run began as if nothing stood against them: they
 * count until now, and not until their days are turned round.
 */
export const WITHDRAWN = 'take_over_withdrawn'

const DAY_KEY = 'kind, venue, venue_symbol, day'
const KEY = `${DAY_KEY}, source`

/**
 * Fills TURNED, ANNOUNCED and WITHDRAWN. A day is taken over where the input overlaps another source of the
 * lake and one of both has no ids, and where a file of the input does not count: a run was stopped
 * before its end, or another took over since. INPUT_RANGE must hold the input from its beginning,
 * HELD_RANGE and REPLACED_SOURCE what the lake holds.
 *
 * On such a day all files of the input count, and none of the sources that overlap. A file of which
 * rows are in silver already cannot be announced: only a replay of the day takes them out again. It
 * is withdrawn where more of it comes, so that nobody sees both sources grow; what is there as a whole
 * stays.
 * @param files names without a range: all of the input, and those of which there is more to read
 */
export async function findTakeOvers(
  session: Session,
  files: { readonly own: readonly string[]; readonly unread: readonly string[] },
): Promise<readonly ReplacedRows[]> {
  const own = `(${files.own.map(sqlString).join(', ')})`
  await session.run(
    `CREATE OR REPLACE TABLE take_over_input AS SELECT ${DAY_KEY}, ${fileSql('source')} AS source, ` +
      `sum(n)::BIGINT AS n FROM ${INPUT_RANGE} GROUP BY ALL`,
  )
  await session.run(
    `CREATE OR REPLACE TABLE take_over_loser AS SELECT ${KEY}, sum(n)::BIGINT AS n FROM ` +
      `(SELECT ${DAY_KEY}, ${fileSql('source')} AS source, n FROM ${HELD_RANGE}) ` +
      `SEMI JOIN (SELECT ${DAY_KEY}, ${fileSql('h.source')} AS source FROM ${INPUT_RANGE} i ` +
      `JOIN ${HELD_RANGE} h USING (${DAY_KEY}) WHERE ${IS_OVERLAPPING}) USING (${KEY}) ` +
      `WHERE source NOT IN ${own} GROUP BY ALL`,
  )
  await session.run(
    `CREATE OR REPLACE TABLE take_over_winner AS SELECT * FROM take_over_input ` +
      `SEMI JOIN (SELECT ${DAY_KEY} FROM take_over_loser UNION SELECT ${DAY_KEY} ` +
      `FROM take_over_input SEMI JOIN ${REPLACED_SOURCE} USING (${KEY})) USING (${DAY_KEY})`,
  )
  await session.run(`CREATE OR REPLACE TABLE ${ANNOUNCED} (${TAKE_OVER_COLUMNS})`)
  await session.run(
    `INSERT INTO ${ANNOUNCED} SELECT ${KEY}, false FROM take_over_winner ` +
      `ANTI JOIN (SELECT ${DAY_KEY}, ${fileSql('source')} AS source FROM ${HELD_RANGE}) ` +
      `USING (${KEY}) ANTI JOIN ${REPLACED_SOURCE} USING (${KEY})`,
  )
  await findWithdrawn(session, files.unread)
  await session.run(`CREATE OR REPLACE TABLE ${TURNED} (${TAKE_OVER_COLUMNS})`)
  await session.run(
    `INSERT INTO ${TURNED} SELECT ${KEY}, false FROM take_over_loser UNION ALL ` +
      `SELECT ${KEY}, true FROM take_over_winner`,
  )
  return readReplaced(session)
}

async function findWithdrawn(session: Session, unread: readonly string[]): Promise<void> {
  await session.run(`CREATE OR REPLACE TABLE ${WITHDRAWN} (${TAKE_OVER_COLUMNS})`)
  if (unread.length === 0) return
  await session.run(
    `INSERT INTO ${WITHDRAWN} SELECT ${KEY}, false FROM take_over_winner w ` +
      `JOIN (SELECT ${DAY_KEY}, ${fileSql('source')} AS source, sum(n) AS held ` +
      `FROM ${HELD_RANGE} GROUP BY ALL) USING (${KEY}) ` +
      `SEMI JOIN take_over_loser USING (${DAY_KEY}) ANTI JOIN ${REPLACED_SOURCE} USING (${KEY}) ` +
      `WHERE held < w.n AND source IN (${unread.map(sqlString).join(', ')})`,
  )
}

async function readReplaced(session: Session): Promise<ReplacedRows[]> {
  const rows = await session.rows<{
    kind: string
    venue: string
    venue_symbol: string
    day: bigint
    source: string
    n: bigint
    input: bigint
  }>(
    `SELECT l.*, i.input FROM take_over_loser l JOIN (SELECT ${DAY_KEY}, sum(n)::BIGINT AS input ` +
      `FROM take_over_input GROUP BY ALL) i USING (${DAY_KEY}) ORDER BY ${KEY}`,
  )
  return rows.map((row) => ({
    ...{ kind: row.kind, venue: row.venue, venueSymbol: row.venue_symbol },
    ...{ day: dayText(row.day), source: row.source },
    ...{ rowCount: Number(row.n), inputRowCount: Number(row.input) },
  }))
}

/**
 * The days to be derived again as runs without a hole, ascending: those of TURNED or WITHDRAWN, and
 * beside them those on which its rows decide. A quote whose event time is its receive time shuts others out that
 * lie a minute from it, over midnight too.
 */
export async function rangesToDerive(
  session: Session,
  rows: typeof TURNED | typeof WITHDRAWN,
): Promise<DayRange[]> {
  const edges =
    `SELECT day, low, high FROM (SELECT *, ${fileSql('source')} AS file FROM ` +
    `(SELECT * FROM ${HELD_RANGE} UNION ALL SELECT * FROM ${INPUT_RANGE})) r ` +
    `SEMI JOIN ${rows} t ON r.kind = t.kind AND r.venue = t.venue ` +
    `AND r.venue_symbol = t.venue_symbol AND r.day = t.day AND r.file = t.source ` +
    `WHERE kind = 'quote' AND n > without_id`
  const days = await session.rows<{ day: bigint }>(
    `SELECT day FROM ${rows} UNION ` +
      `SELECT (low - ${IDENTITY_HORIZON_US}) // ${DAY_US} FROM (${edges}) UNION ` +
      `SELECT (high + ${IDENTITY_HORIZON_US}) // ${DAY_US} FROM (${edges}) ORDER BY day`,
  )
  const ranges: { fromDay: bigint; toDay: bigint }[] = []
  for (const { day } of days) {
    const last = ranges.at(-1)
    if (last?.toDay === day) last.toDay = day + 1n
    else ranges.push({ fromDay: day, toDay: day + 1n })
  }
  return ranges
}

/**
 * The days of TURNED within the ranges, once their cuts are committed and HELD_RANGE was read again
 * behind them.
 */
export async function readTakenOver(
  session: Session,
  ranges: readonly DayRange[],
): Promise<TakenOverDay[]> {
  const isDone = ranges.map(({ fromDay, toDay }) => `day >= ${fromDay} AND day < ${toDay}`)
  if (isDone.length === 0) return []
  const rows = await session.rows<{
    kind: string
    venue: string
    venue_symbol: string
    day: bigint
    source: string | null
    n: bigint | null
    held: bigint | null
  }>(
    `SELECT t.*, l.source, l.n, h.held FROM (SELECT DISTINCT ${DAY_KEY} FROM ${TURNED} ` +
      `WHERE ${isDone.join(' OR ')}) t LEFT JOIN take_over_loser l USING (${DAY_KEY}) LEFT JOIN ` +
      `(SELECT ${DAY_KEY}, sum(n)::BIGINT AS held FROM ${HELD_RANGE} GROUP BY ALL) h ` +
      `USING (${DAY_KEY}) ORDER BY ${DAY_KEY}, l.source`,
  )
  const days = new Map<
    string,
    TakenOverDay & { replaced: { source: string; rowCount: number }[] }
  >()
  for (const { kind, venue, venue_symbol: venueSymbol, day: number, source, n, held } of rows) {
    const day = dayText(number)
    const key = JSON.stringify([kind, venue, venueSymbol, day])
    const told = days.get(key) ?? {
      ...{ kind, venue, venueSymbol, day },
      ...{ replaced: [], rowCount: Number(held ?? 0n) },
    }
    if (source !== null) told.replaced.push({ source, rowCount: Number(n ?? 0n) })
    days.set(key, told)
  }
  return [...days.values()]
}

/** Days of symbols of the input on which its own file does not count. */
export async function countReplacedInput(session: Session): Promise<number> {
  const [row] = await session.rows<{ n: bigint }>(
    `SELECT count(*) AS n FROM (SELECT ${DAY_KEY}, ${fileSql('source')} AS source ` +
      `FROM ${INPUT_RANGE}) SEMI JOIN ${REPLACED_SOURCE} USING (${KEY})`,
  )
  return Number(row?.n ?? 0n)
}

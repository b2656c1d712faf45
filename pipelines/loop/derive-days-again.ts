import type { Kind } from '../../shared-transforms/kind.ts'
import { windowSteps } from '../../shared-transforms/window-step.ts'
import { sqlName, sqlString } from '../../tables/engine/sql-text.ts'
import type { DataFile } from '../../tables/spec/manifest.ts'
import type { SilverLookup } from './decide-duplicates.ts'
import { dayRange, isOnDays } from './find-foreign-days.ts'
import {
  derivedStatesSql,
  heldColumnsSql,
  WINDOW_KEY_SQL,
} from '../../shared-transforms/gold-tables.ts'
import { judgedSql, type GapFacts } from './gap-windows.ts'
import type { GoldLookup, GoldTail } from './gold-tail.ts'
import { columnsOf, type StepSession } from './step-session.ts'

/** Where committed windows and rows are read. */
export interface WindowSources {
  readonly gold: GoldLookup
  readonly silver: SilverLookup
}

/** What is left in the engine beside the tables of `mergeIntoTail`, for days of a gold table. */
export interface DerivedAgain {
  /** Windows that change, in `<state>_fresh` by their key: those that go are among them. */
  readonly freshCount: number
  /** The sealed files of the rows in `<state>_found`. */
  readonly files: ReadonlyMap<string, DataFile>
}

/**
 * Derives all windows of the tail's foreign days from silver, as if none were committed: somebody
 * else changed rows of silver or of gold there, so that what is committed can no longer be merged
 * into. Windows that come out as they are committed are left alone.
 *
 * Leaves in the engine `<state>_fresh` (keys of windows that differ), `<state>_again` (those that
 * there are now, as states) and in `<state>_found` their committed rows outside of the tail.
 * @param rows accepted rows of the batch, by kind
 * @param gaps as the cut leaves them
 */
export async function deriveDaysAgain(
  session: StepSession,
  tail: GoldTail,
  rows: ReadonlyMap<Kind, string>,
  sources: WindowSources,
  gaps: GapFacts,
): Promise<DerivedAgain> {
  const { gold, foreignDays } = tail
  const { state } = gold
  const rowsOfDays = new Map<Kind, string>()
  for (const { kind } of gold.inputs) {
    const silver: string[] = []
    for (const range of rangesOf(foreignDays)) silver.push(await sources.silver(kind, range))
    const added = rows.get(kind)
    if (added !== undefined) {
      silver.push(`(SELECT * FROM ${added} WHERE ${isOnDays('event_ts', foreignDays)})`)
    }
    const all = silver.map((relation) => `SELECT * FROM ${relation}`).join(' UNION ALL BY NAME ')
    rowsOfDays.set(kind, `(${all})`)
  }
  const again = derivedStatesSql(gold, rowsOfDays)
  await session.run(`CREATE OR REPLACE TABLE ${state}_again AS ${again}`)
  const files = await readHeld(session, tail, sources.gold)
  await compare(session, tail, gaps)
  const [counts] = await session.rows<{ n: bigint }>(`SELECT count(*) AS n FROM ${state}_fresh`)
  return { freshCount: Number(counts?.n ?? 0n), files }
}

/** The committed windows of the days, of the tail and of sealed files, in `<state>_held`. */
async function readHeld(
  session: StepSession,
  { gold, foreignDays }: GoldTail,
  lookup: GoldLookup,
): Promise<Map<string, DataFile>> {
  const { state } = gold
  const onDays = isOnDays('open_ts', foreignDays)
  const inTail = gold.finalizeSql(`(SELECT * FROM ${state}_tail WHERE ${onDays})`)
  await session.run(
    `CREATE OR REPLACE TABLE ${state}_held AS ` +
      `SELECT *, NULL::VARCHAR AS _file, NULL::BIGINT AS _pos FROM (${inTail})`,
  )
  const empty = `(SELECT * FROM empty_${state})`
  const given = await columnsOf(session, gold.finalizeSql(empty))
  const columns = given.map(sqlName).join(', ')
  const files = new Map<string, DataFile>()
  for (const { step } of windowSteps) {
    for (const range of rangesOf(foreignDays)) {
      const found = await lookup(gold, { step, ...range })
      if (found === undefined) continue
      await session.run(
        `INSERT INTO ${state}_held BY NAME SELECT ${columns}, ${heldColumnsSql(gold)}, ` +
          `_file, _pos FROM ${gold.heldSql(found.rows)} WHERE step = ${sqlString(step)} AND ` +
          `epoch_us(open_ts) BETWEEN ${range.fromUs} AND ${range.untilUs}`,
      )
      for (const [location, file] of found.files) files.set(location, file)
    }
  }
  return files
}

/** A window is left alone if there is one of it, and it is what silver gives. */
async function compare(session: StepSession, { gold }: GoldTail, gaps: GapFacts): Promise<void> {
  const { state } = gold
  const derived = judgedSql(gold, `(${gold.finalizeSql(`${state}_again`)})`, gaps)
  await session.run(`CREATE OR REPLACE TABLE ${state}_given AS ${derived}`)
  const columns = (await columnsOf(session, `${state}_given`)).map(sqlName).join(', ')
  const keys = (table: string) => `SELECT ${WINDOW_KEY_SQL} FROM ${table}`
  const single = `${keys(`${state}_held`)} GROUP BY ALL HAVING count(*) = 1`
  const equal =
    `SELECT ${WINDOW_KEY_SQL} FROM (SELECT ${columns} FROM ${state}_given ` +
    `INTERSECT SELECT ${columns} FROM ${state}_held) SEMI JOIN (${single}) USING (${WINDOW_KEY_SQL})`
  await session.run(
    `CREATE OR REPLACE TABLE ${state}_fresh AS ` +
      `(${keys(`${state}_given`)} UNION ${keys(`${state}_held`)}) EXCEPT (${equal})`,
  )
  const states = (await columnsOf(session, `${state}_again`)).map(sqlName).join(', ')
  await session.run(
    `INSERT INTO ${state}_found BY NAME SELECT ${states}, revision, is_sealed, is_repaired, known_cut, ` +
      `is_complete, ` +
      `_file, _pos FROM ${state}_held SEMI JOIN ${state}_fresh USING (${WINDOW_KEY_SQL}) ` +
      'WHERE _file IS NOT NULL',
  )
}

/** Runs of days as ranges of times, both ends included. Days ascend. */
function rangesOf(days: readonly bigint[]): { fromUs: bigint; untilUs: bigint }[] {
  const ranges: { fromUs: bigint; untilUs: bigint }[] = []
  for (const day of days) {
    const { startUs, endUs } = dayRange(day)
    const last = ranges.at(-1)
    if (last !== undefined && last.untilUs + 1n === startUs) last.untilUs = endUs - 1n
    else ranges.push({ fromUs: startUs, untilUs: endUs - 1n })
  }
  return ranges
}

import type { Format } from '../../shared-transforms/formats/format.ts'
import type { Kind } from '../../shared-transforms/kind.ts'
import { sqlString } from '../../tables/engine/sql-text.ts'
import type { Lake } from '../lake/lake.ts'
import { headOf, planHead, planRelation, type LoopContext } from '../loop/loop-context.ts'
import type { StepSession } from '../loop/step-session.ts'
import { silverTable } from '../loop/write-cut-files.ts'
import { DAY_US, dayText } from '../lake/utc-days.ts'
import { fileSql } from '../sources/file-range.ts'
import { INPUT_RANGE } from './read-input.ts'

/**
 * A day of a symbol of which the input and another source in the lake both hold the same time, with
 * nothing to know equal rows by. Event-time ranges, µs.
 */
export interface Overlap {
  readonly kind: string
  readonly venue: string
  readonly venueSymbol: string
  /** UTC day, `YYYY-MM-DD`. */
  readonly day: string
  readonly inputFromUs: bigint
  readonly inputUntilUs: bigint
  readonly lakeFromUs: bigint
  readonly lakeUntilUs: bigint
}

/** The engine table with what the lake holds of the input's days and symbols, as INPUT_RANGE. */
export const HELD_RANGE = 'held_range'

/**
 * SQL over INPUT_RANGE i and HELD_RANGE h of one day of a symbol: both hold the same time, and one of
 * them has rows without ids.
 */
export const IS_OVERLAPPING =
  '(i.low <= h.high AND h.low <= i.high AND (i.without_id > 0 OR h.without_id > 0))'

const KEY = 'kind, venue, venue_symbol, day'

/**
 * Whether input of these formats can overlap what the lake holds: not where its rows have ids, and
 * all rows of their kinds in silver have. Reads statistics of files, no rows.
 */
export async function canOverlap(
  lake: Lake,
  heads: LoopContext['heads'],
  formats: readonly Format[],
): Promise<boolean> {
  for (const kind of lake.model.kinds) {
    const ofKind = formats.filter((format) => format.kinds.includes(kind))
    const head = headOf(heads, silverTable(kind))
    const isFilled = head.metadata['current-snapshot-id'] !== undefined
    if (ofKind.length === 0 || !isFilled) continue
    if (ofKind.some((format) => format.idKind(kind) === 'none')) return true
    const { tasks } = await planHead(lake, head, [{ column: `${kind}_id`, op: 'is-null' }])
    if (tasks.length > 0) return true
  }
  return false
}

/** Fills HELD_RANGE from silver's heads. `readInput` must have been called. */
export async function readHeldRanges(
  lake: Lake,
  session: StepSession,
  heads: LoopContext['heads'],
): Promise<void> {
  await session.run(
    `CREATE OR REPLACE TABLE ${HELD_RANGE} AS SELECT * FROM ${INPUT_RANGE} WHERE false`,
  )
  for (const kind of lake.model.kinds) await readHeldOfKind(lake, session, heads, kind)
}

async function readHeldOfKind(
  lake: Lake,
  session: StepSession,
  heads: LoopContext['heads'],
  kind: Kind,
): Promise<void> {
  const ofKind = `(SELECT DISTINCT ${KEY} FROM ${INPUT_RANGE} WHERE kind = ${sqlString(kind)})`
  const [days] = await session.rows<{ low: bigint | null; high: bigint | null }>(
    `SELECT min(day) AS low, max(day) AS high FROM ${ofKind}`,
  )
  if (days === undefined || days.low === null || days.high === null) return
  const plan = await planHead(lake, headOf(heads, silverTable(kind)), [
    { column: 'event_ts', op: '>=', value: days.low * DAY_US },
    { column: 'event_ts', op: '<', value: (days.high + 1n) * DAY_US },
  ])
  if (plan.tasks.length === 0) return
  await session.run(
    `INSERT INTO ${HELD_RANGE} SELECT ${KEY}, source, count(*), ` +
      `count(*) FILTER (id IS NULL), min(us), max(us) FROM (` +
      `SELECT ${sqlString(kind)} AS kind, venue, venue_symbol, epoch_us(event_ts) // ${DAY_US} ` +
      `AS day, source, ${kind}_id AS id, epoch_us(event_ts) AS us ` +
      `FROM ${await planRelation(lake, plan)} s) SEMI JOIN ${ofKind} USING (${KEY}) ` +
      `GROUP BY ${KEY}, source`,
  )
}

/**
 * Where a source of the input overlaps, in event time, another source that the lake holds, and one
 * of the two has rows without ids on that day: equal rows would count twice. With ids on both sides
 * the loop knows what it holds, and nothing is refused. What a file itself put into the lake before a
 * stop, or of other days, is no overlap.
 */
export async function findOverlaps(session: StepSession): Promise<Overlap[]> {
  const isOther = `${fileSql('h.source')} <> ${fileSql('i.source')}`
  const rows = await session.rows<{
    kind: string
    venue: string
    venue_symbol: string
    day: bigint
    input_low: bigint
    input_high: bigint
    lake_low: bigint
    lake_high: bigint
  }>(
    `SELECT ${KEY}, min(i.low) AS input_low, max(i.high) AS input_high, min(h.low) AS lake_low, ` +
      `max(h.high) AS lake_high FROM ${INPUT_RANGE} i JOIN ${HELD_RANGE} h USING (${KEY}) ` +
      `WHERE ${isOther} AND ${IS_OVERLAPPING} GROUP BY ${KEY} ORDER BY ALL`,
  )
  return rows.map((row) => ({
    kind: row.kind,
    venue: row.venue,
    venueSymbol: row.venue_symbol,
    day: dayText(row.day),
    inputFromUs: row.input_low,
    inputUntilUs: row.input_high,
    lakeFromUs: row.lake_low,
    lakeUntilUs: row.lake_high,
  }))
}

/** Both ends as UTC times of day with microseconds. */
export function timeRangeText(fromUs: bigint, untilUs: bigint): string {
  return `${timeOfDay(fromUs)}–${timeOfDay(untilUs)}`
}

function timeOfDay(us: bigint): string {
  const ofDay = us % DAY_US
  const two = (value: bigint) => value.toString().padStart(2, '0')
  const seconds = ofDay / 1_000_000n
  const micros = (ofDay % 1_000_000n).toString().padStart(6, '0')
  return `${two(seconds / 3600n)}:${two((seconds / 60n) % 60n)}:${two(seconds % 60n)}.${micros}`
}

import { contentHashSql } from '../../shared-transforms/content-hash.ts'
import type { Kind } from '../../shared-transforms/kind.ts'
import { tableOfModel } from '../../shared-transforms/lake-model.ts'
import type { Session } from '../../tables/engine/engine.ts'
import type { ScanPlan } from '../../tables/scan/plan-scan.ts'
import { headOf, planHead, planRelation, type LoopContext } from '../loop/loop-context.ts'
import type { StepSession } from '../loop/step-session.ts'
import { ownColumns } from '../loop/own-columns.ts'
import { silverTable } from '../loop/write-cut-files.ts'
import { DAY_US, isInRange, type DayRange } from '../lake/utc-days.ts'

/** Silver of one kind as it is committed. */
export interface HeldSilver {
  readonly kind: Kind
  /** The files that hold rows of the range. */
  readonly plan: ScanPlan
  /** A relation of the rows of the range, with the declared columns. */
  readonly rows: string
}

/** Silver of a range beside what it should be. */
export interface ComparedSilver {
  readonly held: readonly HeldSilver[]
  /** Days that differ, by kind, ascending. */
  readonly replaced: ReadonlyMap<Kind, readonly bigint[]>
}

export async function holdSilver(
  { options, heads }: LoopContext,
  kind: Kind,
  range: DayRange,
): Promise<HeldSilver> {
  const table = silverTable(kind)
  const plan = await planHead(options.lake, headOf(heads, table), [
    { column: 'event_ts', op: '>=', value: range.fromDay * DAY_US },
    { column: 'event_ts', op: '<', value: range.toDay * DAY_US },
  ])
  const relation = await planRelation(options.lake, plan)
  const isInside = isInRange('event_ts', range)
  const rows = `(SELECT ${ownColumns(options.lake, table)} FROM ${relation} WHERE ${isInside})`
  return { kind, plan, rows }
}

/** Row count and hash of what a table holds of one day. */
export interface DayContent {
  readonly rowCount: number
  /** Of all columns for `digestDays`, of content columns for `hashDays`. */
  readonly hash: string
}

/**
 * Every day's rows by a hash of all columns that hangs on no order. Two days with the same digest
 * hold the same rows; it is good for one engine alone, as its hash is.
 */
export function digestDays(
  session: StepSession,
  rows: string,
  table: string,
  time: string,
): Promise<Map<bigint, DayContent>> {
  const bits = `hash(${ownColumns(session, table)})`
  return readDays(
    session,
    `SELECT epoch_us(${time}) // ${DAY_US} AS day, count(*) AS n, ` +
      `sum(${bits}::HUGEINT)::VARCHAR || '/' || bit_xor(${bits})::VARCHAR AS hash ` +
      `FROM ${rows} r GROUP BY day`,
  )
}

/** Every day's rows by the content hash, as `sluice verify` knows it. */
export function hashDays(
  session: StepSession,
  rows: string,
  table: string,
): Promise<Map<bigint, DayContent>> {
  const definition = tableOfModel(session.model, table)
  if (definition === undefined) throw new RangeError(`${table} is no table of the lake`)
  return readDays(
    session,
    `SELECT (day - DATE '1970-01-01')::BIGINT AS day, row_count AS n, hash::VARCHAR AS hash ` +
      `FROM (${contentHashSql(definition, rows)})`,
  )
}

async function readDays(session: Session, sql: string): Promise<Map<bigint, DayContent>> {
  const days = await session.rows<{ day: bigint; n: bigint; hash: string }>(sql)
  return new Map(days.map(({ day, n, hash }) => [day, { rowCount: Number(n), hash }]))
}

/** The days whose content is not the same on both sides, ascending. */
export function differingDays(
  before: ReadonlyMap<bigint, DayContent>,
  after: ReadonlyMap<bigint, DayContent>,
): bigint[] {
  const days = [...new Set([...before.keys(), ...after.keys()])]
  const isSame = (day: bigint) => {
    const [old, young] = [before.get(day), after.get(day)]
    return old?.rowCount === young?.rowCount && old?.hash === young?.hash
  }
  return days.filter((day) => !isSame(day)).sort((a, b) => Number(a - b))
}

import { framedColumns } from '../../shared-transforms/frame.ts'
import { conditionOf, type RejectFilter } from '../lake/read-rejects.ts'
import { deriveBatch } from '../loop/derive-batch.ts'
import { headOf, planHead, type LoopContext } from '../loop/loop-context.ts'
import { POSITION } from './derive-range.ts'
import { sliceRows } from './plan-bronze.ts'
import { DAY_US, joinRanges, type DayRange } from '../lake/utc-days.ts'

/** What the steps of now make of refused messages of one reason. */
export interface MendableReason {
  readonly reason: string
  readonly messageCount: number
  /** That decode now. */
  readonly derivedCount: number
  /** That the format has no use for now. */
  readonly ignoredCount: number
}

export interface MendableRejects {
  /** By reason, the most frequent first. */
  readonly reasons: readonly MendableReason[]
  /** Days that are to be derived again for it, ascending; those of one message are together. */
  readonly ranges: readonly DayRange[]
  /** A message is ignored now that belongs to no day: any day that is derived again mends it. */
  readonly needsAnyDay: boolean
}

interface OutcomeRow {
  readonly reason: string
  readonly outcome: 'derived' | 'ignored' | 'refused'
  readonly low: bigint | null
  readonly high: bigint | null
  readonly n: bigint
}

/**
 * Decodes refused messages once more and says which are refused no longer, and on which days that
 * changes something. Nothing is written. Rows that contradict another are left out unless they are
 * asked for: they decode, and what they contradict is told by their day alone.
 */
export async function findMendable(
  context: LoopContext,
  filter: RejectFilter,
): Promise<MendableRejects> {
  const { session, options, heads } = context
  const { sinceUs, reason } = filter
  const since =
    sinceUs === undefined ? [] : [{ column: 'ingested_ts', op: '>=' as const, value: sinceUs }]
  const plan = await planHead(options.lake, headOf(heads, 'silver.rejected_messages'), since)
  const isWanted = reason === undefined ? `reason <> 'conflicting-duplicate'` : 'true'
  const outcomes: OutcomeRow[] = []
  const condition = `${conditionOf(filter)} AND ${isWanted}`
  for (const { rows, messageCount } of await sliceRows(options.lake, plan, condition)) {
    await session.startBatch(messageCount)
    await session.run(`CREATE OR REPLACE TABLE refused_slice AS SELECT * FROM ${rows}`)
    outcomes.push(...(await deriveSlice(context)))
  }
  const days = outcomes.filter(({ outcome }) => outcome !== 'refused')
  return {
    reasons: sumReasons(outcomes),
    ranges: joinRanges(
      days.flatMap(({ low, high }) => rangeOf(low, high)),
      'overlapping',
    ),
    needsAnyDay: days.some(({ low }) => low === null),
  }
}

async function deriveSlice({ session }: LoopContext): Promise<OutcomeRow[]> {
  const framed = framedColumns.join(', ')
  await session.fill(
    'framed',
    `SELECT ${framed}, format FROM refused_slice ` +
      `QUALIFY row_number() OVER (PARTITION BY ${POSITION} ORDER BY source_row) = 1`,
  )
  const formats = await session.rows<{ format: string }>(
    'SELECT DISTINCT format FROM framed ORDER BY format',
  )
  await deriveBatch(
    session,
    formats.map(({ format }) => format),
  )
  const decoded = session.model.kinds.map(
    (kind) =>
      `SELECT ${POSITION}, source_row, reason IS NULL AS is_good, ` +
      `epoch_us(event_ts) // ${DAY_US} AS day FROM decoded_${kind}`,
  )
  // The day that the refusal belonged to takes part: there it is taken out.
  const oldDay = `epoch_us(s.event_ts) // ${DAY_US}`
  return session.rows<OutcomeRow>(
    `WITH decoded AS (${decoded.join(' UNION ALL ')}), ` +
      `message AS (SELECT ${POSITION}, min(day) FILTER (is_good) AS low, ` +
      `max(day) FILTER (is_good) AS high FROM decoded GROUP BY ALL), ` +
      `judged AS (SELECT s.reason, CASE WHEN coalesce(d.is_good, false) THEN 'derived' ` +
      `WHEN r.is_ignored THEN 'ignored' ELSE 'refused' END AS outcome, ` +
      `least(m.low, ${oldDay}) AS low, greatest(m.high, ${oldDay}) AS high ` +
      `FROM refused_slice s JOIN routed r USING (${POSITION}) ` +
      `LEFT JOIN decoded d USING (${POSITION}, source_row) ` +
      `LEFT JOIN message m USING (${POSITION})) ` +
      'SELECT *, count(*) AS n FROM judged GROUP BY ALL ORDER BY ALL',
  )
}

function rangeOf(low: bigint | null, high: bigint | null): DayRange[] {
  return low === null || high === null ? [] : [{ fromDay: low, toDay: high + 1n }]
}

function sumReasons(outcomes: readonly OutcomeRow[]): MendableReason[] {
  const sums = new Map<string, MendableReason>()
  for (const { reason, outcome, n } of outcomes) {
    const sum = sums.get(reason) ?? { reason, messageCount: 0, derivedCount: 0, ignoredCount: 0 }
    const count = Number(n)
    sums.set(reason, {
      reason,
      messageCount: sum.messageCount + count,
      derivedCount: sum.derivedCount + (outcome === 'derived' ? count : 0),
      ignoredCount: sum.ignoredCount + (outcome === 'ignored' ? count : 0),
    })
  }
  return [...sums.values()].sort((a, b) => b.messageCount - a.messageCount)
}

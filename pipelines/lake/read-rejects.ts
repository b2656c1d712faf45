import { sqlString } from '../../tables/engine/sql-text.ts'
import { rejectReasons, type RejectReason } from '../../shared-transforms/reject-reason.ts'
import { headOf, loadHeads, planHead, planRelation } from '../loop/loop-context.ts'
import type { Lake } from './lake.ts'

/** Which rejected messages are meant; what is absent leaves none out. */
export interface RejectFilter {
  readonly reason?: RejectReason | undefined
  /** As silver.rejected_messages has it: `kafka:stocks`, `file:…`. */
  readonly source?: string | undefined
  readonly format?: string | undefined
  /** Taken in since, µs. */
  readonly sinceUs?: bigint | undefined
}

/** Rejected messages of one reason, kind, format and source. Times are ingested_ts, µs. */
export interface RejectGroup {
  readonly reason: string
  readonly format: string
  readonly kind: string
  readonly source: string
  readonly count: bigint
  readonly first_us: bigint
  readonly last_us: bigint
  /** The detail of the newest one. */
  readonly detail: string | null
}

/** One rejected message, or one refused row of it. */
export interface RejectRow {
  readonly source: string
  readonly source_partition: number
  readonly source_offset: bigint
  readonly source_row: number
  readonly reason: string
  readonly detail: string | null
  readonly format: string
  readonly kind: string
  readonly event_us: bigint | null
  readonly received_us: bigint | null
  readonly ingested_us: bigint
  readonly message_key: string | null
  readonly headers: string | null
  readonly payload: string | null
  readonly payload_encoding: string
}

const REJECTED = 'silver.rejected_messages'

/** A format's name without the mapping that may stand in it. */
const FORMAT = `split_part(format, ' ', 1)`

/** The rejected messages in groups, the largest first. */
export function readRejectGroups(
  lake: Lake,
  filter: RejectFilter,
): Promise<readonly RejectGroup[]> {
  return readRejected<RejectGroup>(
    lake,
    filter,
    (rejected) =>
      `SELECT reason, ${FORMAT} AS format, kind, source, count(*) AS count, ` +
      `min(epoch_us(ingested_ts)) AS first_us, max(epoch_us(ingested_ts)) AS last_us, ` +
      `max_by(detail, (ingested_ts, source_partition, source_offset)) AS detail ` +
      `FROM ${rejected} GROUP BY reason, ${FORMAT}, kind, source ` +
      `ORDER BY count DESC, reason, format, kind, source`,
  )
}

/** The newest rejected messages with all that is known of them. */
export function readRejectRows(
  lake: Lake,
  filter: RejectFilter,
  limit: number,
): Promise<readonly RejectRow[]> {
  return readRejected<RejectRow>(
    lake,
    filter,
    (rejected) =>
      `SELECT source, source_partition, source_offset, source_row, reason, detail, format, kind, ` +
      `epoch_us(event_ts) AS event_us, epoch_us(received_ts) AS received_us, ` +
      `epoch_us(ingested_ts) AS ingested_us, message_key, headers, payload, payload_encoding ` +
      `FROM ${rejected} ORDER BY ingested_ts DESC, source, source_partition, ` +
      `source_offset DESC, source_row LIMIT ${limit}`,
  )
}

async function readRejected<T>(
  lake: Lake,
  filter: RejectFilter,
  query: (rejected: string) => string,
): Promise<readonly T[]> {
  const { sinceUs } = filter
  const head = headOf(await loadHeads(lake), REJECTED)
  const since =
    sinceUs === undefined
      ? []
      : [{ column: 'ingested_ts', op: '>=' as const, value: sinceUs }]
  const rows = await planRelation(lake, await planHead(lake, head, since))
  const session = await lake.engine.connect()
  try {
    return await session.rows<T>(query(`(SELECT * FROM ${rows} WHERE ${conditionOf(filter)})`))
  } finally {
    session.close()
  }
}

/** SQL over silver.rejected_messages: the rows that a filter means. */
export function conditionOf({ reason, source, format, sinceUs }: RejectFilter): string {
  const conditions = [
    ...Object.entries({ reason, source, [FORMAT]: format }).flatMap(([column, value]) =>
      value === undefined ? [] : [`${column} = ${sqlString(value)}`],
    ),
    ...(sinceUs === undefined ? [] : [`ingested_ts >= make_timestamptz(${sinceUs})`]),
  ]
  return conditions.length === 0 ? 'true' : conditions.join(' AND ')
}

/** True for a text of the closed list. */
export function isRejectReason(text: string): text is RejectReason {
  return rejectReasons.some((reason) => reason === text)
}

import { partKey } from '../sources/source.ts'
import type { CutCounts } from './cut-receipt.ts'
import { NO_COUNTS } from './cut-rows.ts'
import type { Kind } from '../../shared-transforms/kind.ts'
import type { PartObservation } from './loop-state.ts'
import { LATENESS_US } from './loop-times.ts'
import type { StepSession } from './step-session.ts'

interface MessageRow {
  readonly source: string
  readonly source_partition: number
  readonly messages: bigint
  readonly ignored: bigint
  readonly newest_received_us: bigint | null
}

/** Messages and receive times by part, out of `routed`. */
async function readMessages(session: StepSession): Promise<MessageRow[]> {
  return session.rowsKept<MessageRow>(
    `SELECT source, source_partition, count(*) AS messages, ` +
      `count(*) FILTER (is_ignored) AS ignored, ` +
      `max(epoch_us(received_ts)) AS newest_received_us FROM routed GROUP BY ALL`,
  )
}

/** Latest event and receive times by part: what the watermark is made of. */
export async function observeParts(session: StepSession): Promise<Map<string, PartObservation>> {
  const good = session.model.kinds
    .map(
      (kind) =>
        `SELECT source, source_partition, epoch_us(event_ts) AS event_us FROM decoded_${kind} ` +
        `WHERE reason IS NULL`,
    )
    .join(' UNION ALL ')
  const events = await session.rowsKept<{
    source: string
    source_partition: number
    max_event_us: bigint
  }>(`SELECT source, source_partition, max(event_us) AS max_event_us FROM (${good}) GROUP BY ALL`)
  const observations = new Map<string, PartObservation>()
  for (const row of await readMessages(session)) {
    observations.set(keyOf(row), {
      maxEventUs: undefined,
      newestReceivedUs: row.newest_received_us ?? undefined,
    })
  }
  for (const row of events) {
    const seen = observations.get(keyOf(row))
    observations.set(keyOf(row), {
      maxEventUs: row.max_event_us,
      newestReceivedUs: seen?.newestReceivedUs,
    })
  }
  return observations
}

interface RowCounts {
  readonly source: string
  readonly source_partition: number
  readonly decoded: bigint
  readonly rejected: bigint
  readonly rows: bigint
  readonly silver: bigint
  readonly duplicates: bigint
  readonly refused: bigint
  readonly late: bigint
}

/**
 * The receipt's counts by part, once the verdicts and the loop's times are there. A message is
 * rejected or decoded as a whole; rows that the duplicate rule refuses come from decoded ones.
 */
export async function countParts(
  session: StepSession,
  verdictsOf: (kind: Kind) => string,
): Promise<Map<string, CutCounts>> {
  const isLate = `epoch_us(event_ts) < ${LATENESS_US}`
  const rows = session.model.kinds
    .map(
      (kind) =>
        `SELECT source, source_partition, 0 AS decoded, count(*) AS rejected, 0 AS rows, ` +
        `0 AS silver, 0 AS duplicates, 0 AS refused, 0 AS late FROM decoded_${kind} ` +
        `WHERE reason IS NOT NULL GROUP BY ALL UNION ALL ` +
        `SELECT source, source_partition, count(*) FILTER (source_row = 0), 0, count(*), ` +
        `count(*) FILTER (verdict = 'accepted'), count(*) FILTER (verdict = 'duplicate'), ` +
        `count(*) FILTER (verdict = 'conflict'), ` +
        `count(*) FILTER (verdict = 'accepted' AND ${isLate}) FROM ${verdictsOf(kind)} GROUP BY ALL`,
    )
    .join(' UNION ALL ')
  const counts = new Map<string, CutCounts>()
  for (const row of await readMessages(session)) {
    counts.set(keyOf(row), {
      ...NO_COUNTS,
      messageCount: Number(row.messages),
      ignoredCount: Number(row.ignored),
    })
  }
  for (const row of await session.rowsKept<RowCounts>(
    `SELECT source, source_partition, sum(decoded)::BIGINT AS decoded, ` +
      `sum(rejected)::BIGINT AS rejected, sum(rows)::BIGINT AS rows, ` +
      `sum(silver)::BIGINT AS silver, sum(duplicates)::BIGINT AS duplicates, ` +
      `sum(refused)::BIGINT AS refused, sum(late)::BIGINT AS late FROM (${rows}) GROUP BY ALL`,
  )) {
    counts.set(keyOf(row), {
      ...(counts.get(keyOf(row)) ?? NO_COUNTS),
      decodedCount: Number(row.decoded),
      rejectedCount: Number(row.rejected),
      rowCount: Number(row.rows),
      silverCount: Number(row.silver),
      duplicateCount: Number(row.duplicates),
      refusedCount: Number(row.refused),
      lateCount: Number(row.late),
    })
  }
  return counts
}

/** The counts of all parts together. */
export function totalCounts(parts: Iterable<CutCounts>): CutCounts {
  const total: Record<keyof CutCounts, number> = { ...NO_COUNTS }
  for (const part of parts) {
    for (const name of Object.keys(total) as (keyof CutCounts)[]) total[name] += part[name]
  }
  return total
}

/** Up to 21 evenly spaced quantiles of the batch's receive times, µs. */
export async function receivedQuantiles(session: StepSession): Promise<bigint[]> {
  const [row] = await session.rowsKept<{ quantiles: string | null }>(
    `SELECT list_transform(quantile_disc(epoch_us(received_ts), ` +
      `list_transform(range(21), i -> i / 20.0)), q -> q::VARCHAR)::VARCHAR AS quantiles ` +
      `FROM routed WHERE received_ts IS NOT NULL`,
  )
  const digits = row?.quantiles?.match(/-?\d+/g)
  return digits === null || digits === undefined ? [] : digits.map(BigInt)
}

function keyOf(row: { readonly source: string; readonly source_partition: number }): string {
  return partKey({ source: row.source, partition: row.source_partition })
}

import type { Session } from '../../tables/engine/engine.ts'
import { headOf, loadHeads, planHead, planRelation } from '../loop/loop-context.ts'
import type { Lake } from './lake.ts'

/** A cut's own row of sluice.cuts; times in microseconds since 1970. */
export interface CutLine {
  readonly cut_number: bigint
  readonly committed_us: bigint
  readonly token: string
  readonly writer: string
  readonly mode: string
  readonly message_count: bigint
  readonly decoded_count: bigint
  readonly ignored_count: bigint
  readonly rejected_count: bigint
  readonly row_count: bigint
  readonly silver_count: bigint
  readonly duplicate_count: bigint
  readonly refused_count: bigint
  readonly late_count: bigint
  readonly watermark_us: bigint | null
  /** The cut that a rollback went back to. */
  readonly restored_cut: bigint | null
}

/** Where a source part stands. */
export interface PartLine {
  readonly source: string
  readonly source_partition: number
  readonly end_offset: bigint
  readonly is_finished: boolean
}

export interface ReasonLine {
  readonly reason: string
  readonly count: bigint
}

/** The newest cuts, newest first. */
export async function readNewestCuts(
  lake: Lake,
  session: Session,
  limit: number,
): Promise<readonly CutLine[]> {
  return session.rows<CutLine>(
    `SELECT cut_number, epoch_us(committed_ts) AS committed_us, token, writer, mode,
            message_count, decoded_count, ignored_count, rejected_count,
            row_count, silver_count, duplicate_count, refused_count, late_count,
            epoch_us(watermark_ts) AS watermark_us, restored_cut
     FROM ${await relation(lake, 'sluice.cuts')}
     WHERE source IS NULL ORDER BY cut_number DESC LIMIT ${limit}`,
  )
}

/** Every part that the lake has read, in the order of its name. */
export async function readPartLines(lake: Lake, session: Session): Promise<readonly PartLine[]> {
  return session.rows<PartLine>(
    `SELECT source, source_partition, max_by(end_offset, cut_number) AS end_offset,
            max_by(is_finished, cut_number) AS is_finished
     FROM ${await relation(lake, 'sluice.cuts')}
     WHERE source IS NOT NULL GROUP BY ALL ORDER BY ALL`,
  )
}

/** Rejected messages by reason since a time, most frequent first. */
export async function readRejectReasons(
  lake: Lake,
  session: Session,
  sinceUs: bigint,
): Promise<readonly ReasonLine[]> {
  const head = headOf(await loadHeads(lake), 'silver.rejected_messages')
  const plan = await planHead(lake, head, [{ column: 'ingested_ts', op: '>=', value: sinceUs }])
  return session.rows<ReasonLine>(
    `SELECT reason, count(*) AS count FROM ${await planRelation(lake, plan)}
     WHERE ingested_ts >= make_timestamptz(${sinceUs})
     GROUP BY reason ORDER BY count DESC, reason`,
  )
}

async function relation(lake: Lake, table: string): Promise<string> {
  const head = headOf(await loadHeads(lake), table)
  return planRelation(lake, await planHead(lake, head, []))
}

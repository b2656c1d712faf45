import type { LoadedTable } from '../../tables/catalog/catalog.ts'
import type { Session } from '../../tables/engine/engine.ts'
import type { Lake } from '../lake/lake.ts'
import { isFilePart, partKey, type SourcePart } from '../sources/source.ts'
import { planHead, planRelation } from './loop-context.ts'
import type { LoopState } from './loop-state.ts'

/** Where a part stands by its newest row. */
export interface PartPosition {
  readonly part: SourcePart
  /** Where it was first met. */
  readonly firstOffset: bigint
  readonly endOffset: bigint
  readonly maxEventUs: bigint | undefined
  readonly newestReceivedUs: bigint | undefined
  readonly isFinished: boolean
  /** A file that a rollback took back whole: it is as if it never had been met. */
  readonly isForgotten: boolean
}

interface PartRow {
  readonly source: string
  readonly source_partition: number
  readonly first_offset: bigint
  readonly end_offset: bigint
  readonly max_event_us: bigint | null
  readonly newest_received_us: bigint | null
  readonly is_finished: boolean
  readonly is_taken_back: boolean
}

/**
 * Where every part stood after a cut, by `partKey`. The newest row of a part says all of it: its
 * times are the latest ones up to then, and a rollback sets them back.
 */
export async function readPartPositions(
  session: Session,
  cutsRelation: string,
  cutNumber: number,
): Promise<Map<string, PartPosition>> {
  const rows = await session.rows<PartRow>(
    `SELECT source, source_partition, end_offset, epoch_us(max_event_ts) AS max_event_us, ` +
      `epoch_us(newest_received_ts) AS newest_received_us, is_finished, ` +
      `restored_cut IS NOT NULL AS is_taken_back, ` +
      `arg_min(start_offset, cut_number) OVER part AS first_offset ` +
      `FROM ${cutsRelation} WHERE source IS NOT NULL AND cut_number <= ${cutNumber} ` +
      `WINDOW part AS (PARTITION BY source, source_partition) ` +
      `QUALIFY cut_number = max(cut_number) OVER part`,
  )
  return new Map(
    rows.map((row) => {
      const part = { source: row.source, partition: row.source_partition }
      const isAtStart = row.end_offset === row.first_offset
      const position: PartPosition = {
        part,
        firstOffset: row.first_offset,
        endOffset: row.end_offset,
        maxEventUs: row.max_event_us ?? undefined,
        newestReceivedUs: row.newest_received_us ?? undefined,
        isFinished: row.is_finished,
        isForgotten: row.is_taken_back && isAtStart && isFilePart(part),
      }
      return [partKey(part), position] as const
    }),
  )
}

/** The watermark after a cut; undefined before the first good row. */
export async function readWatermark(
  session: Session,
  cutsRelation: string,
  cutNumber: number,
): Promise<bigint | undefined> {
  const [row] = await session.rows<{ watermark_us: bigint | null }>(
    `SELECT epoch_us(watermark_ts) AS watermark_us FROM ${cutsRelation} ` +
      `WHERE source IS NULL AND cut_number <= ${cutNumber} ORDER BY cut_number DESC LIMIT 1`,
  )
  return row?.watermark_us ?? undefined
}

/** The loop's state from the rows of sluice.cuts, which are the truth about it. */
export async function readPositionsFromRows(
  lake: Lake,
  session: Session,
  cuts: LoadedTable,
  cutNumber: number,
): Promise<LoopState> {
  const rows = await planRelation(lake, await planHead(lake, cuts, []))
  const positions = await readPartPositions(session, rows, cutNumber)
  const [last] = await session.rows<{ ingested_us: bigint | null }>(
    `SELECT max(epoch_us(ingested_ts)) AS ingested_us FROM ${rows} WHERE source IS NULL`,
  )
  return {
    cutNumber,
    ingestedUs: last?.ingested_us ?? 0n,
    watermarkUs: await readWatermark(session, rows, cutNumber),
    parts: openPositions(positions),
  }
}

/** The parts that are still read, as the loop's state has them. */
export function openPositions(positions: ReadonlyMap<string, PartPosition>): LoopState['parts'] {
  const open = [...positions].filter(([, one]) => !one.isFinished && !one.isForgotten)
  return new Map(
    open.map(([key, { part, endOffset, maxEventUs, newestReceivedUs }]) => {
      return [key, { part, endOffset, maxEventUs, newestReceivedUs, isAtEnd: false }]
    }),
  )
}

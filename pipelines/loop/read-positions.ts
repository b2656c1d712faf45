import type { LoadedTable } from '../../tables/catalog/catalog.ts'
import type { Session } from '../../tables/engine/engine.ts'
import { sqlString } from '../../tables/engine/sql-text.ts'
import type { Lake } from '../lake/lake.ts'
import { partKey } from '../sources/source.ts'
import { planHead, planRelation } from './loop-context.ts'
import type { LoopState } from './loop-state.ts'

interface PartRow {
  readonly source: string
  readonly source_partition: number
  readonly end_offset: bigint
  readonly max_event_us: bigint | null
  readonly newest_received_us: bigint | null
  readonly is_finished: boolean
}

/** The loop's state from the rows of sluice.cuts, which are the truth about it. */
export async function readPositionsFromRows(
  lake: Lake,
  session: Session,
  cuts: LoadedTable,
  cutNumber: number,
): Promise<LoopState> {
  const rows = await planRelation(lake, await planHead(lake, cuts, []))
  const parts = await session.rows<PartRow>(
    `SELECT source, source_partition, max_by(end_offset, cut_number) AS end_offset, ` +
      `max(epoch_us(max_event_ts)) AS max_event_us, ` +
      `max(epoch_us(newest_received_ts)) AS newest_received_us, ` +
      `max_by(is_finished, cut_number) AS is_finished ` +
      `FROM ${rows} WHERE source IS NOT NULL GROUP BY source, source_partition`,
  )
  const [last] = await session.rows<{ ingested_us: bigint; watermark_us: bigint | null }>(
    `SELECT max(epoch_us(ingested_ts)) AS ingested_us, max(epoch_us(watermark_ts)) AS watermark_us ` +
      `FROM ${rows} WHERE source IS NULL`,
  )
  const open = parts
    .filter((row) => !row.is_finished)
    .map((row) => {
      const part = { source: row.source, partition: row.source_partition }
      const state = {
        part,
        endOffset: row.end_offset,
        maxEventUs: row.max_event_us ?? undefined,
        newestReceivedUs: row.newest_received_us ?? undefined,
        isAtEnd: false,
      }
      return [partKey(part), state] as const
    })
  return {
    cutNumber,
    ingestedUs: last?.ingested_us ?? 0n,
    watermarkUs: last?.watermark_us ?? undefined,
    parts: new Map(open),
  }
}

/** Which of these sources (files by their content) the lake has read whole. */
export async function readFinishedSources(
  lake: Lake,
  session: Session,
  cuts: LoadedTable,
  sources: readonly string[],
): Promise<ReadonlySet<string>> {
  if (sources.length === 0 || cuts.metadata['current-snapshot-id'] === undefined) return new Set()
  const rows = await planRelation(lake, await planHead(lake, cuts, []))
  const names = sources.map(sqlString).join(', ')
  const finished = await session.rows<{ source: string }>(
    `SELECT DISTINCT source FROM ${rows} WHERE is_finished AND source IN (${names})`,
  )
  return new Set(finished.map((row) => row.source))
}

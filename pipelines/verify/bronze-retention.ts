import { readRemovedBronze, type RemovedBronze } from '../lake/removed-bronze.ts'
import { partKey } from '../sources/source.ts'
import { CUT_ROWS } from './cut-rows-table.ts'
import type { PinnedLake } from './pin-lake.ts'

/**
 * Messages that were taken out of bronze on purpose, for their age. The receipts go on counting
 * what came, and count beside it what left, in sum of each part.
 */
export interface BronzeRetention extends RemovedBronze {
  /** How many messages left, by `partKey`. */
  readonly counts: ReadonlyMap<string, bigint>
}

/** Undefined where bronze keeps all that it ever took in. */
export async function readBronzeRetention({
  session,
}: PinnedLake): Promise<BronzeRetention | undefined> {
  const removed = await readRemovedBronze(session, CUT_ROWS)
  if (removed === undefined) return undefined
  const rows = await session.rows<{ source: string; source_partition: number; n: bigint }>(
    `SELECT source, source_partition, sum(removed_count)::BIGINT AS n FROM ${CUT_ROWS} ` +
      'WHERE source IS NOT NULL AND removed_count IS NOT NULL GROUP BY ALL HAVING n <> 0 ORDER BY ALL',
  )
  const counts = rows.map(({ source, source_partition: partition, n }) => {
    return [partKey({ source, partition }), n] as const
  })
  return { ...removed, counts: new Map(counts) }
}

import type { Session } from '../../tables/engine/engine.ts'
import { isFilePart, partKey, type PartProgress } from '../sources/source.ts'
import type { CutCounts } from './cut-receipt.ts'
import { NO_COUNTS } from './cut-rows.ts'
import { type PartPosition, readPartPositions, readWatermark } from './read-positions.ts'
import { restingAt } from './resting-parts.ts'

/** What a rollback says of sources: how each part goes back, and what is taken back with it. */
export interface RestorePlan {
  readonly now: ReadonlyMap<string, PartPosition>
  /** Where the parts stand afterwards: as after the cut, parts met later where they were met. */
  readonly then: ReadonlyMap<string, PartPosition>
  /** The parts that move, backwards mostly. */
  readonly progress: readonly PartProgress[]
  /** Differences of the sums over sluice.cuts, by `partKey`. */
  readonly counts: ReadonlyMap<string, CutCounts>
  readonly total: CutCounts
  /** The same of messages that a retention removed from bronze. */
  readonly removed: ReadonlyMap<string, number>
  readonly watermarkUs: bigint | undefined
  /** Newest ingested_ts of all cuts, µs. */
  readonly ingestedUs: bigint
}

/** Beyond every cut there is. */
const ALL_CUTS = Number.MAX_SAFE_INTEGER

/** Reads from the rows of sluice.cuts what going back to a cut means for the sources. */
export async function planRestore(
  session: Session,
  cutsRelation: string,
  cutNumber: number,
): Promise<RestorePlan> {
  const now = await readPartPositions(session, cutsRelation, ALL_CUTS)
  const known = await readPartPositions(session, cutsRelation, cutNumber)
  const then = new Map([...now].map(([key, part]) => [key, restoredPart(part, known.get(key))]))
  const removed = await readRemoved(session, cutsRelation, cutNumber)
  const counts = await readDifferences(session, cutsRelation, cutNumber)
  const { '': total = NO_COUNTS, ...ofParts } = counts
  // A replay changes counts of parts that rest, a retention what bronze has of them.
  const isTold = (key: string) =>
    removed.has(key) || Object.values(ofParts[key] ?? NO_COUNTS).some((count) => count !== 0)
  const progress = [...now].flatMap(([key, part]) => {
    const steps = stepBetween(part, then.get(key) ?? part)
    return steps.length === 0 && isTold(key) ? [restingAt(part)] : steps
  })
  const [last] = await session.rows<{ ingested_us: bigint | null }>(
    `SELECT max(epoch_us(ingested_ts)) AS ingested_us FROM ${cutsRelation}`,
  )
  return {
    now,
    then,
    progress,
    counts: new Map(Object.entries(ofParts)),
    total,
    removed,
    watermarkUs: await readWatermark(session, cutsRelation, cutNumber),
    ingestedUs: last?.ingested_us ?? 0n,
  }
}

/**
 * A part as it stood after the cut; one that was met later as it was when it was met. A file that
 * is back at its start is forgotten: no row would come from it, and the watermark would wait. A
 * topic's part that was given up, as its log is gone, stays so: nothing brings the log back.
 */
function restoredPart(now: PartPosition, known: PartPosition | undefined): PartPosition {
  const then = {
    ...(known ?? {
      ...now,
      endOffset: now.firstOffset,
      maxEventUs: undefined,
      newestReceivedUs: undefined,
    }),
    isFinished: isFilePart(now.part) ? (known?.isFinished ?? false) : now.isFinished,
  }
  const isMoved = then.endOffset !== now.endOffset || then.isFinished !== now.isFinished
  const isAtStart = then.endOffset === then.firstOffset && !then.isFinished
  if (!isMoved && known === undefined) return now
  return isMoved && isAtStart && isFilePart(now.part) ? { ...then, isForgotten: true } : then
}

function stepBetween(from: PartPosition, to: PartPosition): PartProgress[] {
  if (from.endOffset === to.endOffset && from.isFinished === to.isFinished) return []
  return [
    {
      part: from.part,
      startOffset: from.endOffset,
      endOffset: to.endOffset,
      messageCount: 0,
      isAtEnd: false,
      isFinished: to.isFinished,
    },
  ]
}

async function readRemoved(
  session: Session,
  cutsRelation: string,
  cutNumber: number,
): Promise<Map<string, number>> {
  const rows = await session.rows<{ source: string; source_partition: number; n: number }>(
    `SELECT source, source_partition, -sum(removed_count)::DOUBLE AS n FROM ${cutsRelation} ` +
      `WHERE source IS NOT NULL AND cut_number > ${cutNumber} GROUP BY ALL HAVING n <> 0`,
  )
  return new Map(
    rows.map(({ source, source_partition: partition, n }) => [partKey({ source, partition }), n]),
  )
}

const countColumns = {
  messageCount: 'message_count',
  decodedCount: 'decoded_count',
  ignoredCount: 'ignored_count',
  rejectedCount: 'rejected_count',
  rowCount: 'row_count',
  silverCount: 'silver_count',
  duplicateCount: 'duplicate_count',
  refusedCount: 'refused_count',
  lateCount: 'late_count',
} as const

/** The sums up to a cut minus the sums of all, by `partKey`; '' are those of the cuts' own rows. */
async function readDifferences(
  session: Session,
  cutsRelation: string,
  cutNumber: number,
): Promise<Readonly<Record<string, CutCounts>>> {
  const columns = Object.entries(countColumns).map(
    ([name, column]) =>
      `CAST(coalesce(sum(${column}) FILTER (cut_number <= ${cutNumber}), 0) - sum(${column}) ` +
      `AS DOUBLE) AS "${name}"`,
  )
  const rows = await session.rows<
    CutCounts & { readonly source: string | null; readonly source_partition: number | null }
  >(
    `SELECT source, source_partition, ${columns.join(', ')} FROM ${cutsRelation} ` +
      `GROUP BY source, source_partition`,
  )
  return Object.fromEntries(
    rows.map(({ source, source_partition: partition, ...counts }) => {
      return [source === null ? '' : partKey({ source, partition: partition ?? 0 }), counts]
    }),
  )
}

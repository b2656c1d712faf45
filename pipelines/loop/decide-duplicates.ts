import { duplicatesSql, identityHashSql } from '../../shared-transforms/duplicates.ts'
import type { Kind } from '../../shared-transforms/kind.ts'
import type { Session } from '../../tables/engine/engine.ts'
import { IDENTITY_REACH_US, memoryTable, type DedupeMemory } from './dedupe-memory.ts'

/** A relation with silver's rows whose event time lies in the range (µs, both ends included). */
export type SilverLookup = (
  kind: Kind,
  range: { readonly fromUs: bigint; readonly untilUs: bigint },
) => Promise<string>

const DAY_US = 86_400_000_000n
/** Days that are looked up one by one; more than that are read as one range. */
const MAX_LOOKUP_RANGES = 32

/**
 * From `decoded_<kind>` to `verdict_<kind>`: its good rows with identity_hash and `verdict`
 * (accepted, duplicate, conflict). Silver is read only for rows that the memory cannot answer for,
 * and only around their event times.
 */
export async function decideDuplicates(
  session: Session,
  memory: DedupeMemory,
  lookup: SilverLookup,
): Promise<void> {
  const { kind } = memory
  const id = `${kind}_id`
  await session.run(
    `CREATE OR REPLACE TABLE candidate_${kind} AS SELECT d.* EXCLUDE (payload), ` +
      `CASE WHEN ${id} IS NULL THEN NULL ELSE ${identityHashSql(kind, 'd')} END AS identity_hash ` +
      `FROM decoded_${kind} d WHERE reason IS NULL`,
  )
  await readAccepted(session, memory, lookup)
  const isSuspect =
    `identity_hash IN (SELECT identity_hash FROM candidate_${kind} GROUP BY ALL ` +
    `HAVING count(*) > 1) OR (venue, venue_symbol, ${id}) IN ` +
    `(SELECT (venue, venue_symbol, ${id}) FROM accepted_${kind})`
  await session.run(
    `CREATE OR REPLACE TABLE suspect_${kind} AS SELECT * FROM candidate_${kind} ` +
      `WHERE identity_hash IS NOT NULL AND (${isSuspect})`,
  )
  const isPlain =
    'NOT EXISTS (SELECT 1 FROM ' +
    `suspect_${kind} s WHERE s.source = c.source AND s.source_partition = c.source_partition ` +
    'AND s.source_offset = c.source_offset AND s.source_row = c.source_row)'
  const decided = duplicatesSql(kind, {
    candidates: `suspect_${kind}`,
    accepted: `accepted_${kind}`,
  })
  const suspects = await session.rows<{ count: bigint }>(
    `SELECT count(*) AS count FROM suspect_${kind}`,
  )
  const hasSuspects = (suspects[0]?.count ?? 0n) > 0n
  await session.run(
    `CREATE OR REPLACE TABLE verdict_${kind} AS SELECT *, 'accepted' AS verdict ` +
      `FROM candidate_${kind} c` +
      (hasSuspects ? ` WHERE ${isPlain} UNION ALL BY NAME SELECT * FROM (${decided})` : ''),
  )
}

/** Fills `accepted_<kind>` with silver's rows that may share an identity, each once. */
async function readAccepted(
  session: Session,
  memory: DedupeMemory,
  lookup: SilverLookup,
): Promise<void> {
  const { kind } = memory
  const isUncovered =
    memory.completeFromUs === undefined
      ? 'false'
      : `epoch_us(event_ts) - ${IDENTITY_REACH_US} <= ${memory.completeFromUs}`
  const isHit = `identity_hash IN (SELECT identity_hash FROM ${memoryTable(kind)})`
  await session.run(
    `CREATE OR REPLACE TABLE lookup_${kind} AS SELECT venue, venue_symbol, ${kind}_id, event_ts ` +
      `FROM candidate_${kind} WHERE identity_hash IS NOT NULL AND (${isUncovered} OR ${isHit})`,
  )
  const days = await session.rows<{ day: bigint; low: bigint; high: bigint }>(
    `SELECT epoch_us(event_ts) // ${DAY_US} AS day, min(epoch_us(event_ts)) AS low, ` +
      `max(epoch_us(event_ts)) AS high FROM lookup_${kind} GROUP BY day ORDER BY day`,
  )
  await session.run(
    `CREATE OR REPLACE TABLE accepted_${kind} AS SELECT * EXCLUDE (is_event_time_received) ` +
      `FROM candidate_${kind} WHERE false`,
  )
  for (const range of lookupRanges(days)) {
    const rows = await lookup(kind, range)
    await session.run(
      `INSERT INTO accepted_${kind} BY NAME SELECT s.* FROM ${rows} s SEMI JOIN lookup_${kind} l ` +
        `USING (venue, venue_symbol, ${kind}_id)`,
    )
  }
}

/** Ranges that cover every lookup ± H without overlap, so that no silver row is read twice. */
function lookupRanges(
  days: readonly { readonly low: bigint; readonly high: bigint }[],
): { fromUs: bigint; untilUs: bigint }[] {
  const ranges: { fromUs: bigint; untilUs: bigint }[] = []
  for (const { low, high } of days) {
    const fromUs = low - IDENTITY_REACH_US
    const untilUs = high + IDENTITY_REACH_US
    const previous = ranges.at(-1)
    const joins =
      previous !== undefined && (fromUs <= previous.untilUs || ranges.length === MAX_LOOKUP_RANGES)
    if (joins) previous.untilUs = untilUs > previous.untilUs ? untilUs : previous.untilUs
    else ranges.push({ fromUs, untilUs })
  }
  return ranges
}

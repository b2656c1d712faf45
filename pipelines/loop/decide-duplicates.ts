import {
  duplicateRule,
  duplicatesSql,
  identityHashSql,
} from '../../shared-transforms/duplicates.ts'
import type { Kind } from '../../shared-transforms/kind.ts'
import { IDENTITY_REACH_US, memoryTable, type DedupeMemory } from './dedupe-memory.ts'
import { isReplaced } from './replaced-sources.ts'
import type { StepSession } from './step-session.ts'
import { DAY_US } from '../lake/utc-days.ts'

/** A relation with silver's rows whose event time lies in the range (µs, both ends included). */
export type SilverLookup = (
  kind: Kind,
  range: { readonly fromUs: bigint; readonly untilUs: bigint },
) => Promise<string>

/** Days that are looked up one by one; more than that are read as one range. */
const MAX_LOOKUP_RANGES = 32

/**
 * A relation with the good rows of `decoded_<kind>`, identity_hash and `verdict` (accepted,
 * duplicate, conflict): the table `verdict_<kind>`, or, of a large batch without ids, which are all
 * accepted, the decoded rows themselves. Silver is read only for rows that the memory cannot answer
 * for, and only around their event times. Rows of a source that does not count on their day pass for
 * duplicates, and are compared with nothing.
 */
export async function decideDuplicates(
  session: StepSession,
  memory: DedupeMemory,
  lookup: SilverLookup,
  facts: {
    /** Rows of the kind may have ids. */
    readonly hasIds: boolean
    /** REPLACED_SOURCE has rows. */
    readonly hasReplaced: boolean
  },
): Promise<string> {
  const { kind } = memory
  const { hasIds, hasReplaced } = facts
  const hash = `CASE WHEN ${kind}_id IS NOT NULL THEN ${identityHashSql(kind, 'd')} END`
  const good =
    `SELECT d.* EXCLUDE (${MESSAGE_COLUMNS}), ${hasIds ? hash : 'NULL::UBIGINT'} AS identity_hash, ` +
    `'accepted' AS verdict FROM decoded_${kind} d WHERE reason IS NULL`
  if (!hasIds && !hasReplaced && session.isLarge()) return `(${good})`
  const verdicts = verdictTable(kind)
  await session.add(verdicts, good)
  if (hasReplaced) {
    await session.runKept(
      `UPDATE ${verdicts} SET verdict = 'duplicate', identity_hash = NULL WHERE ${isReplaced(kind)}`,
    )
  }
  if (!hasIds) return verdicts
  await session.fillOnce(`lookup_${kind}`, lookupSql(memory))
  const [found] = await session.rowsKept<{ lookups: bigint; repeated: bigint }>(
    `SELECT (SELECT count(*) FROM lookup_${kind}) AS lookups, ` +
      `(SELECT count(identity_hash) - count(DISTINCT identity_hash) FROM verdict_${kind}) ` +
      `AS repeated`,
  )
  if ((found?.lookups ?? 0n) === 0n && (found?.repeated ?? 0n) === 0n) return verdicts
  await readAccepted(session, kind, lookup)
  await judgeSuspects(session, kind)
  return verdicts
}

/** The table of a kind's verdicts, where they are one. */
export function verdictTable(kind: Kind): string {
  return `verdict_${kind}`
}

/** What a verdict does not need of a decoded row: it stays in `routed`. */
export const MESSAGE_COLUMNS =
  'message_key, headers, payload, payload_encoding, format, kind, reason, detail'

/** Only rows that share an identity with another row go through the rule; it is not cheap. */
async function judgeSuspects(session: StepSession, kind: Kind): Promise<void> {
  const id = `${kind}_id`
  const isSuspect =
    `identity_hash IN (SELECT identity_hash FROM verdict_${kind} GROUP BY ALL ` +
    `HAVING count(*) > 1) OR (venue, venue_symbol, ${id}) IN ` +
    `(SELECT (venue, venue_symbol, ${id}) FROM accepted_${kind})`
  await session.fill(
    `suspect_${kind}`,
    `SELECT * EXCLUDE (verdict) FROM verdict_${kind} ` +
      `WHERE identity_hash IS NOT NULL AND (${isSuspect})`,
  )
  await session.runKept(
    `DELETE FROM verdict_${kind} v USING suspect_${kind} s WHERE s.source = v.source ` +
      `AND s.source_partition = v.source_partition AND s.source_offset = v.source_offset ` +
      `AND s.source_row = v.source_row`,
  )
  const decided = duplicatesSql(duplicateRule(session.model.tables, kind), {
    candidates: `suspect_${kind}`,
    accepted: `accepted_${kind}`,
  })
  await session.add(`verdict_${kind}`, `SELECT * FROM (${decided})`)
}

/**
 * The tables that rows with ids go through, empty. Call before the first statement whose plan is
 * kept: a table that a later batch makes voids the plans of all earlier ones.
 */
export async function createDuplicateTables(session: StepSession, kind: Kind): Promise<void> {
  const verdicts = `empty_verdict_${kind}`
  await session.createEmpty(
    `lookup_${kind}`,
    `SELECT venue, venue_symbol, ${kind}_id, event_ts FROM ${verdicts}`,
  )
  await session.createEmpty(`accepted_${kind}`, acceptedShape(verdicts))
  await session.createEmpty(`suspect_${kind}`, `SELECT * EXCLUDE (verdict) FROM ${verdicts}`)
}

function acceptedShape(verdicts: string): string {
  return `SELECT * EXCLUDE (is_event_time_received, verdict) FROM ${verdicts} WHERE false`
}

/** Rows that the memory cannot answer for: not covered by it, or found in it. */
function lookupSql({ kind, completeFromUs }: DedupeMemory): string {
  const isUncovered =
    completeFromUs === undefined
      ? 'false'
      : `epoch_us(event_ts) - ${IDENTITY_REACH_US} <= ${completeFromUs}`
  const isHit = `identity_hash IN (SELECT identity_hash FROM ${memoryTable(kind)})`
  return (
    `SELECT venue, venue_symbol, ${kind}_id, event_ts FROM verdict_${kind} ` +
    `WHERE identity_hash IS NOT NULL AND (${isUncovered} OR ${isHit})`
  )
}

/** Fills `accepted_<kind>` with silver's rows that may share an identity, each once. */
async function readAccepted(session: StepSession, kind: Kind, lookup: SilverLookup): Promise<void> {
  const days = await session.rowsKept<{ day: bigint; low: bigint; high: bigint }>(
    `SELECT epoch_us(event_ts) // ${DAY_US} AS day, min(epoch_us(event_ts)) AS low, ` +
      `max(epoch_us(event_ts)) AS high FROM lookup_${kind} GROUP BY day ORDER BY day`,
  )
  await session.clear(`accepted_${kind}`, acceptedShape(`verdict_${kind}`))
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

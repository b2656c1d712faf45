import { framedColumns } from '../../shared-transforms/frame.ts'
import { MESSAGE_COLUMNS } from '../loop/decide-duplicates.ts'
import { deriveBatch } from '../loop/derive-batch.ts'
import type { LoopContext } from '../loop/loop-context.ts'
import { ownColumns } from '../loop/own-columns.ts'
import type { StepSession } from '../loop/step-session.ts'
import { planBronze, sliceBronze, taskKey, type BronzeSlice } from './plan-bronze.ts'
import { isInRange, withMargin, type DayRange } from '../lake/utc-days.ts'

/**
 * Bronze of a range through routing and decoding, once. What comes of it stays in the engine:
 *
 * | table | |
 * |---|---|
 * | again_message | every message that was read: position, event time and `is_ignored` of bronze, `is_ignored` now |
 * | again_&lt;kind&gt; | good rows of the range, and those a day beside it that may shut one out |
 * | again_refused | messages that do not decode, as silver.rejected_messages holds them |
 * | again_elsewhere | good rows outside of the range, of messages that belong to it or to no day |
 */
export interface Derivation {
  readonly range: DayRange
  /** Files of bronze that were read, with their deletes. */
  readonly known: Set<string>
  readonly messageCount: number
}

export const POSITION = 'source, source_partition, source_offset'
const REJECTED = 'silver.rejected_messages'

/** Empty tables for a range. The context's batch tables must be there. */
export async function startDerivation(
  { session }: LoopContext,
  range: DayRange,
): Promise<Derivation> {
  await session.run(
    'CREATE OR REPLACE TABLE again_message (source VARCHAR, source_partition INTEGER, ' +
      'source_offset BIGINT, event_ts TIMESTAMPTZ, was_ignored BOOLEAN, is_ignored BOOLEAN)',
  )
  await session.run(
    'CREATE OR REPLACE TABLE again_elsewhere (source VARCHAR, source_partition INTEGER, ' +
      'source_offset BIGINT, event_ts TIMESTAMPTZ, bronze_event_ts TIMESTAMPTZ)',
  )
  await session.run(
    `CREATE OR REPLACE TABLE again_refused AS SELECT ${ownColumns(session, REJECTED)} FROM empty_decoded_trade`,
  )
  for (const kind of session.model.kinds) {
    await session.run(
      `CREATE OR REPLACE TABLE again_${kind} AS ` +
        `SELECT * EXCLUDE (${MESSAGE_COLUMNS}) FROM empty_decoded_${kind}`,
    )
  }
  return { range, known: new Set(), messageCount: 0 }
}

/**
 * Reads what bronze holds of the range and was not read before: all of it the first time, later
 * only what live took in meanwhile. Answers with the same derivation where there was nothing.
 */
export async function deriveOn(
  context: LoopContext,
  derivation: Derivation,
  signal?: AbortSignal,
): Promise<Derivation> {
  const { range, known } = derivation
  const plans = await planBronze(context, range)
  const fresh = plans.map((plan) => {
    return { ...plan, tasks: plan.tasks.filter((task) => !known.has(taskKey(task))) }
  })
  let { messageCount } = derivation
  for (const slice of await sliceBronze(context, fresh, range)) {
    signal?.throwIfAborted()
    messageCount += await deriveSlice(context.session, slice, range)
  }
  for (const { tasks } of fresh) for (const task of tasks) known.add(taskKey(task))
  return messageCount === derivation.messageCount ? derivation : { range, known, messageCount }
}

/** Answers how many messages the slice had that were not read before. */
async function deriveSlice(
  session: StepSession,
  { rows, messageCount }: BronzeSlice,
  range: DayRange,
): Promise<number> {
  const framed = framedColumns.join(', ')
  await session.startBatch(messageCount)
  // A file that compaction wrote anew holds messages that were read from another one.
  await session.run(
    `CREATE OR REPLACE TABLE again_slice AS SELECT ${framed}, format, event_ts, is_ignored ` +
      `FROM ${rows} b ANTI JOIN again_message USING (${POSITION})`,
  )
  const formats = await session.rows<{ format: string; n: bigint }>(
    'SELECT format, count(*) AS n FROM again_slice GROUP BY format ORDER BY format',
  )
  if (formats.length === 0) return 0
  await session.fill('framed', `SELECT ${framed}, format FROM again_slice`)
  await deriveBatch(
    session,
    formats.map(({ format }) => format),
  )
  await session.run(
    `INSERT INTO again_message SELECT ${POSITION}, s.event_ts, s.is_ignored, r.is_ignored ` +
      `FROM again_slice s JOIN routed r USING (${POSITION})`,
  )
  for (const kind of session.model.kinds) await keepDecoded(session, kind, range)
  return formats.reduce((sum, { n }) => sum + Number(n), 0)
}

async function keepDecoded(
  session: StepSession,
  kind: (typeof session.model.kinds)[number],
  range: DayRange,
): Promise<void> {
  const isInside = isInRange('event_ts', range)
  // A row's identity hangs on other times than its own only where that is the receive time.
  const isBeside = `(is_event_time_received AND ${isInRange('event_ts', withMargin(range))})`
  await session.run(
    `INSERT INTO again_${kind} BY NAME SELECT * EXCLUDE (${MESSAGE_COLUMNS}) ` +
      `FROM decoded_${kind} WHERE reason IS NULL AND (${isInside} OR ${isBeside})`,
  )
  await session.run(
    `INSERT INTO again_refused BY NAME SELECT ${ownColumns(session, REJECTED)} FROM decoded_${kind} ` +
      'WHERE reason IS NOT NULL',
  )
  await session.run(
    `INSERT INTO again_elsewhere SELECT ${POSITION}, d.event_ts, s.event_ts FROM ` +
      `(SELECT * FROM decoded_${kind} WHERE reason IS NULL AND NOT ${isInside}) d ` +
      `JOIN (SELECT * FROM again_slice WHERE event_ts IS NULL OR ${isInside}) s ` +
      `USING (${POSITION})`,
  )
}

import { sqlString } from '../../tables/engine/sql-text.ts'
import type { Lake } from '../lake/lake.ts'
import { createBatchTables, deriveBatch } from '../loop/derive-batch.ts'
import { createFramedTable, frameBatch } from '../loop/frame-batch.ts'
import { createInstrumentsTable } from '../loop/instruments.ts'
import { leaveOut, setTakenRanges, type TakenRanges } from '../loop/leave-out.ts'
import type { StepSession } from '../loop/step-session.ts'
import type { BatchLimits, Source } from '../sources/source.ts'
import { DAY_US } from '../lake/utc-days.ts'

/**
 * The engine table with what the input holds: for each kind, venue, venue_symbol, UTC day (`day`,
 * since 1970) and source its good rows `n`, how many have no id, and their event times from `low`
 * to `high`, µs.
 */
export const INPUT_RANGE = 'input_range'

/** Messages of an input that are taken; the other ones of these decode. */
export interface InputCounts {
  readonly messageCount: number
  readonly ignoredCount: number
  readonly rejectedCount: number
  /** Messages of days that are not taken. */
  readonly leftOutCount: number
}

const NO_INPUT: InputCounts = {
  messageCount: 0,
  ignoredCount: 0,
  rejectedCount: 0,
  leftOutCount: 0,
}

/**
 * Reads an input through the transforms, from the positions on, and writes nothing. Memory holds a
 * batch, and a row a day of each symbol. `signal` ends it early.
 */
export async function readInput(
  session: StepSession,
  options: {
    readonly lake: Lake
    readonly source: Source
    readonly positions: ReadonlyMap<string, bigint>
    readonly takenRanges?: TakenRanges | undefined
    readonly limits: BatchLimits
    readonly signal: AbortSignal
    readonly onBatch: () => void
  },
): Promise<InputCounts> {
  const { source, signal } = options
  await createInstrumentsTable(session, [])
  await createFramedTable(session)
  await createBatchTables(session)
  const { takenRanges } = options
  if (takenRanges !== undefined) await setTakenRanges(session, takenRanges)
  await session.run(
    `CREATE OR REPLACE TABLE ${INPUT_RANGE} (kind VARCHAR, venue VARCHAR, venue_symbol VARCHAR, ` +
      'day BIGINT, source VARCHAR, n BIGINT, without_id BIGINT, low BIGINT, high BIGINT)',
  )
  let counts = NO_INPUT
  await source.open(options.positions)
  try {
    for (;;) {
      const batch = await source.next(options.limits, signal)
      if (batch === undefined || signal.aborted) return counts
      const framed = await frameBatch(session, batch, options.lake.clock.nowUs())
      const formatNames = new Set(batch.segments.map(({ format }) => format))
      await deriveBatch(session, [...formatNames], framed)
      const leftOutCount = takenRanges === undefined ? 0 : await leaveOut(session)
      counts = await countBatch(session, {
        ...counts,
        leftOutCount: counts.leftOutCount + leftOutCount,
      })
      await foldRanges(session)
      await source.release(batch)
      options.onBatch()
    }
  } finally {
    await source.close()
  }
}

async function countBatch(session: StepSession, before: InputCounts): Promise<InputCounts> {
  const rejected = session.model.kinds.map(
    (kind) => `(SELECT count(*) FROM decoded_${kind} WHERE reason IS NOT NULL)`,
  )
  const [row] = await session.rowsKept<{ messages: bigint; ignored: bigint; rejected: bigint }>(
    `SELECT count(*) AS messages, count(*) FILTER (is_ignored) AS ignored, ` +
      `${rejected.join(' + ')} AS rejected FROM routed`,
  )
  return {
    ...before,
    messageCount: before.messageCount + Number(row?.messages ?? 0n),
    ignoredCount: before.ignoredCount + Number(row?.ignored ?? 0n),
    rejectedCount: before.rejectedCount + Number(row?.rejected ?? 0n),
  }
}

async function foldRanges(session: StepSession): Promise<void> {
  const key = 'kind, venue, venue_symbol, day, source'
  const batch = session.model.kinds.map(
    (kind) =>
      `SELECT ${sqlString(kind)} AS kind, venue, venue_symbol, ` +
      `epoch_us(event_ts) // ${DAY_US} AS day, source, 1 AS n, ` +
      `(${kind}_id IS NULL)::BIGINT AS without_id, epoch_us(event_ts) AS low, ` +
      `epoch_us(event_ts) AS high FROM decoded_${kind} WHERE reason IS NULL`,
  )
  await session.run(
    `CREATE OR REPLACE TABLE ${INPUT_RANGE} AS SELECT ${key}, sum(n)::BIGINT AS n, ` +
      `sum(without_id)::BIGINT AS without_id, min(low) AS low, max(high) AS high FROM ` +
      `(SELECT * FROM ${INPUT_RANGE} UNION ALL ${batch.join(' UNION ALL ')}) GROUP BY ${key}`,
  )
}

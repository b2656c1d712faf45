import type { Session } from '../../tables/engine/engine.ts'
import { sqlString } from '../../tables/engine/sql-text.ts'
import type { Lake } from '../lake/lake.ts'
import { createFramedTable, frameBatch } from '../loop/frame-batch.ts'
import { createInstrumentsTable } from '../loop/instruments.ts'
import { kinds } from '../../shared-transforms/kind.ts'
import { createBatchTables, deriveBatch } from '../loop/derive-batch.ts'
import { headOf, loadHeads, planHead, planRelation } from '../loop/loop-context.ts'
import { createStepSession, type StepSession } from '../loop/step-session.ts'
import { silverTable } from '../loop/write-cut-files.ts'
import type { BatchLimits, Source } from '../sources/source.ts'

/** A day of a symbol that the input and the lake both hold, with their event-time ranges, µs. */
export interface Overlap {
  readonly kind: string
  readonly venue: string
  readonly venueSymbol: string
  /** UTC day, `YYYY-MM-DD`. */
  readonly day: string
  readonly inputFromUs: bigint
  readonly inputUntilUs: bigint
  readonly lakeFromUs: bigint
  readonly lakeUntilUs: bigint
}

const RANGE = 'kind, venue, venue_symbol, day'

/**
 * Reads the whole input once, without writing a row, and says where its event-time range overlaps
 * what the lake holds from other sources. `ownSources` are the files of this run: what they put
 * into the lake before a stop is no overlap.
 */
export async function findOverlaps(options: {
  readonly lake: Lake
  readonly source: Source
  readonly limits: BatchLimits
  readonly ownSources: readonly string[]
  readonly onBatch: () => void
}): Promise<Overlap[]> {
  const { lake } = options
  const heads = await loadHeads(lake)
  const isFilled = kinds.some(
    (kind) => headOf(heads, silverTable(kind)).metadata['current-snapshot-id'] !== undefined,
  )
  if (!isFilled) return []
  const connection = await lake.engine.connect()
  try {
    const session = createStepSession(connection)
    await collectInputRanges(session, options)
    const overlaps: Overlap[] = []
    for (const kind of kinds) {
      overlaps.push(...(await overlapsOfKind(lake, session, kind, options.ownSources, heads)))
    }
    return overlaps
  } finally {
    connection.close()
  }
}

async function collectInputRanges(
  session: StepSession,
  options: Parameters<typeof findOverlaps>[0],
): Promise<void> {
  await createInstrumentsTable(session, [])
  await createFramedTable(session)
  await createBatchTables(session)
  await session.run(
    'CREATE OR REPLACE TABLE input_range (kind VARCHAR, venue VARCHAR, venue_symbol VARCHAR, ' +
      'day BIGINT, low BIGINT, high BIGINT)',
  )
  await options.source.open(new Map())
  try {
    const { signal } = new AbortController()
    for (;;) {
      const batch = await options.source.next(options.limits, signal)
      if (batch === undefined) break
      await frameBatch(session, batch, options.lake.clock.nowUs())
      await deriveBatch(session, [...new Set(batch.segments.map(({ format }) => format))])
      for (const kind of kinds) {
        await session.run(
          `INSERT INTO input_range SELECT ${sqlString(kind)}, venue, venue_symbol, ` +
            `epoch_us(event_ts) // ${DAY_US} AS day, min(epoch_us(event_ts)), ` +
            `max(epoch_us(event_ts)) FROM decoded_${kind} WHERE reason IS NULL GROUP BY ALL`,
        )
      }
      await options.source.release(batch)
      options.onBatch()
    }
  } finally {
    await options.source.close()
  }
}

const DAY_US = 86_400_000_000n

async function overlapsOfKind(
  lake: Lake,
  session: Session,
  kind: (typeof kinds)[number],
  ownSources: readonly string[],
  heads: Awaited<ReturnType<typeof loadHeads>>,
): Promise<Overlap[]> {
  const [bounds] = await session.rows<{ low: bigint | null; high: bigint | null }>(
    `SELECT min(low) AS low, max(high) AS high FROM input_range WHERE kind = ${sqlString(kind)}`,
  )
  if (bounds?.low === undefined || bounds.low === null || bounds.high === null) return []
  const plan = await planHead(lake, headOf(heads, silverTable(kind)), [
    { column: 'event_ts', op: '>=', value: bounds.low },
    { column: 'event_ts', op: '<=', value: bounds.high },
  ])
  const silver = await planRelation(lake, plan)
  const isOther =
    ownSources.length === 0 ? 'true' : `source NOT IN (${ownSources.map(sqlString).join(', ')})`
  const rows = await session.rows<{
    venue: string
    venue_symbol: string
    day: string
    input_low: bigint
    input_high: bigint
    lake_low: bigint
    lake_high: bigint
  }>(
    `WITH input AS (SELECT ${RANGE}, min(low) AS low, max(high) AS high FROM input_range ` +
      `WHERE kind = ${sqlString(kind)} GROUP BY ALL), ` +
      `held AS (SELECT venue, venue_symbol, epoch_us(event_ts) // ${DAY_US} AS day, ` +
      `min(epoch_us(event_ts)) AS low, max(epoch_us(event_ts)) AS high ` +
      `FROM ${silver} s WHERE ${isOther} GROUP BY ALL) ` +
      `SELECT venue, venue_symbol, strftime(make_timestamp(day * ${DAY_US}), '%Y-%m-%d') AS day, ` +
      `input.low AS input_low, input.high AS input_high, held.low AS lake_low, ` +
      `held.high AS lake_high FROM input JOIN held USING (venue, venue_symbol, day) ` +
      `WHERE input.low <= held.high AND held.low <= input.high ORDER BY ALL`,
  )
  return rows.map((row) => ({
    kind,
    venue: row.venue,
    venueSymbol: row.venue_symbol,
    day: row.day,
    inputFromUs: row.input_low,
    inputUntilUs: row.input_high,
    lakeFromUs: row.lake_low,
    lakeUntilUs: row.lake_high,
  }))
}

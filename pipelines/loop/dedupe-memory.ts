import { identityHashSql } from '../../shared-transforms/duplicates.ts'
import type { Kind } from '../../shared-transforms/kind.ts'
import type { Session } from '../../tables/engine/engine.ts'

/** H of the identity rule, µs: how far a silver lookup reaches to both sides of a row. */
export const IDENTITY_REACH_US = 60_000_000n

/**
 * Identity hashes of the rows that silver took lately, of one kind. A cache and nothing else: a
 * hash that is found is confirmed against the row in silver, and a row whose neighbourhood the
 * memory does not cover is looked up there without asking the memory.
 */
export interface DedupeMemory {
  readonly kind: Kind
  /** Every accepted row later than this event time is in memory; undefined = all of them. */
  readonly completeFromUs: bigint | undefined
  readonly rowCount: number
}

/** The engine table of a kind's memory. */
export function memoryTable(kind: Kind): string {
  return `recent_${kind}`
}

/** Past every event time: nothing is covered. */
const NOTHING_COVERED_US = 1n << 62n

/** An empty memory for a lake whose silver holds no row of the kind. */
export async function createDedupeMemory(
  session: Session,
  kind: Kind,
  maxRows: number,
): Promise<DedupeMemory> {
  await session.run(
    `CREATE OR REPLACE TABLE ${memoryTable(kind)} (identity_hash UBIGINT, event_us BIGINT)`,
  )
  return { kind, rowCount: 0, completeFromUs: maxRows === 0 ? NOTHING_COVERED_US : undefined }
}

/**
 * The memory after a start: silver's rows later than watermark − 2H, out of `silverRows` (a
 * relation with the silver columns of those times).
 */
export async function reloadDedupeMemory(
  session: Session,
  kind: Kind,
  silverRows: string,
  fromUs: bigint,
  maxRows: number,
): Promise<DedupeMemory> {
  const empty = await createDedupeMemory(session, kind, maxRows)
  if (maxRows === 0) return empty
  // Silver does not say whether a row's event time was the receive time, so both hashes go in: a
  // hit too many costs one look into silver, a missing one would let a duplicate through.
  for (const isReceived of ['true', 'false']) {
    await session.run(
      `INSERT INTO ${memoryTable(kind)} SELECT ${identityHashSql(kind, 's', isReceived)}, ` +
        `epoch_us(event_ts) FROM ${silverRows} s WHERE ${kind}_id IS NOT NULL`,
    )
  }
  return bound(session, { kind, rowCount: 0, completeFromUs: fromUs }, maxRows)
}

/**
 * Takes in the rows that a cut accepted (`accepted`: a relation with identity_hash, event_ts),
 * forgets what lies behind watermark − 2H, and keeps at most `maxRows` rows.
 */
export async function rememberAccepted(
  session: Session,
  memory: DedupeMemory,
  accepted: string,
  watermarkUs: bigint | undefined,
  maxRows: number,
): Promise<DedupeMemory> {
  if (maxRows === 0) return memory
  const table = memoryTable(memory.kind)
  const horizonUs = watermarkUs === undefined ? undefined : watermarkUs - 2n * IDENTITY_REACH_US
  const fromUs = latest(horizonUs, memory.completeFromUs)
  const isRecent = fromUs === undefined ? '' : ` AND epoch_us(event_ts) > ${fromUs}`
  await session.run(
    `INSERT INTO ${table} SELECT identity_hash, epoch_us(event_ts) FROM ${accepted} ` +
      `WHERE identity_hash IS NOT NULL${isRecent}`,
  )
  return bound(session, { ...memory, completeFromUs: fromUs }, maxRows)
}

/** Drops rows behind `completeFromUs` once they are half of the table, and rows over the bound. */
async function bound(
  session: Session,
  memory: DedupeMemory,
  maxRows: number,
): Promise<DedupeMemory> {
  const table = memoryTable(memory.kind)
  const fromUs = memory.completeFromUs ?? -NOTHING_COVERED_US
  const [counts] = await session.rows<{ total: bigint; live: bigint }>(
    `SELECT count(*) AS total, count(*) FILTER (event_us > ${fromUs}) AS live FROM ${table}`,
  )
  const total = Number(counts?.total ?? 0n)
  const live = Number(counts?.live ?? 0n)
  if (live > maxRows) {
    // The newest half of the bound stays, so that the next cuts do not trim again at once.
    const keep = Math.floor(maxRows / 2)
    const [cutoff] = await session.rows<{ event_us: bigint }>(
      `SELECT event_us FROM ${table} ORDER BY event_us DESC LIMIT 1 OFFSET ${keep}`,
    )
    const completeFromUs = cutoff?.event_us ?? NOTHING_COVERED_US
    return keepLaterThan(session, { ...memory, completeFromUs })
  }
  if (total > 1000 && live * 2 < total) return keepLaterThan(session, memory)
  return { ...memory, rowCount: total }
}

async function keepLaterThan(session: Session, memory: DedupeMemory): Promise<DedupeMemory> {
  const table = memoryTable(memory.kind)
  // A new table instead of DELETE: deleted rows of an in-memory table keep their memory.
  await session.run(
    `CREATE OR REPLACE TABLE ${table} AS SELECT * FROM ${table} ` +
      `WHERE event_us > ${memory.completeFromUs ?? -NOTHING_COVERED_US}`,
  )
  const [counts] = await session.rows<{ total: bigint }>(`SELECT count(*) AS total FROM ${table}`)
  return { ...memory, rowCount: Number(counts?.total ?? 0n) }
}

function latest(a: bigint | undefined, b: bigint | undefined): bigint | undefined {
  if (a === undefined) return b
  return b === undefined || a > b ? a : b
}

import { sqlString } from '../../tables/engine/sql-text.ts'
import type { DataFile } from '../../tables/spec/manifest.ts'
import { WINDOW_KEY, type GoldTable } from './gold-tables.ts'
import { CLOSING_US } from './loop-times.ts'
import type { StepSession } from './step-session.ts'

/**
 * The tail of a gold table: its open windows, and sealed ones that are waiting for their file.
 * It is one table in the engine (`<state>_tail`) and one small data file a month in the lake that
 * each cut replaces. A window is in the tail or live in a sealed file, never in both.
 */
export interface GoldTail {
  readonly gold: GoldTable
  /** Locations of the live tail files. */
  readonly files: readonly string[]
  /** Watermark at which sealed windows last left the tail. */
  readonly flushedAtUs: bigint | undefined
}

/** File names of tail files begin with it: after a restart that tells them from sealed files. */
export const TAIL_FILE_PREFIX = 'tail-'

/** Sealed windows leave the tail once the watermark has moved this far since they last did. */
const FLUSH_AFTER_US = 300_000_000n
/** … or once this many of them wait, */
const MAX_SEALED_IN_TAIL = 512n
/** … or this many repaired ones in one month. */
const MAX_REPAIRED_IN_TAIL = 64n

/** Committed windows outside the tail that a batch touches, as `<state>_found` holds them. */
export interface FoundWindows {
  /** Rows to delete, by the sealed file that holds them. */
  readonly deletes: readonly { readonly file: DataFile; readonly positions: readonly bigint[] }[]
}

/** Reads sealed windows: a relation with gold's columns, `_file` and `_pos`, and its files. */
export type GoldLookup = (
  gold: GoldTable,
  range: { readonly step: string; readonly fromUs: bigint; readonly untilUs: bigint },
) => Promise<{ readonly rows: string; readonly files: ReadonlyMap<string, DataFile> } | undefined>

const KEY = WINDOW_KEY.join(', ')

export interface TailChange {
  readonly isChanged: boolean
  readonly touchedCount: number
  readonly isFlushed: boolean
  readonly deletes: FoundWindows['deletes']
}

/**
 * Merges accepted rows (`rows`: a relation; undefined: the batch holds none of the kind) into the
 * windows, and leaves in the engine
 * `<state>_next` (the tail after this cut) and `<state>_sealed` (windows that move to a sealed
 * file now). The tail itself is untouched until `adoptTail`.
 */
export async function mergeIntoTail(
  session: StepSession,
  tail: GoldTail,
  rows: string | undefined,
  lookup: GoldLookup,
  watermarkUs: bigint | undefined,
): Promise<TailChange> {
  const { gold } = tail
  const { state } = gold
  const partial = rows === undefined ? `SELECT * FROM empty_${state}` : gold.partialSql(rows)
  await session.fill(`${state}_partial`, partial)
  const [facts] = await session.rowsKept<{ touched: bigint; sealing: bigint; outside: bigint }>(
    `SELECT (SELECT count(*) FROM ${state}_partial) AS touched, ` +
      `(SELECT count(*) FROM ${state}_tail WHERE NOT is_sealed AND ${isClosed('close_ts')}) ` +
      `AS sealing, (SELECT count(*) FROM ${state}_partial ANTI JOIN ${state}_tail ` +
      `USING (${KEY})) AS outside`,
  )
  const touchedCount = Number(facts?.touched ?? 0n)
  if (touchedCount === 0 && (facts?.sealing ?? 0n) === 0n) {
    return { isChanged: false, touchedCount: 0, isFlushed: false, deletes: [] }
  }
  await session.clear(`${state}_found`, emptyFound(state))
  const deletes = (facts?.outside ?? 0n) > 0n ? await findSealed(session, gold, lookup) : []
  await session.fill(`${state}_next`, nextTailSql(gold))
  const isFlushed = await flushIfDue(session, tail, watermarkUs)
  return { isChanged: true, touchedCount, isFlushed, deletes }
}

/** Makes the tail that the committed cut wrote the tail to go on from. */
export async function adoptTail(
  session: StepSession,
  tail: GoldTail,
  change: TailChange,
  files: readonly string[],
  watermarkUs: bigint | undefined,
): Promise<GoldTail> {
  if (!change.isChanged) return tail
  const { state } = tail.gold
  await session.fill(`${state}_tail`, `SELECT * FROM ${state}_next`)
  return { ...tail, files, flushedAtUs: change.isFlushed ? watermarkUs : tail.flushedAtUs }
}

/** The tail of a lake at its start: what the tail files hold (`rows`: gold's columns, or none). */
export async function loadTail(
  session: StepSession,
  gold: GoldTable,
  rows: string | undefined,
  files: readonly string[],
  watermarkUs: bigint | undefined,
): Promise<GoldTail> {
  const { state } = gold
  const noRows = `(SELECT * FROM empty_verdict_${gold.kind})`
  await session.run(`CREATE OR REPLACE TABLE empty_${state} AS ${gold.partialSql(noRows)}`)
  await session.run(
    `CREATE OR REPLACE TABLE ${state}_tail AS SELECT *, 0::INTEGER AS revision, ` +
      `false AS is_sealed, false AS is_repaired FROM empty_${state}`,
  )
  if (rows !== undefined) {
    const columns = await columnsOf(session, `empty_${state}`)
    await session.run(
      `INSERT INTO ${state}_tail BY NAME SELECT ${columns}, revision, is_sealed, ` +
        `revision > 0 AS is_repaired FROM ${rows}`,
    )
  }
  return { gold, files, flushedAtUs: watermarkUs }
}

function isClosed(closeTs: string): string {
  return `coalesce(epoch_us(${closeTs}) <= ${CLOSING_US}, false)`
}

function emptyFound(state: string): string {
  return `SELECT *, NULL::VARCHAR AS _file, NULL::BIGINT AS _pos FROM ${state}_tail WHERE false`
}

async function findSealed(
  session: StepSession,
  gold: GoldTable,
  lookup: GoldLookup,
): Promise<FoundWindows['deletes']> {
  const { state } = gold
  const ranges = await session.rows<{ step: string; low: bigint; high: bigint }>(
    `SELECT step, min(epoch_us(open_ts)) AS low, max(epoch_us(open_ts)) AS high ` +
      `FROM ${state}_partial ANTI JOIN ${state}_tail USING (${KEY}) GROUP BY step ORDER BY step`,
  )
  const files = new Map<string, DataFile>()
  const columns = await columnsOf(session, `${state}_partial`)
  for (const { step, low, high } of ranges) {
    const found = await lookup(gold, { step, fromUs: low, untilUs: high })
    if (found === undefined) continue
    await session.run(
      `INSERT INTO ${state}_found BY NAME SELECT ${columns}, revision, is_sealed, ` +
        `revision > 0 AS is_repaired, _file, _pos FROM ${found.rows} f ` +
        `SEMI JOIN (SELECT * FROM ${state}_partial ANTI JOIN ${state}_tail USING (${KEY})) n ` +
        `USING (${KEY}) WHERE f.step = ${sqlString(step)}`,
    )
    for (const [location, file] of found.files) files.set(location, file)
  }
  const positions = await session.rows<{ _file: string; _pos: bigint }>(
    `SELECT _file, _pos FROM ${state}_found ORDER BY _file, _pos`,
  )
  return groupByFile(positions, files)
}

function groupByFile(
  rows: readonly { readonly _file: string; readonly _pos: bigint }[],
  files: ReadonlyMap<string, DataFile>,
): { file: DataFile; positions: bigint[] }[] {
  const groups = new Map<string, { file: DataFile; positions: bigint[] }>()
  for (const row of rows) {
    const file = files.get(row._file)
    if (file === undefined) throw new RangeError(`${row._file} is not in the scan's plan`)
    const group = groups.get(row._file) ?? { file, positions: [] }
    group.positions.push(row._pos)
    groups.set(row._file, group)
  }
  return [...groups.values()]
}

/** Touched windows merged with what is committed of them, and the untouched rest of the tail. */
function nextTailSql(gold: GoldTable): string {
  const { state } = gold
  const committed =
    `(SELECT * FROM ${state}_tail SEMI JOIN ${state}_partial USING (${KEY}) ` +
    `UNION ALL BY NAME SELECT * EXCLUDE (_file, _pos) FROM ${state}_found)`
  const states =
    `(SELECT * FROM ${state}_partial UNION ALL BY NAME ` +
    `SELECT * EXCLUDE (revision, is_sealed, is_repaired) FROM ${committed})`
  // A window that was sealed and changes is a new revision of it; an open one just goes on.
  return (
    `SELECT m.*, coalesce(c.revision + c.is_sealed::INTEGER, 0)::INTEGER AS revision, ` +
    `${isClosed('m.close_ts')} AS is_sealed, ` +
    `coalesce(c.is_sealed OR c.is_repaired, false) AS is_repaired ` +
    `FROM (${gold.mergeSql(states)}) m LEFT JOIN ${committed} c USING (${KEY}) ` +
    `UNION ALL BY NAME SELECT * REPLACE (${isClosed('close_ts')} AS is_sealed) ` +
    `FROM ${state}_tail ANTI JOIN ${state}_partial USING (${KEY})`
  )
}

/** Moves sealed windows from `<state>_next` to `<state>_sealed` where they are due. */
async function flushIfDue(
  session: StepSession,
  tail: GoldTail,
  watermarkUs: bigint | undefined,
): Promise<boolean> {
  const { state } = tail.gold
  const [counts] = await session.rowsKept<{ sealed: bigint; repaired: bigint | null }>(
    `SELECT (SELECT count(*) FROM ${state}_next WHERE is_sealed) AS sealed, ` +
      `(SELECT max(n) FROM (SELECT count(*) AS n FROM ${state}_next WHERE is_repaired ` +
      `GROUP BY date_trunc('month', open_ts))) AS repaired`,
  )
  const sealed = counts?.sealed ?? 0n
  const hasMoved =
    watermarkUs !== undefined &&
    (tail.flushedAtUs === undefined || watermarkUs - tail.flushedAtUs >= FLUSH_AFTER_US)
  const isFlushed =
    sealed > 0n &&
    (hasMoved || sealed > MAX_SEALED_IN_TAIL || (counts?.repaired ?? 0n) > MAX_REPAIRED_IN_TAIL)
  await session.fill(
    `${state}_sealed`,
    `SELECT * FROM ${state}_next WHERE ${isFlushed ? 'is_sealed' : 'false'}`,
  )
  if (isFlushed) await session.run(`DELETE FROM ${state}_next WHERE is_sealed`)
  return isFlushed
}

async function columnsOf(session: StepSession, table: string): Promise<string> {
  const rows = await session.rows<{ column_name: string }>(
    `SELECT column_name FROM (DESCRIBE ${table})`,
  )
  return rows.map((row) => `"${row.column_name}"`).join(', ')
}

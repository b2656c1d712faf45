import { sqlName, sqlString } from '../../tables/engine/sql-text.ts'
import type { DataFile } from '../../tables/spec/manifest.ts'
import type { DeletedPositions } from '../../tables/write/write-position-deletes.ts'
import { deriveDaysAgain, type WindowSources } from './derive-days-again.ts'
import { isOnDays } from './find-foreign-days.ts'
import type { Kind } from '../../shared-transforms/kind.ts'
import { findFlipped, NO_GAPS, type GapFacts } from './gap-windows.ts'
import { createRevisionTables, fillRevised } from './gold-revisions.ts'
import {
  derivedStatesSql,
  heldColumnsSql,
  WINDOW_KEY_SQL,
  type GoldTable,
} from '../../shared-transforms/gold-tables.ts'
import { andNotFresh, countNext, isClosed, nextTailSql, type NextCounts } from './next-tail.ts'
import { groupByFile, placesOf } from './row-places.ts'
import { columnsOf, type StepSession } from './step-session.ts'

/**
 * The tail of a gold table: its open windows, and sealed ones that are waiting for their file.
 * It is one table in the engine (`<state>_tail`) and one small data file a month in the lake that
 * each cut replaces. A window is in the tail or live in a sealed file, never in both.
 */
export interface GoldTail {
  readonly gold: GoldTable
  /** Locations of the live tail files. */
  readonly files: readonly string[]
  /** Live delete files of rows of these files alone, by `contentKey`: they go with them. */
  readonly deleteKeys: readonly string[]
  /** Rows in other files that the tail took over, as when another engine wrote it anew. */
  readonly strays: readonly DeletedPositions[]
  /** UTC days, since 1970, whose windows have to be derived from silver: see `findForeignDays`. */
  readonly foreignDays: readonly bigint[]
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

/** Reads sealed windows: a relation with gold's columns, `_file` and `_pos`, and its files. */
export type GoldLookup = (
  gold: GoldTable,
  range: { readonly step: string; readonly fromUs: bigint; readonly untilUs: bigint },
) => Promise<{ readonly rows: string; readonly files: ReadonlyMap<string, DataFile> } | undefined>

const KEY = WINDOW_KEY_SQL
export interface TailChange {
  readonly isChanged: boolean
  /** The tail after this cut, as a relation. */
  readonly tailRows: string
  /** Windows that move to a sealed file now; undefined where none do. */
  readonly sealedRows: string | undefined
  readonly touchedCount: number
  /** Sealed windows changed: `<state>_revised` has their versions. */
  readonly isRevised: boolean
  /** Rows to delete, by the file outside of the tail that holds them. */
  readonly deletes: readonly DeletedPositions[]
}

/** New rows of silver of one kind that windows take in. */
export interface NewRows {
  readonly kind: Kind
  /** A relation of accepted rows. */
  readonly rows: string
  /** A relation of the states of all of them, one a window, where somebody made them already. */
  readonly states?: string
}

/**
 * Merges accepted rows of some of the table's kinds into the windows, and leaves in the engine
 * `<state>_next` (the tail after this cut, and the windows that move to a sealed file now); where
 * sealed windows changed `<state>_revised`, see `fillRevised`. The tail itself is untouched until
 * `adoptTail`.
 */
export async function mergeIntoTail(
  session: StepSession,
  tail: GoldTail,
  added: readonly NewRows[],
  sources: WindowSources,
  watermarkUs: bigint | undefined,
  gaps: GapFacts = NO_GAPS,
): Promise<TailChange> {
  const { gold } = tail
  const { state } = gold
  const unchanged = unchangedTail(state)
  const hasForeign = tail.foreignDays.length > 0
  const files = new Map(tail.strays.map(({ file }) => [file.filePath, file]))
  let freshCount = 0
  if (hasForeign) {
    await session.clear(`${state}_found`, emptyFound(state))
    const again = await deriveDaysAgain(session, tail, rowsByKind(added), sources, gaps)
    for (const [location, file] of again.files) files.set(location, file)
    freshCount = again.freshCount
  }
  await session.fill(`${state}_partial`, partialSql(tail, added))
  // Windows of foreign days were looked up already.
  const outside = `${state}_partial ANTI JOIN ${state}_tail USING (${KEY})${andNotFresh(tail)}`
  const [facts] = await session.rowsKept<{ touched: bigint; sealing: bigint; outside: bigint }>(
    `SELECT (SELECT count(*) FROM ${state}_partial) AS touched, ` +
      `(SELECT count(*) FROM ${state}_tail WHERE NOT is_sealed AND ${isClosed('close_ts')}) ` +
      `AS sealing, (SELECT count(*) FROM ${outside}) AS outside`,
  )
  const mayFlip = gaps.isChanged && gold.isJudged
  const isStill = (facts?.sealing ?? 0n) === 0n && freshCount === 0 && tail.strays.length === 0
  const isQuiet = isStill && !mayFlip
  let touchedCount = Number(facts?.touched ?? 0n)
  if (isQuiet && touchedCount === 0) return unchanged
  if (!hasForeign) await session.clear(`${state}_found`, emptyFound(state))
  if ((facts?.outside ?? 0n) > 0n) {
    const found = await findSealed(session, gold, outside, sources.gold)
    for (const [location, file] of found) files.set(location, file)
  }
  if (gold.rank !== undefined && touchedCount > 0) {
    touchedCount -= await dropOutranked(session, tail, gold.rank)
    if (isQuiet && touchedCount === 0) return unchanged
  }
  if (mayFlip) {
    const flipped = await findFlipped(session, tail, sources.gold, gaps)
    for (const [location, file] of flipped.files) files.set(location, file)
    touchedCount += flipped.flippedCount
    if (isStill && touchedCount === 0) return unchanged
  }
  await session.fill(`${state}_next`, nextTailSql(tail, gaps, session.isLarge()))
  // The memory of large tables is needed; of small ones the plans are.
  if (session.isLarge()) await session.clear(`${state}_partial`, `SELECT * FROM empty_${state}`)
  const counts = await countNext(session, tail)
  const isRevised =
    (counts.revised > 0n || freshCount > 0) && (await fillRevised(session, gold, hasForeign))
  const deletes = files.size === 0 ? [] : await deletesOf(session, tail, files)
  const rows = nextRows(state, isFlushDue(tail, watermarkUs, counts))
  return { isChanged: true, ...rows, touchedCount, isRevised, deletes }
}

function unchangedTail(state: string): TailChange {
  const rows = { tailRows: `${state}_tail`, sealedRows: undefined }
  return { isChanged: false, ...rows, touchedCount: 0, isRevised: false, deletes: [] }
}

/** What of `<state>_next` stays in the tail, and what leaves it. */
function nextRows(state: string, isFlushed: boolean): Pick<TailChange, 'tailRows' | 'sealedRows'> {
  if (!isFlushed) return { tailRows: `${state}_next`, sealedRows: undefined }
  const sealed = (is: string) => `(SELECT * FROM ${state}_next WHERE ${is}is_sealed)`
  return { tailRows: sealed('NOT '), sealedRows: sealed('') }
}

/**
 * Leaves windows alone of which committed states outrank all new ones: nothing of them changes, so
 * they are no new revision. Answers how many there were.
 */
async function dropOutranked(session: StepSession, tail: GoldTail, rank: string): Promise<number> {
  const { state } = tail.gold
  const held = `SELECT ${KEY}, ${rank} FROM`
  await session.fill(
    `${state}_outranked`,
    `SELECT DISTINCT ${KEY} FROM ${state}_partial p JOIN (${held} ${state}_tail UNION ALL ` +
      `${held} ${state}_found) c USING (${KEY})${andNotFresh(tail)} WHERE c.${rank} > p.${rank}`,
  )
  const [count] = await session.rowsKept<{ n: bigint }>(
    `SELECT count(*) AS n FROM ${state}_outranked`,
  )
  const droppedCount = Number(count?.n ?? 0n)
  if (droppedCount === 0) return 0
  for (const table of [`${state}_partial`, `${state}_found`]) {
    await session.run(
      `DELETE FROM ${table} WHERE (${KEY}) IN (SELECT (${KEY}) FROM ${state}_outranked)`,
    )
  }
  return droppedCount
}

/** States of the new rows, one a window; of foreign days those that were derived again. */
function partialSql({ gold, foreignDays }: GoldTail, added: readonly NewRows[]): string {
  const { state } = gold
  const again = `SELECT * FROM ${state}_again SEMI JOIN ${state}_fresh USING (${KEY})`
  if (added.length === 0) {
    return foreignDays.length === 0 ? `SELECT * FROM empty_${state}` : again
  }
  if (foreignDays.length === 0) return statesSql(gold, added)
  // No window is longer than a day: it lies on the day of its rows.
  const others = added.map(({ kind, rows, states }) => ({
    kind,
    rows: `(SELECT * FROM ${rows} WHERE NOT ${isOnDays('event_ts', foreignDays)})`,
    ...(states === undefined
      ? {}
      : { states: `(SELECT * FROM ${states} WHERE NOT ${isOnDays('open_ts', foreignDays)})` }),
  }))
  return `SELECT * FROM (${statesSql(gold, others)}) UNION ALL BY NAME ${again}`
}

function statesSql(gold: GoldTable, added: readonly NewRows[]): string {
  const made = added.flatMap(({ states }) => (states === undefined ? [] : [states]))
  if (made.length === 0) return derivedStatesSql(gold, rowsByKind(added))
  const all = made.map((states) => `SELECT * FROM ${states}`).join(' UNION ALL BY NAME ')
  return made.length === 1 ? all : gold.mergeSql(`(${all})`)
}

function rowsByKind(added: readonly NewRows[]): ReadonlyMap<Kind, string> {
  return new Map(added.map(({ kind, rows }) => [kind, rows]))
}

/** Makes the tail that the committed cut wrote the tail to go on from. */
export async function adoptTail(
  session: StepSession,
  tail: GoldTail,
  change: TailChange,
  files: readonly string[],
  watermarkUs: bigint | undefined,
): Promise<GoldTail> {
  if (!change.isChanged) return { ...tail, foreignDays: [] }
  const { state } = tail.gold
  await session.fill(`${state}_tail`, `SELECT * FROM ${change.tailRows}`)
  if (session.isLarge())
    await session.clear(`${state}_next`, `SELECT * FROM ${state}_tail WHERE false`)
  const flushedAtUs = change.sealedRows === undefined ? tail.flushedAtUs : watermarkUs
  return { gold: tail.gold, files, deleteKeys: [], strays: [], foreignDays: [], flushedAtUs }
}

/** What a lake at its start holds of a tail. Rows are relations with gold's columns. */
export interface CommittedTail extends Pick<GoldTail, 'files' | 'deleteKeys' | 'foreignDays'> {
  /** Rows of the tail's files; undefined where there are none. */
  readonly rows: string | undefined
  /** Rows of other files that should be in the tail, with `_file` and `_pos`. */
  readonly strayRows: string | undefined
  /** The files of the latter by location. */
  readonly strayFiles: ReadonlyMap<string, DataFile>
}

/** The tail of a lake at its start. */
export async function loadTail(
  session: StepSession,
  gold: GoldTable,
  committed: CommittedTail,
  watermarkUs: bigint | undefined,
): Promise<GoldTail> {
  const { state } = gold
  const noRows = gold.inputs.map(({ kind }) => [kind, `empty_verdict_${kind}`] as const)
  await session.createEmpty(`empty_${state}`, derivedStatesSql(gold, new Map(noRows)))
  await session.createEmpty(
    `${state}_tail`,
    `SELECT *, 0::INTEGER AS revision, false AS is_sealed, false AS is_repaired, ` +
      `NULL::BIGINT AS known_cut, true AS is_complete FROM empty_${state}`,
  )
  await createMergeTables(session, gold)
  const columns = (await columnsOf(session, `empty_${state}`)).map(sqlName).join(', ')
  for (const rows of [committed.rows, committed.strayRows]) {
    if (rows === undefined) continue
    await session.run(
      `INSERT INTO ${state}_tail BY NAME SELECT ${columns}, ${heldColumnsSql(gold)} ` +
        `FROM ${gold.heldSql(rows)}`,
    )
  }
  const places =
    committed.strayRows === undefined ? [] : await placesOf(session, committed.strayRows)
  const strays = groupByFile(places, committed.strayFiles)
  const { files, deleteKeys, foreignDays } = committed
  return { gold, files, deleteKeys, strays, foreignDays, flushedAtUs: watermarkUs }
}

/** The tables of a merge, empty: a table that a later batch makes voids the plans of earlier ones. */
async function createMergeTables(session: StepSession, gold: GoldTable): Promise<void> {
  const { state, rank } = gold
  await session.createEmpty(`${state}_partial`, `SELECT * FROM empty_${state}`)
  await session.createEmpty(`${state}_found`, emptyFound(state))
  if (rank !== undefined) {
    await session.createEmpty(`${state}_outranked`, `SELECT ${KEY} FROM empty_${state}`)
  }
  await session.createEmpty(`${state}_next`, `SELECT * FROM ${state}_tail`)
  await session.createEmpty(`${state}_rows`, gold.finalizeSql(`${state}_tail`))
  await createRevisionTables(session, gold)
}

function emptyFound(state: string): string {
  return `SELECT *, NULL::VARCHAR AS _file, NULL::BIGINT AS _pos FROM ${state}_tail WHERE false`
}

/** Reads sealed windows that rows fall into (`outside`: a join) into `<state>_found`. */
async function findSealed(
  session: StepSession,
  gold: GoldTable,
  outside: string,
  lookup: GoldLookup,
): Promise<ReadonlyMap<string, DataFile>> {
  const { state } = gold
  const ranges = await session.rowsKept<{ step: string; low: bigint; high: bigint }>(
    `SELECT step, min(epoch_us(open_ts)) AS low, max(epoch_us(open_ts)) AS high ` +
      `FROM ${outside} GROUP BY step ORDER BY step`,
  )
  const files = new Map<string, DataFile>()
  const columns = (await columnsOf(session, `${state}_partial`)).map(sqlName).join(', ')
  for (const { step, low, high } of ranges) {
    const found = await lookup(gold, { step, fromUs: low, untilUs: high })
    if (found === undefined) continue
    await session.run(
      `INSERT INTO ${state}_found BY NAME SELECT ${columns}, ${heldColumnsSql(gold)}, ` +
        `_file, _pos FROM ${gold.heldSql(found.rows)} f ` +
        `SEMI JOIN (SELECT * FROM ${outside}) n USING (${KEY}) WHERE f.step = ${sqlString(step)}`,
    )
    for (const [location, file] of found.files) files.set(location, file)
  }
  return files
}

/** Every row outside of the tail that the next tail takes the place of. */
async function deletesOf(
  session: StepSession,
  tail: GoldTail,
  files: ReadonlyMap<string, DataFile>,
): Promise<readonly DeletedPositions[]> {
  const found = await placesOf(session, `${tail.gold.state}_found`)
  if (tail.strays.length === 0) return groupByFile(found, files)
  const stray = tail.strays.flatMap(({ file, positions }) =>
    positions.map((_pos) => ({ _file: file.filePath, _pos })),
  )
  return groupByFile([...found, ...stray], files)
}

/** Whether the sealed windows that wait in the tail are to leave it now. */
function isFlushDue(
  tail: GoldTail,
  watermarkUs: bigint | undefined,
  { sealed, repaired }: NextCounts,
): boolean {
  const hasMoved =
    watermarkUs !== undefined &&
    (tail.flushedAtUs === undefined || watermarkUs - tail.flushedAtUs >= FLUSH_AFTER_US)
  return (
    sealed > 0n &&
    (hasMoved || sealed > MAX_SEALED_IN_TAIL || (repaired ?? 0n) > MAX_REPAIRED_IN_TAIL)
  )
}

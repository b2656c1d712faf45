import { cuts } from '../../sluice/cuts.ts'
import { sqlName, sqlString } from '../../tables/engine/sql-text.ts'
import { partKey, type PartProgress } from '../sources/source.ts'
import type { CutCounts } from './cut-receipt.ts'
import type { LoopState } from './loop-state.ts'
import type { StepSession } from './step-session.ts'

/** The counts of one part in one cut, out of the engine. */
export type PartCounts = CutCounts

export interface CutRowsInput {
  readonly before: LoopState
  readonly after: LoopState
  readonly committedUs: bigint
  readonly token: string
  readonly writer: string
  readonly mode: string
  readonly progress: readonly PartProgress[]
  /** By `partKey`. */
  readonly counts: ReadonlyMap<string, PartCounts>
  readonly total: CutCounts
  /** Part states by `partKey` after the cut, finished files too. */
  readonly parts: LoopState['parts']
  /** The cut that a rollback goes back to. */
  readonly restoredCut?: number
  /** By which steps its rows were made. */
  readonly steps: string
  /** Days that it is about; see sluice.cuts. */
  readonly fromDay?: string | undefined
  readonly untilDay?: string | undefined
  /** Messages that left bronze, by `partKey`. */
  readonly removed?: ReadonlyMap<string, number> | undefined
}

type Cell = string | number | bigint | boolean | null | { readonly micros: bigint | undefined }

/**
 * The rows of a cut in sluice.cuts as one SELECT: the cut's own row with the head of every table,
 * then one row a part that moved. A part that the lake did not know gets one even where it rests:
 * where it was opened would be forgotten otherwise, and with `start: latest` it would begin at
 * the earliest message after a restart. So does one whose counts change while it rests, as in a
 * replay.
 */
export function cutRowsSql(input: CutRowsInput, snapshotIds: ReadonlyMap<string, bigint>): string {
  const heads = Object.fromEntries([...snapshotIds].map(([name, id]) => [name, id.toString()]))
  const shared = {
    cut_number: input.after.cutNumber,
    committed_ts: { micros: input.committedUs },
    ingested_ts: { micros: input.after.ingestedUs },
    token: input.token,
    writer: input.writer,
    mode: input.mode,
    restored_cut: input.restoredCut ?? null,
  }
  const about = {
    steps: input.steps,
    from_day: input.fromDay ?? null,
    until_day: input.untilDay ?? null,
  }
  const own = {
    ...shared,
    ...about,
    removed_count: sumOf(input.removed),
    snapshot_ids: JSON.stringify(heads),
    ...countCells(input.total),
    watermark_ts: { micros: input.after.watermarkUs },
    is_finished: false,
  }
  const isNew = ({ part }: PartProgress) => !input.before.parts.has(partKey(part))
  const isCounted = ({ part }: PartProgress) =>
    input.counts.has(partKey(part)) || input.removed?.has(partKey(part)) === true
  const told = input.progress.filter(
    (progress) => hasMoved(progress) || isNew(progress) || isCounted(progress),
  )
  const parts = told.map((moved) => {
    const state = input.parts.get(partKey(moved.part))
    return {
      ...shared,
      source: moved.part.source,
      source_partition: moved.part.partition,
      start_offset: moved.startOffset,
      end_offset: moved.endOffset,
      ...countCells(input.counts.get(partKey(moved.part)) ?? NO_COUNTS),
      watermark_ts: { micros: input.after.watermarkUs },
      max_event_ts: { micros: state?.maxEventUs },
      newest_received_ts: { micros: state?.newestReceivedUs },
      is_finished: moved.isFinished,
      removed_count: input.removed?.get(partKey(moved.part)) ?? null,
    }
  })
  return [own, ...parts].map((row) => `SELECT ${selectList(row)}`).join(' UNION ALL ')
}

function sumOf(removed: ReadonlyMap<string, number> | undefined): number | null {
  if (removed === undefined || removed.size === 0) return null
  return [...removed.values()].reduce((sum, count) => sum + count, 0)
}

/** Where the rows of a cut are until they are written: their query is another one in each cut. */
export const CUT_ROWS_TABLE = 'cut_rows'

/** The table without a row. Call before the first statement whose plan is kept. */
export async function createCutRowsTable(session: StepSession): Promise<void> {
  await session.fillOnce(CUT_ROWS_TABLE, `SELECT ${selectList({})} WHERE false`)
}

/** Puts the rows of a cut, and no others, into the table. */
export async function fillCutRows(
  session: StepSession,
  input: CutRowsInput,
  snapshotIds: ReadonlyMap<string, bigint>,
): Promise<void> {
  await session.fillOnce(CUT_ROWS_TABLE, cutRowsSql(input, snapshotIds))
}

/** A part that moved, or a file that turned out to be at its end. */
export function hasMoved(progress: PartProgress): boolean {
  return progress.endOffset !== progress.startOffset || progress.isFinished
}

export const NO_COUNTS: CutCounts = {
  messageCount: 0,
  decodedCount: 0,
  ignoredCount: 0,
  rejectedCount: 0,
  rowCount: 0,
  silverCount: 0,
  duplicateCount: 0,
  refusedCount: 0,
  lateCount: 0,
}

function countCells(counts: CutCounts): Record<string, Cell> {
  return {
    message_count: counts.messageCount,
    decoded_count: counts.decodedCount,
    ignored_count: counts.ignoredCount,
    rejected_count: counts.rejectedCount,
    row_count: counts.rowCount,
    silver_count: counts.silverCount,
    duplicate_count: counts.duplicateCount,
    refused_count: counts.refusedCount,
    late_count: counts.lateCount,
  }
}

function selectList(row: Readonly<Record<string, Cell>>): string {
  return cuts.columns
    .map(({ name, type }) => `${cellSql(row[name] ?? null, type)} AS ${sqlName(name)}`)
    .join(', ')
}

const sqlTypes: Readonly<Record<string, string>> = {
  string: 'VARCHAR',
  long: 'BIGINT',
  int: 'INTEGER',
  boolean: 'BOOLEAN',
  date: 'DATE',
  timestamptz: 'TIMESTAMPTZ',
}

function cellSql(cell: Cell, type: string): string {
  if (typeof cell === 'object' && cell !== null) {
    return cell.micros === undefined ? 'NULL::TIMESTAMPTZ' : `make_timestamptz(${cell.micros})`
  }
  const text = typeof cell === 'string' ? sqlString(cell) : String(cell)
  return `CAST(${text} AS ${sqlTypes[type] ?? 'VARCHAR'})`
}

import { headOf, loadHeads } from '../loop/loop-context.ts'
import { readLoopState } from '../loop/restore-loop.ts'
import { createStepSession, type StepSession } from '../loop/step-session.ts'
import { DAY_US, dayText } from '../lake/utc-days.ts'
import type { PartReader } from '../sources/part-reader.ts'
import { WHOLE_FILE } from '../sources/file-range.ts'
import { backfillLimits } from './backfill-limits.ts'
import type { BackfillOptions } from './backfill.ts'
import { chooseParts, positionsOf, takenRangesOf, type ChosenPart } from './choose-parts.ts'
import { createBackfillSource } from './create-backfill-source.ts'
import { findInputOverlaps, type InputOverlap } from './find-input-overlaps.ts'
import { findOverlaps, HELD_RANGE, readHeldRanges, type Overlap } from './find-overlaps.ts'
import { withInput, type OpenInput } from './open-input.ts'
import type { ReplacedRows } from './find-take-overs.ts'
import { NO_TAKE_OVER, planTakeOver } from './plan-take-over.ts'
import { INPUT_RANGE, readInput, type InputCounts } from './read-input.ts'

/** A UTC day of one kind in the input. */
export interface PlannedDay {
  readonly day: string
  readonly kind: string
  readonly symbolCount: number
  /** Good rows of the input; which of them are duplicates is decided when they are taken. */
  readonly rowCount: number
  /** Rows that the lake holds of these symbols on that day. */
  readonly heldRowCount: number
  /** The watermark is behind its end: its bars are sealed, and are revised where rows come. */
  readonly isSealed: boolean
}

/** What a backfill would do. */
export interface BackfillPlan extends InputCounts {
  readonly files: readonly ChosenPart[]
  readonly days: readonly PlannedDay[]
  /** Why it would be refused; none: it would not. With `takesOver` there is none. */
  readonly overlaps: readonly Overlap[]
  /** The same: files of the input that overlap each other. */
  readonly inputOverlaps: readonly InputOverlap[]
  /** Rows that leave silver for those of the input; none without `takesOver`. */
  readonly replaced: readonly ReplacedRows[]
  /** The same: days that a stream beside still writes. */
  readonly openDays: readonly string[]
  readonly watermarkUs: bigint | undefined
}

/**
 * Reads the input through the transforms and says what a backfill of it would do. Nothing is
 * written to the lake. Undefined where `signal` ended the reading.
 * @throws SluiceError as `withInput`.
 */
export async function planBackfill(
  options: Omit<BackfillOptions, 'writer'>,
  signal: AbortSignal,
): Promise<BackfillPlan | undefined> {
  return withInput(options, signal, (input) => planInput(options, input, signal))
}

async function planInput(
  options: Omit<BackfillOptions, 'writer'>,
  input: OpenInput,
  signal: AbortSignal,
): Promise<BackfillPlan | undefined> {
  const { lake, takesOver } = options
  const { parts: all, reader } = input
  const connection = await lake.engine.connect()
  try {
    const session = createStepSession(connection, lake.model)
    const heads = await loadHeads(lake)
    const files = await chooseParts(lake, session, heads, all, options.range ?? WHOLE_FILE)
    const counts = await readUnread(options, reader, session, files, signal)
    if (signal.aborted) return undefined
    await readHeldRanges(lake, session, heads)
    const { watermarkUs } = await readLoopState(lake, session, headOf(heads, 'sluice.cuts'))
    const days = await readDays(session, watermarkUs)
    const open = options.isBeside === true ? days.filter(({ isSealed }) => !isSealed) : []
    const overlaps = takesOver === true ? [] : await findOverlaps(session)
    const found = { session, heads, chosen: files }
    const takeOver =
      takesOver === true
        ? await planTakeOver({ ...options, isBeside: false }, input, found, signal)
        : NO_TAKE_OVER
    if (takeOver === undefined) return undefined
    return {
      ...counts,
      files,
      days,
      openDays: [...new Set(open.map(({ day }) => day))],
      overlaps,
      inputOverlaps: await findInputOverlaps(session, all),
      replaced: takeOver.replaced,
      watermarkUs,
    }
  } finally {
    connection.close()
  }
}

async function readUnread(
  options: Omit<BackfillOptions, 'writer'>,
  reader: PartReader,
  session: StepSession,
  files: readonly ChosenPart[],
  signal: AbortSignal,
): Promise<InputCounts> {
  const { lake } = options
  const unread = files.filter(({ state }) => state !== 'read')
  const parts = unread.map(({ part }) => part)
  const source = createBackfillSource(lake, reader, parts)
  return readInput(session, {
    ...{ lake, source, signal, limits: options.limits ?? backfillLimits },
    ...{ positions: positionsOf(unread), takenRanges: takenRangesOf(unread) },
    onBatch: () => options.onProgress?.('check', source.progress()),
  })
}

async function readDays(
  session: StepSession,
  watermarkUs: bigint | undefined,
): Promise<PlannedDay[]> {
  const key = 'day, kind, venue, venue_symbol'
  const rows = await session.rows<{
    day: bigint
    kind: string
    symbols: bigint
    n: bigint
    held: bigint
  }>(
    `SELECT day, kind, count(*) AS symbols, sum(n)::BIGINT AS n, ` +
      `coalesce(sum(held), 0)::BIGINT AS held FROM ` +
      `(SELECT ${key}, sum(n) AS n FROM ${INPUT_RANGE} GROUP BY ${key}) LEFT JOIN ` +
      `(SELECT ${key}, sum(n) AS held FROM ${HELD_RANGE} GROUP BY ${key}) USING (${key}) ` +
      'GROUP BY day, kind ORDER BY day, kind',
  )
  return rows.map(({ day, kind, symbols, n, held }) => ({
    ...{ day: dayText(day), kind, symbolCount: Number(symbols) },
    ...{ rowCount: Number(n), heldRowCount: Number(held) },
    isSealed: watermarkUs !== undefined && (day + 1n) * DAY_US <= watermarkUs,
  }))
}

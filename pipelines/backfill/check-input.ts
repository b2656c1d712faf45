import { sqlString } from '../../tables/engine/sql-text.ts'
import { SluiceError } from '../../tables/errors.ts'
import type { Lake } from '../lake/lake.ts'
import { formatOf } from '../loop/derive-batch.ts'
import { headOf, loadHeads, type LoopContext } from '../loop/loop-context.ts'
import { readReplacedSources, REPLACED_SOURCE, TAKE_OVERS_TABLE } from '../loop/replaced-sources.ts'
import { createStepSession, type StepSession } from '../loop/step-session.ts'
import { WHOLE_FILE } from '../sources/file-range.ts'
import type { BackfillOptions } from './backfill.ts'
import { backfillLimits } from './backfill-limits.ts'
import { chooseParts, positionsOf, takenRangesOf, type ChosenPart } from './choose-parts.ts'
import { createBackfillSource } from './create-backfill-source.ts'
import {
  canOverlapEachOther,
  findInputOverlaps,
  refuseInputOverlaps,
} from './find-input-overlaps.ts'
import {
  canOverlap,
  findOverlaps,
  readHeldRanges,
  timeRangeText,
  type Overlap,
} from './find-overlaps.ts'
import { countReplacedInput } from './find-take-overs.ts'
import type { OpenInput } from './open-input.ts'
import { NO_TAKE_OVER, planTakeOver, type PlannedTakeOver } from './plan-take-over.ts'
import { readInput } from './read-input.ts'
import { refuseOpenDays } from './refuse-open-days.ts'

/** Overlaps that an error message names; more are counted. */
const MAX_NAMED_OVERLAPS = 20

export interface CheckedInput {
  readonly chosen: readonly ChosenPart[]
  /** What is taken over; nothing without `takesOver`. */
  readonly takeOver: PlannedTakeOver
  /** Days of symbols on which one of the files does not count; 0 with `takesOver`. */
  readonly replacedCount: number
}

/**
 * What the lake knows of the files. Where rows without ids can overlap, or a stream goes on beside,
 * the input is read once for overlaps and open days; an abort ends that early.
 * @throws SluiceError `invalid-input` where there are any (of overlaps: but with `takesOver`),
 * `unsupported` where Trino is to take some days of a file, or to take days over.
 */
export async function checkInput(
  options: BackfillOptions,
  input: OpenInput,
  signal: AbortSignal,
): Promise<CheckedInput> {
  const { parts: all, reader } = input
  const { lake } = options
  const takesOver = options.takesOver === true
  const connection = await lake.engine.connect()
  try {
    const session = createStepSession(connection, lake.model)
    const heads = await loadHeads(lake)
    const chosen = await chooseParts(lake, session, heads, all, options.range ?? WHOLE_FILE)
    const unread = chosen.filter(({ state }) => state !== 'read')
    const takenRanges = takenRangesOf(unread)
    if (options.byTrino !== undefined && takenRanges !== undefined) throw noRangesByTrino()
    if (options.byTrino !== undefined && takesOver) throw noTakeOverByTrino()
    const isBeside = options.isBeside === true
    const nothing = { chosen, takeOver: NO_TAKE_OVER, replacedCount: 0 }
    if (takesOver) {
      const takeOver = await planTakeOver(options, input, { session, heads, chosen }, signal)
      if (takeOver === undefined) return nothing
      refuseInputOverlaps(await findInputOverlaps(session, all))
      return { ...nothing, takeOver }
    }
    const replacedCount = await countReplaced(lake, session, heads, all)
    if (unread.length === 0) return { ...nothing, replacedCount }
    const parts = unread.map(({ part }) => part)
    const formats = [...new Set(parts.map(reader.formatOf))].map((name) => formatOf(lake, name))
    const mayOverlap =
      isBeside ||
      replacedCount > 0 ||
      canOverlapEachOther(parts, formats) ||
      (await canOverlap(lake, heads, formats))
    if (!mayOverlap) return nothing
    const source = createBackfillSource(lake, reader, parts)
    await readInput(session, {
      ...{ lake, source, signal, limits: options.limits ?? backfillLimits },
      ...{ positions: positionsOf(unread), takenRanges },
      onBatch: () => options.onProgress?.('check', source.progress()),
    })
    if (signal.aborted) return nothing
    if (isBeside) await refuseOpenDays(lake, session, heads)
    refuseInputOverlaps(await findInputOverlaps(session, all))
    await readHeldRanges(lake, session, heads)
    const overlaps = await findOverlaps(session)
    if (overlaps.length > 0) throw overlapping(overlaps)
    if (replacedCount > 0) await refuseReplaced(session)
    return nothing
  } finally {
    connection.close()
  }
}

function noRangesByTrino(): SluiceError {
  return new SluiceError(
    'unsupported',
    'A backfill by Trino takes files whole, not some days of them, and not the rest of files of ' +
      'which some days were taken. Nothing was read. Let this machine derive the rows: leave ' +
      '--engine trino out.',
  )
}

export function noTakeOverByTrino(): SluiceError {
  return new SluiceError(
    'unsupported',
    'A backfill by Trino takes no days over from another source. Nothing was read. Let this machine ' +
      'derive the rows: leave --engine trino out.',
  )
}

/** Days of symbols on which one of the files does not count; REPLACED_SOURCE has them. */
async function countReplaced(
  lake: Lake,
  session: StepSession,
  heads: LoopContext['heads'],
  all: OpenInput['parts'],
): Promise<number> {
  if ((await readReplacedSources(lake, session, headOf(heads, TAKE_OVERS_TABLE))) === 0) return 0
  const names = all.map(({ part }) => sqlString(part.source)).join(', ')
  const [row] = await session.rows<{ n: bigint }>(
    `SELECT count(*) AS n FROM ${REPLACED_SOURCE} WHERE source IN (${names})`,
  )
  return Number(row?.n ?? 0n)
}

/** What is left of a file whose rows would not count is not taken in as if they did. */
async function refuseReplaced(session: StepSession): Promise<void> {
  const count = await countReplacedInput(session)
  if (count === 0) return
  throw new SluiceError(
    'invalid-input',
    `On ${count} ${count === 1 ? 'day of a symbol' : 'days of symbols'} the files do not count: a ` +
      'run with --take-over was stopped in them, or another source took these days over since. ' +
      'Nothing was committed. Give --take-over, and they count, or leave these days out with ' +
      '--from and --to.',
  )
}

function overlapping(overlaps: readonly Overlap[]): SluiceError {
  const named = overlaps.slice(0, MAX_NAMED_OVERLAPS).map(describeOverlap)
  const more = overlaps.length - named.length
  return new SluiceError(
    'invalid-input',
    `The input overlaps what the lake holds on ${overlaps.length} ` +
      `${overlaps.length === 1 ? 'day of a symbol' : 'days of symbols'}, and one of both has no ` +
      'ids there: equal rows would count twice. Nothing of it was committed. Leave these out, let ' +
      'the input replace what the lake holds of these days with --take-over, or backfill into ' +
      `another lake:\n${named.join('\n')}` +
      (more > 0 ? `\n  … and ${more} more` : ''),
  )
}

/** One line: what, when, and both ranges. */
export function describeOverlap(overlap: Overlap): string {
  return (
    `  ${overlap.kind} ${overlap.venue} ${overlap.venueSymbol} ${overlap.day}: input ` +
    `${timeRangeText(overlap.inputFromUs, overlap.inputUntilUs)}, lake ` +
    timeRangeText(overlap.lakeFromUs, overlap.lakeUntilUs)
  )
}

import { SluiceError } from '../../tables/errors.ts'
import type { Lake } from '../lake/lake.ts'
import { formatOf } from '../loop/derive-batch.ts'
import { headOf, loadHeads, type LoopContext } from '../loop/loop-context.ts'
import { readLoopState } from '../loop/restore-loop.ts'
import { createStepSession, type StepSession } from '../loop/step-session.ts'
import { requireClosedDays } from '../replay/closed-days.ts'
import { WHOLE_FILE } from '../sources/file-range.ts'
import type { BackfillOptions } from './backfill.ts'
import { backfillLimits } from './backfill-limits.ts'
import { chooseParts, positionsOf, takenRangesOf, type ChosenPart } from './choose-parts.ts'
import { createBackfillSource } from './create-backfill-source.ts'
import { canOverlap, findOverlaps, readHeldRanges, type Overlap } from './find-overlaps.ts'
import type { OpenInput } from './open-input.ts'
import { INPUT_RANGE, readInput } from './read-input.ts'

/** Overlaps that an error message names; more are counted. */
const MAX_NAMED_OVERLAPS = 20

/**
 * What the lake knows of the files. Where rows without ids can overlap, or a stream goes on beside,
 * the input is read once for overlaps and open days; an abort ends that early.
 * @throws SluiceError `invalid-input` where there are any, `unsupported` where Trino is to take some
 * days of a file.
 */
export async function checkInput(
  options: BackfillOptions,
  { parts: all, reader }: OpenInput,
  signal: AbortSignal,
): Promise<readonly ChosenPart[]> {
  const { lake } = options
  const connection = await lake.engine.connect()
  try {
    const session = createStepSession(connection, lake.model)
    const heads = await loadHeads(lake)
    const chosen = await chooseParts(lake, session, heads, all, options.range ?? WHOLE_FILE)
    const unread = chosen.filter(({ state }) => state !== 'read')
    const takenRanges = takenRangesOf(unread)
    if (options.byTrino !== undefined && takenRanges !== undefined) throw noRangesByTrino()
    const isBeside = options.isBeside === true
    if (unread.length === 0) return chosen
    const parts = unread.map(({ part }) => part)
    const formats = [...new Set(parts.map(reader.formatOf))].map((name) => formatOf(lake, name))
    if (!isBeside && !(await canOverlap(lake, heads, formats))) return chosen
    const source = createBackfillSource(lake, reader, parts)
    await readInput(session, {
      ...{ lake, source, signal, limits: options.limits ?? backfillLimits },
      ...{ positions: positionsOf(unread), takenRanges },
      onBatch: () => options.onProgress?.('check', source.progress()),
    })
    if (signal.aborted) return chosen
    if (isBeside) await refuseOpenDays(lake, session, heads)
    await readHeldRanges(lake, session, heads)
    const ownFiles = all.map(({ part }) => part.source)
    const overlaps = await findOverlaps(session, ownFiles)
    if (overlaps.length > 0) throw overlapping(overlaps)
    return chosen
  } finally {
    connection.close()
  }
}

/** A stream writes the days that are open. The watermark never goes back: what is closed stays so. */
async function refuseOpenDays(
  lake: Lake,
  session: StepSession,
  heads: LoopContext['heads'],
): Promise<void> {
  const { watermarkUs } = await readLoopState(lake, session, headOf(heads, 'sluice.cuts'))
  const days = await session.rows<{ day: bigint }>(
    `SELECT DISTINCT day FROM ${INPUT_RANGE} ORDER BY day`,
  )
  for (const { day } of days) requireClosedDays({ fromDay: day, toDay: day + 1n }, watermarkUs)
}

function noRangesByTrino(): SluiceError {
  return new SluiceError(
    'unsupported',
    'A backfill by Trino takes files whole, not some days of them, and not the rest of files of ' +
      'which some days were taken. Nothing was read. Let this machine derive the rows: leave ' +
      '--engine trino out.',
  )
}

function overlapping(overlaps: readonly Overlap[]): SluiceError {
  const named = overlaps.slice(0, MAX_NAMED_OVERLAPS).map(describeOverlap)
  const more = overlaps.length - named.length
  return new SluiceError(
    'invalid-input',
    `The input overlaps what the lake holds on ${overlaps.length} ` +
      `${overlaps.length === 1 ? 'day of a symbol' : 'days of symbols'}, and one of both has no ` +
      'ids there: equal rows would count twice. Nothing of it was committed. Leave these out, or ' +
      `backfill into another lake:\n${named.join('\n')}` +
      (more > 0 ? `\n  … and ${more} more` : ''),
  )
}

/** One line: what, when, and both ranges. */
export function describeOverlap(overlap: Overlap): string {
  const range = (fromUs: bigint, untilUs: bigint) => `${timeOfDay(fromUs)}–${timeOfDay(untilUs)}`
  return (
    `  ${overlap.kind} ${overlap.venue} ${overlap.venueSymbol} ${overlap.day}: input ` +
    `${range(overlap.inputFromUs, overlap.inputUntilUs)}, lake ` +
    range(overlap.lakeFromUs, overlap.lakeUntilUs)
  )
}

/** UTC time of day with microseconds. */
function timeOfDay(us: bigint): string {
  const ofDay = us % 86_400_000_000n
  const two = (value: bigint) => value.toString().padStart(2, '0')
  const seconds = ofDay / 1_000_000n
  const micros = (ofDay % 1_000_000n).toString().padStart(6, '0')
  return `${two(seconds / 3600n)}:${two((seconds / 60n) % 60n)}:${two(seconds % 60n)}.${micros}`
}

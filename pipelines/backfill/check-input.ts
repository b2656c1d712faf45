import { SluiceError } from '../../tables/errors.ts'
import { kinds } from '../../shared-transforms/kind.ts'
import { headOf, loadHeads } from '../loop/loop-context.ts'
import { createStepSession } from '../loop/step-session.ts'
import { silverTable } from '../loop/write-cut-files.ts'
import { WHOLE_FILE } from '../sources/file-range.ts'
import type { BackfillOptions } from './backfill.ts'
import { backfillLimits } from './backfill-limits.ts'
import { chooseParts, positionsOf, takenRangesOf, type ChosenPart } from './choose-parts.ts'
import { createBackfillSource } from './create-backfill-source.ts'
import { findOverlaps, readHeldRanges, type Overlap } from './find-overlaps.ts'
import type { OpenInput } from './open-input.ts'
import { readInput } from './read-input.ts'

/** Overlaps that an error message names; more are counted. */
const MAX_NAMED_OVERLAPS = 20

/**
 * What the lake knows of the files. Where it holds rows, the input is read once for overlaps; an
 * abort ends that early.
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
    const session = createStepSession(connection)
    const heads = await loadHeads(lake)
    const chosen = await chooseParts(lake, session, heads, all, options.range ?? WHOLE_FILE)
    const unread = chosen.filter(({ state }) => state !== 'read')
    const takenRanges = takenRangesOf(unread)
    if (options.byTrino !== undefined && takenRanges !== undefined) throw noRangesByTrino()
    const isFilled = kinds.some(
      (kind) => headOf(heads, silverTable(kind)).metadata['current-snapshot-id'] !== undefined,
    )
    if (unread.length === 0 || !isFilled) return chosen
    const parts = unread.map(({ part }) => part)
    const source = createBackfillSource(lake, reader, parts)
    await readInput(session, {
      ...{ lake, source, signal, limits: options.limits ?? backfillLimits },
      ...{ positions: positionsOf(unread), takenRanges },
      onBatch: () => options.onProgress?.('check', source.progress()),
    })
    if (signal.aborted) return chosen
    await readHeldRanges(lake, session, heads)
    const ownFiles = all.map(({ part }) => part.source)
    const overlaps = await findOverlaps(session, ownFiles)
    if (overlaps.length > 0) throw overlapping(overlaps)
    return chosen
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

function overlapping(overlaps: readonly Overlap[]): SluiceError {
  const named = overlaps.slice(0, MAX_NAMED_OVERLAPS).map(describeOverlap)
  const more = overlaps.length - named.length
  return new SluiceError(
    'invalid-input',
    `The input overlaps what the lake holds on ${overlaps.length} ` +
      `${overlaps.length === 1 ? 'day of a symbol' : 'days of symbols'}. Nothing of it was ` +
      `committed. Leave these out, or backfill into another lake:\n${named.join('\n')}` +
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

import { headOf, type LoopContext } from '../loop/loop-context.ts'
import { readReplacedSources, TAKE_OVERS_TABLE } from '../loop/replaced-sources.ts'
import type { StepSession } from '../loop/step-session.ts'
import type { DayRange } from '../lake/utc-days.ts'
import { fileRangeOf, isWhole, rangedSource, WHOLE_FILE } from '../sources/file-range.ts'
import type { BackfillOptions } from './backfill.ts'
import { backfillLimits } from './backfill-limits.ts'
import type { ChosenPart } from './choose-parts.ts'
import { createBackfillSource } from './create-backfill-source.ts'
import { readHeldRanges } from './find-overlaps.ts'
import {
  findTakeOvers,
  rangesToDerive,
  TURNED,
  WITHDRAWN,
  type ReplacedRows,
} from './find-take-overs.ts'
import type { OpenInput } from './open-input.ts'
import { readInput } from './read-input.ts'
import { refuseOpenDays } from './refuse-open-days.ts'

/** What a run with `takesOver` takes over. */
export interface PlannedTakeOver {
  readonly replaced: readonly ReplacedRows[]
  /** Days that change, as runs without a hole. */
  readonly ranges: readonly DayRange[]
  /** Those of WITHDRAWN, likewise. */
  readonly withdrawnRanges: readonly DayRange[]
}

export const NO_TAKE_OVER: PlannedTakeOver = { replaced: [], ranges: [], withdrawnRanges: [] }

/**
 * Reads the input from its beginning, whatever the lake took of it before, and finds what it takes
 * over; TURNED, ANNOUNCED and WITHDRAWN in the engine have it. Undefined where the signal came first.
 * @throws SluiceError `invalid-input` where a stream beside still writes one of the days.
 */
export async function planTakeOver(
  options: Omit<BackfillOptions, 'writer'>,
  { parts: all, reader }: OpenInput,
  found: {
    readonly session: StepSession
    readonly heads: LoopContext['heads']
    readonly chosen: readonly ChosenPart[]
  },
  signal: AbortSignal,
): Promise<PlannedTakeOver | undefined> {
  const { lake, range = WHOLE_FILE } = options
  const { session, heads, chosen } = found
  const parts = all.map((file) => {
    const source = rangedSource(file.part.source, range)
    return { ...file, part: { ...file.part, source } }
  })
  const ranges = parts.map(({ part }) => [part.source, range] as const)
  const source = createBackfillSource(lake, reader, parts)
  await readInput(session, {
    ...{ lake, source, signal, limits: options.limits ?? backfillLimits },
    positions: new Map(),
    takenRanges: isWhole(range) ? undefined : new Map(ranges),
    onBatch: () => options.onProgress?.('check', source.progress()),
  })
  if (signal.aborted) return undefined
  if (options.isBeside === true) await refuseOpenDays(lake, session, heads)
  await readHeldRanges(lake, session, heads)
  await readReplacedSources(lake, session, headOf(heads, TAKE_OVERS_TABLE))
  const unread = chosen.filter(({ state }) => state !== 'read')
  const replaced = await findTakeOvers(session, {
    own: all.map(({ part }) => part.source),
    unread: unread.map(({ part }) => fileRangeOf(part.part.source).file),
  })
  return {
    replaced,
    ranges: await rangesToDerive(session, TURNED),
    withdrawnRanges: await rangesToDerive(session, WITHDRAWN),
  }
}

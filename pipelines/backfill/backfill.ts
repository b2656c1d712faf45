import type { LakeInTrino } from '../lake/lake-in-trino.ts'
import type { LadderRules } from '../../tables/maintain/ladder.ts'
import type { Lake } from '../lake/lake.ts'
import type { CutReceipt } from '../loop/cut-receipt.ts'
import type { LoopHooks } from '../loop/loop-hooks.ts'
import type { Instrument } from '../loop/instruments.ts'
import { runMicroBatches } from '../loop/run-micro-batches.ts'
import type { ArchiveProgress } from '../sources/archive-source.ts'
import type { FileRange } from '../sources/file-range.ts'
import type { BatchLimits, Source } from '../sources/source.ts'
import { backfillByTrino, type TrinoBackfillOptions } from './by-trino/backfill-by-trino.ts'
import { backfillLimits, besideLimits, trinoBackfillLimits } from './backfill-limits.ts'
import { countFiles, takenRangesOf, type ChosenPart } from './choose-parts.ts'
import { checkInput } from './check-input.ts'
import { createBackfillSource } from './create-backfill-source.ts'
import type { TakenOverDay } from './find-take-overs.ts'
import { onlyFormatOf, withInput, type InputChoice, type OpenInput } from './open-input.ts'
import { announceTakeOver, turnTakeOver } from './take-over.ts'

export interface BackfillOptions extends InputChoice {
  readonly lake: Lake
  readonly writer: string
  /** There is a stream beside: closed days alone are taken, in small cuts. Not by Trino. */
  readonly isBeside?: boolean
  /** Only messages of these days; the rest of the files can be taken later. Not by Trino. */
  readonly range?: FileRange
  /**
   * Where the input overlaps another source and one of both has no ids, it replaces that source's
   * rows of the day instead of being refused. Not by Trino.
   */
  readonly takesOver?: boolean
  readonly limits?: BatchLimits
  readonly allowedLatenessMs?: number
  readonly dedupeMemoryRows?: number
  readonly instruments?: readonly Instrument[]
  readonly retention?: LadderRules
  readonly maxQueryDurationMs?: number
  /** Who runs the transforms; absent: the lake's own engine. */
  readonly byTrino?: TrinoBackfill
  readonly hooks?: LoopHooks
  /** `check` reads the input for overlaps, `load` commits it. */
  readonly onProgress?: (phase: 'check' | 'load', progress: ArchiveProgress) => void
  readonly onCut?: (receipt: CutReceipt) => void
}

/** A Trino that sees the lake's catalog, and how much of the input one cut takes. */
export interface TrinoBackfill extends Pick<TrinoBackfillOptions, 'cutRows' | 'onStatement'> {
  readonly trino: LakeInTrino
}

export interface BackfillResult {
  /** Files, or entries of them, that this run read. */
  readonly partsRead: number
  /** Those that the lake had read whole before: nothing was done with them. */
  readonly partsSkipped: number
  /** Messages that were read and are of other days, or of days that earlier runs took. */
  readonly leftOutCount: number
  /** Days of silver that were replaced, as the input took them over; ascending. */
  readonly takenOverDays: readonly string[]
  /** What was replaced on which days of symbols; none without `takesOver`. */
  readonly takenOver: readonly TakenOverDay[]
  /**
   * Days of symbols on which a file that was read before does not count: another source took them
   * over, or a run with `takesOver` was stopped. 0 with `takesOver`.
   */
  readonly replacedCount: number
  /** False where the signal came first: started again, it goes on from there. */
  readonly isComplete: boolean
}

/**
 * History into the lake, by the loop and the transforms of live. Files are known by their content:
 * one that was read whole is skipped, one that was read in part is gone on with.
 *
 * @throws SluiceError `invalid-input` where a day of a symbol in the input overlaps, by event-time
 * range, what the lake holds from other sources and is not to be taken over, or what another file of
 * the input holds, or, beside a stream, is open; it names them, and nothing of the run is committed.
 * Also as `runMicroBatches`, and as `replay` where days are taken over.
 */
export async function backfill(
  options: BackfillOptions,
  signal: AbortSignal,
): Promise<BackfillResult> {
  const stopped = { ...NOTHING, partsSkipped: 0, replacedCount: 0, isComplete: false }
  return (await withInput(options, signal, (input) => load(options, input, signal))) ?? stopped
}

const NOTHING = { partsRead: 0, leftOutCount: 0, takenOverDays: [], takenOver: [] }

async function load(
  options: BackfillOptions,
  input: OpenInput,
  signal: AbortSignal,
): Promise<BackfillResult> {
  const { chosen: all, takeOver, replacedCount } = await checkInput(options, input, signal)
  const chosen = all.filter(({ state }) => state !== 'read')
  const skipped = { partsSkipped: all.length - chosen.length, replacedCount }
  if (signal.aborted) return { ...NOTHING, ...skipped, isComplete: false }
  const isAnnounced = await announceTakeOver(options, takeOver, signal)
  if (!isAnnounced) return { ...NOTHING, ...skipped, isComplete: false }
  const loaded = chosen.length === 0 ? NOTHING : await loadParts(options, input, chosen, signal)
  const turned = await turnTakeOver(options, takeOver, signal)
  return { ...loaded, ...skipped, ...turned, isComplete: !signal.aborted }
}

async function loadParts(
  options: BackfillOptions,
  { reader }: OpenInput,
  chosen: readonly ChosenPart[],
  signal: AbortSignal,
): Promise<Pick<BackfillResult, 'partsRead' | 'leftOutCount'>> {
  const parts = chosen.map(({ part }) => part)
  const archive = createBackfillSource(options.lake, reader, parts)
  const takenRanges = takenRangesOf(chosen)
  let readCount = 0
  let takenCount = 0
  const source: Source = {
    ...archive,
    release: async (batch) => {
      await archive.release(batch)
      readCount += batch.messageCount
      options.onProgress?.('load', archive.progress())
    },
  }
  if (options.byTrino === undefined) {
    const isBeside = options.isBeside === true
    const limits = options.limits ?? (isBeside ? besideLimits : backfillLimits)
    const onCut = (receipt: CutReceipt) => {
      takenCount += receipt.messageCount
      options.onCut?.(receipt)
    }
    // Beside a stream the state is read again at almost every cut, and closed days are looked up in
    // silver anyway: a memory of the newest rows would be loaded for nothing.
    const memory = isBeside ? { dedupeMemoryRows: 0 } : {}
    const loop = { ...options, ...memory, source, mode: 'backfill', limits, onCut } as const
    await runMicroBatches(takenRanges === undefined ? loop : { ...loop, takenRanges }, signal)
  } else {
    const limits = options.limits ?? trinoBackfillLimits
    const format = onlyFormatOf(parts, reader)
    await backfillByTrino({ ...options, ...options.byTrino, format, source, limits }, signal)
  }
  const unread = chosen.slice(archive.progress().partsRead)
  const partsRead = countFiles(chosen) - countFiles(unread)
  const leftOutCount = takenRanges === undefined ? 0 : readCount - takenCount
  return { partsRead, leftOutCount }
}

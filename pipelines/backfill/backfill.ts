import type { CommitHooks } from '../../tables/commit/commit-context.ts'
import { SluiceError } from '../../tables/errors.ts'
import type { LakeInTrino } from '../lake/lake-in-trino.ts'
import type { Lake } from '../lake/lake.ts'
import type { CutReceipt } from '../loop/cut-receipt.ts'
import { headOf, loadHeads } from '../loop/loop-context.ts'
import type { Instrument } from '../loop/instruments.ts'
import { readFinishedSources } from '../loop/read-positions.ts'
import { runMicroBatches } from '../loop/run-micro-batches.ts'
import { createArchiveSource, type ArchiveProgress } from '../sources/archive-source.ts'
import { readArchiveParts, type ArchivePart } from '../sources/archive-parts.ts'
import type { ArchiveFormat } from '../sources/line-framing.ts'
import type { BatchLimits } from '../sources/source.ts'
import { backfillByTrino, type TrinoBackfillOptions } from './by-trino/backfill-by-trino.ts'
import { findOverlaps, type Overlap } from './find-overlaps.ts'

export interface BackfillOptions {
  readonly lake: Lake
  readonly format: ArchiveFormat
  readonly files: readonly string[]
  readonly writer: string
  readonly limits?: BatchLimits
  readonly allowedLatenessMs?: number
  readonly dedupeMemoryRows?: number
  readonly instruments?: readonly Instrument[]
  /** Who runs the transforms; absent: the lake's own engine. */
  readonly byTrino?: TrinoBackfill
  readonly hooks?: CommitHooks
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
  /** False where the signal came first: started again, it goes on from there. */
  readonly isComplete: boolean
}

/** Large batches: a backfill is about throughput, and memory bounds them. */
export const backfillLimits: BatchLimits = {
  rows: 120_000,
  bytes: 48 * 1024 * 1024,
  timeMs: 60_000,
}

/** What is framed at once for Trino becomes one file, and it likes large ones. */
const trinoBackfillLimits: BatchLimits = {
  rows: 500_000,
  bytes: 96 * 1024 * 1024,
  timeMs: 60_000,
}

/** Overlaps that an error message names; more are counted. */
const MAX_NAMED_OVERLAPS = 20

/**
 * History into the lake, by the loop and the transforms of live. Files are known by their content:
 * one that was read whole is skipped, one that was read in part is gone on with.
 *
 * @throws SluiceError `invalid-input` where a day of a symbol in the input overlaps, by event-time
 * range, what the lake holds from other sources; it names them, and nothing of the run is
 * committed. Also as `runMicroBatches`.
 */
export async function backfill(
  options: BackfillOptions,
  signal: AbortSignal,
): Promise<BackfillResult> {
  const { lake } = options
  const all = await readArchiveParts(options.files)
  const finished = await finishedSources(lake, all)
  const parts = all.filter(({ part }) => !finished.has(part.source))
  const partsSkipped = all.length - parts.length
  if (parts.length === 0) return { partsRead: 0, partsSkipped, isComplete: true }
  await refuseOverlaps(options, parts, all)
  const source = createSource(options, parts)
  const tell = () => options.onProgress?.('load', source.progress())
  if (options.byTrino === undefined) {
    const onCut = (receipt: CutReceipt) => {
      tell()
      options.onCut?.(receipt)
    }
    const limits = options.limits ?? backfillLimits
    await runMicroBatches({ ...options, source, mode: 'backfill', limits, onCut }, signal)
  } else {
    const limits = options.limits ?? trinoBackfillLimits
    const loop = { ...options, ...options.byTrino, source, limits, onRead: tell }
    await backfillByTrino(loop, signal)
  }
  const { partsRead } = source.progress()
  return { partsRead, partsSkipped, isComplete: !signal.aborted }
}

async function finishedSources(
  lake: Lake,
  parts: readonly ArchivePart[],
): Promise<ReadonlySet<string>> {
  const cuts = headOf(await loadHeads(lake), 'sluice.cuts')
  const session = await lake.engine.connect()
  try {
    return await readFinishedSources(
      lake,
      session,
      cuts,
      parts.map(({ part }) => part.source),
    )
  } finally {
    session.close()
  }
}

function createSource(options: BackfillOptions, parts: readonly ArchivePart[]) {
  const { lake, format } = options
  return createArchiveSource({ parts, format, scratchDir: lake.scratchDir, ids: lake.ids })
}

async function refuseOverlaps(
  options: BackfillOptions,
  parts: readonly ArchivePart[],
  all: readonly ArchivePart[],
): Promise<void> {
  const source = createSource(options, parts)
  const overlaps = await findOverlaps({
    lake: options.lake,
    source,
    limits: options.limits ?? backfillLimits,
    ownSources: all.map(({ part }) => part.source),
    onBatch: () => options.onProgress?.('check', source.progress()),
  })
  if (overlaps.length === 0) return
  const named = overlaps.slice(0, MAX_NAMED_OVERLAPS).map(describeOverlap)
  const more = overlaps.length - named.length
  throw new SluiceError(
    'invalid-input',
    `The input overlaps what the lake holds on ${overlaps.length} ` +
      `${overlaps.length === 1 ? 'day of a symbol' : 'days of symbols'}. Nothing of it was ` +
      `committed. Leave these out, or backfill into another lake:\n${named.join('\n')}` +
      (more > 0 ? `\n  … and ${more} more` : ''),
  )
}

function describeOverlap(overlap: Overlap): string {
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

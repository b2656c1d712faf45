import { rollForward } from '../../../tables/commit/roll-forward.ts'
import { verifyHeads } from '../../../tables/commit/verify-heads.ts'
import { sqlName } from '../../../tables/engine/sql-text.ts'
import { isErrorKind, SluiceError } from '../../../tables/errors.ts'
import type { DeleteQueue } from '../../../tables/maintain/delete-queue.ts'
import type { TrinoProgress } from '../../../tables/query/trino-connection.ts'
import { CUTS_TABLE } from '../../lake/lake-commit-context.ts'
import type { LakeInTrino } from '../../lake/lake-in-trino.ts'
import type { Lake } from '../../lake/lake.ts'
import { createLakeDeleteQueue } from '../../lake/lake-delete-queue.ts'
import { commitContext } from '../../loop/commit-context.ts'
import { rowsByTable } from '../../loop/commit-plan.ts'
import type { CutReceipt } from '../../loop/cut-receipt.ts'
import { hasMoved } from '../../loop/cut-rows.ts'
import { formatOf } from '../../loop/derive-batch.ts'
import { areNumbered } from '../../loop/merge-gaps.ts'
import { headOf, type LoopContext, type LoopOptions } from '../../loop/loop-context.ts'
import { nextIngestedUs } from '../../loop/loop-state.ts'
import { restoreLoop } from '../../loop/restore-loop.ts'
import { silverTable } from '../../loop/write-cut-files.ts'
import { adoptCut, type AdoptedCut, type DerivedCut } from './adopt-cut.ts'
import { cleanDeadScratch, cleanScratch, writerOfRun } from './clean-scratch.ts'
import { countByTrino } from './count-by-trino.ts'
import { FRAMED, frameIntoScratch, type FramedInput } from './frame-into-scratch.ts'
import { openScratchRun, SCRATCH_NAMESPACE, type ScratchRun } from './scratch-run.ts'
import { transformByTrino } from './transform-by-trino.ts'
import { createTrinoSession, endStatementsOf } from './trino-session.ts'
import type { TrinoWork } from './trino-work.ts'

export interface TrinoBackfillOptions extends Omit<LoopOptions, 'mode'> {
  readonly trino: LakeInTrino
  /** The one format of the source. */
  readonly format: string
  /** Messages of one cut, about. */
  readonly cutRows?: number
  /** Hears how far Trino is. */
  readonly onStatement?: (purpose: string, progress: TrinoProgress) => void
}

/** What one machine frames and merges at once: a month or two of a busy market. */
export const CUT_ROWS_DEFAULT = 20_000_000

/**
 * Brings a source into the lake as `runMicroBatches` does, with the transforms run by Trino: this
 * process frames the messages, Trino derives bronze and silver from them and aggregates gold's
 * windows, and each cut adopts the files that Trino wrote. The catalog that Trino sees must be the
 * lake's.
 *
 * Resolves when the source ends, or when `signal` aborts: the cut in hand is given up then.
 * @throws SluiceError as `runMicroBatches`, `createTrinoSession` and `adoptCut`. Scratch is cleaned
 * all the same; what a killed process left is cleaned by the next run.
 */
export async function backfillByTrino(
  options: TrinoBackfillOptions,
  signal: AbortSignal,
): Promise<void> {
  const { lake, source } = options
  // Duplicates are looked for in the lake itself: nothing need be remembered.
  const loop: LoopOptions = { ...options, mode: 'backfill', dedupeMemoryRows: 0 }
  const connection = await lake.engine.connect()
  const queue = createLakeDeleteQueue(lake, options.maxQueryDurationMs)
  const release = lake.holdCopies()
  try {
    await rollForward(commitContext(loop))
    await cleanDeadScratch(lake, (run) => endStatementsOf(options.trino, run))
    let context = await restoreLoop(loop, connection)
    await verifyHeads(commitContext(loop), [...context.heads.values()], CUTS_TABLE)
    await queue.start()
    const ends = [...context.state.parts].map(([key, part]) => [key, part.endOffset] as const)
    await source.open(new Map(ends))
    while (!signal.aborted) {
      const isLast = await takeCut(context, options, queue, signal)
      if (isLast) break
      context = await restoreLoop(loop, connection)
    }
    await queue.flush()
  } finally {
    await source.close()
    release()
    connection.close()
  }
}

/** One cut; true where nothing is left to be read. Its scratch is gone afterwards. */
async function takeCut(
  context: LoopContext,
  options: TrinoBackfillOptions,
  queue: DeleteQueue,
  signal: AbortSignal,
): Promise<boolean> {
  const { lake, writer } = options
  const targets = targetsOf(options.lake, options.format)
  const [first, ...others] = targets.map((name) => headOf(context.heads, name))
  if (first === undefined) throw new RangeError(`${options.format} has no kind`)
  const tables = [first, ...others] as const
  const run = await openScratchRun(lake, tables)
  const { record } = run
  const ofRun = { ...context.options, writer: writerOfRun(writer, record.run) }
  let isAdopted = false
  try {
    for (const table of tables) await run.createTwin(table)
    const { input, derived, startedMs } = await derive(context, { ...options, run }, signal)
    if (derived !== undefined) {
      const derivedMs = clockMs(lake)
      const cut = { run, targets, ...derived }
      const adopted = await adoptCut({ ...context, options: ofRun }, cut)
      isAdopted = true
      const times = { startedMs, derivedMs, endMs: clockMs(lake) }
      await tellOf(adopted, times, options, queue)
    }
    await cleanScratch(lake, record, isAdopted)
    return input.isLast
  } catch (error) {
    // The answer is lost: the next run finds out whether the files are the lake's.
    if (isErrorKind(error, 'commit-state-unknown')) throw error
    // What cannot be cleaned now is cleaned by the next run.
    await cleanScratch(lake, record, isAdopted).catch(() => undefined)
    if (signal.aborted && !isAdopted) return true
    throw error
  }
}

/** The tables that adopt files, that of the format's first kind before all others. */
function targetsOf(lake: Lake, format: string): readonly string[] {
  const { kinds } = formatOf(lake, format)
  return [
    ...kinds.flatMap((kind) => [`bronze.${kind}_messages`, silverTable(kind)]),
    'silver.rejected_messages',
  ]
}

interface Derived {
  readonly input: FramedInput
  /** Undefined where there is nothing to commit. */
  readonly derived: Omit<DerivedCut, 'run' | 'targets'> | undefined
  readonly startedMs: number
}

async function derive(
  context: LoopContext,
  options: TrinoBackfillOptions & { readonly run: ScratchRun },
  signal: AbortSignal,
): Promise<Derived> {
  const { lake, run, source, limits } = options
  const startedMs = clockMs(lake)
  const ingestedUs = nextIngestedUs(context.state, lake.clock.nowUs())
  const input = await frameIntoScratch({
    ...{ lake, run, source, limits, ingestedUs, signal, session: context.session },
    cutRows: options.cutRows ?? CUT_ROWS_DEFAULT,
  })
  const { progress, messageCount } = input
  if (signal.aborted || !progress.some(hasMoved)) return { input, derived: undefined, startedMs }
  const work = createWork(context, options, signal)
  if (messageCount > 0) await checkSight(work, options.trino, messageCount)
  const done = messageCount === 0 ? [] : await transformByTrino(work)
  const facts =
    done.length === 0
      ? { counts: new Map(), seen: new Map() }
      : await countByTrino(work, done, context.state.watermarkUs)
  const kinds = done.flatMap(({ kind, judged }) => (judged === undefined ? [] : [kind]))
  const isNumbered = areNumbered(options.lake, [options.format])
  return { input, derived: { kinds, facts, progress, ingestedUs, isNumbered }, startedMs }
}

function createWork(
  { heads }: LoopContext,
  options: TrinoBackfillOptions & { readonly run: ScratchRun },
  signal: AbortSignal,
): TrinoWork {
  const { trino, run, instruments = [], onStatement } = options
  const inTrino = (...names: readonly string[]) => [trino.catalog, ...names].map(sqlName).join('.')
  return {
    trino: createTrinoSession({ trino, signal, onProgress: onStatement ?? (() => undefined) }),
    run,
    model: options.lake.model,
    format: formatOf(options.lake, options.format),
    instruments,
    scratch: (name) => inTrino(SCRATCH_NAMESPACE, run.identifier(name).name),
    atHead: (table) => {
      const headId = headOf(heads, table).metadata['current-snapshot-id']
      if (headId === undefined) return undefined
      return `${inTrino(...table.split('.'))} FOR VERSION AS OF ${headId}`
    },
  }
}

/**
 * Before anything else is asked of Trino: that it sees this lake, and all of it that was written.
 * @throws SluiceError `invalid-input` where it does not.
 */
async function checkSight(
  { trino, scratch }: TrinoWork,
  { url, catalog }: LakeInTrino,
  messageCount: number,
): Promise<void> {
  const rows = await trino
    .rows<{ count: bigint }>(
      'read scratch tables',
      `SELECT count(*) AS count FROM ${scratch(FRAMED)}`,
    )
    .catch((cause: unknown) => {
      if (!isErrorKind(cause, 'invalid-input')) throw cause
      throw new SluiceError(
        'invalid-input',
        `The catalog ${catalog} of Trino at ${url} does not show this lake: ${cause.message} Let ` +
          'it read the catalog that `sluice catalog` serves for this lake, or name another with ' +
          '--trino-catalog.',
        { cause },
      )
    })
  const count = rows[0]?.count ?? 0n
  if (count === BigInt(messageCount)) return
  throw new SluiceError(
    'corrupt-data',
    `Trino reads ${count} of ${messageCount} messages that were written for it. Nothing was ` +
      'committed. Look whether it reaches the same store under the same names.',
  )
}

async function tellOf(
  { committed, after, changes, total }: AdoptedCut,
  { startedMs, derivedMs, endMs }: { startedMs: number; derivedMs: number; endMs: number },
  { lake, onCut }: TrinoBackfillOptions,
  queue: DeleteQueue,
): Promise<void> {
  const receipt: CutReceipt = {
    ...total,
    cutNumber: after.cutNumber,
    committedUs: lake.clock.nowUs(),
    watermarkUs: after.watermarkUs,
    rowsByTable: rowsByTable(changes),
    uncountedCount: 0,
    receivedUsQuantiles: [],
    timings: {
      derive: derivedMs - startedMs,
      write: 0,
      commit: endMs - derivedMs,
      total: endMs - startedMs,
    },
  }
  onCut?.(receipt)
  await queue.noteCommit({
    cutNumber: after.cutNumber,
    tables: committed.tables.values(),
    abandonedPaths: committed.abandonedPaths,
  })
}

function clockMs({ clock }: Lake): number {
  return Number(clock.nowUs() / 1000n)
}

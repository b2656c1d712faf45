import type { TableChange } from '../../tables/commit/table-change.ts'
import type { Kind } from '../../shared-transforms/kind.ts'
import type { GoldTable } from '../../shared-transforms/gold-tables.ts'
import type { LoopContext } from '../loop/loop-context.ts'
import { nextIngestedUs } from '../loop/loop-state.ts'
import type { CutCounts } from '../loop/cut-receipt.ts'
import { countDifferences } from './count-differences.ts'
import { writeGoldChanges } from './gold-change.ts'
import type { ComparedSilver } from './held-silver.ts'
import { planGapChange } from './gap-change.ts'
import { holdRejected, writeRejectedChange } from './rejected-change.ts'
import { requireBronze } from './require-bronze.ts'
import { writeSilverChange } from './silver-change.ts'
import { writeTakeOver } from './take-over-change.ts'
import type { DayRange } from '../lake/utc-days.ts'

/** What one cut of a replay does. */
export interface ChunkPlan {
  readonly changes: readonly TableChange[]
  /** Gold tables with new versions of sealed windows. */
  readonly revised: readonly GoldTable[]
  /** By `partKey`, before what others did is taken out. */
  readonly counts: ReadonlyMap<string, CutCounts>
  /** Days of silver that are replaced, by kind. */
  readonly replaced: ReadonlyMap<Kind, readonly bigint[]>
  /** Of the cut, and of its rows that bear it. */
  readonly ingestedUs: bigint
}

/**
 * Writes the files of what differs from what the range should hold; no change where nothing does.
 * @param wanted compared undefined: silver stays as it is, gold is derived from it; takeOver as of
 * `ReplayOptions`
 */
export async function planChunk(
  context: LoopContext,
  range: DayRange,
  wanted: {
    readonly compared: ComparedSilver | undefined
    readonly takeOver?: string | undefined
  },
): Promise<ChunkPlan> {
  const { compared, takeOver } = wanted
  const { state, options } = context
  const ingestedUs = nextIngestedUs(state, options.lake.clock.nowUs())
  if (compared === undefined) {
    const gaps = await planGapChange(context, undefined)
    const gold = await writeGoldChanges(context, range, new Map(), gaps.facts)
    const changes = [...gaps.changes, ...gold.changes]
    return { ...gold, changes, counts: new Map(), replaced: new Map(), ingestedUs }
  }
  const changes: TableChange[] = []
  const { held, replaced } = compared
  await requireBronze(context, held, replaced)
  for (const one of held) {
    const days = replaced.get(one.kind) ?? []
    if (days.length > 0) changes.push(await writeSilverChange(context, one, days))
  }
  const rejected = await writeRejectedChange(context, await holdRejected(context, range))
  if (rejected !== undefined) changes.push(rejected)
  const counts =
    changes.length === 0
      ? new Map<string, CutCounts>()
      : await countDifferences(context.session, held, replaced)
  const gaps = await planGapChange(context, compared)
  changes.push(...gaps.changes)
  const gold = await writeGoldChanges(context, range, replaced, gaps.facts)
  if (takeOver !== undefined) {
    changes.push(...(await writeTakeOver(context, takeOver, ingestedUs, range)))
  }
  changes.push(...gold.changes)
  return { changes, revised: gold.revised, counts, replaced, ingestedUs }
}

import type { CommittedCut } from '../../tables/commit/commit-cut.ts'
import { commitPlan, type DerivedDays } from '../loop/commit-plan.ts'
import type { LoopContext } from '../loop/loop-context.ts'
import { totalCounts } from '../loop/observe-batch.ts'
import type { PartPosition } from '../loop/read-positions.ts'
import { restingParts } from '../loop/resting-parts.ts'
import type { ChunkPlan } from './plan-chunk.ts'
import { settleDifferences } from './settle-differences.ts'

/**
 * One cut that moves no part and no watermark. Parts whose counts change get a row that stays
 * where it is, finished files too.
 */
export async function commitChunk(
  context: LoopContext,
  plan: ChunkPlan,
  derived: DerivedDays,
): Promise<CommittedCut> {
  const { state, options } = context
  const { ingestedUs } = plan
  const { counts, positions } =
    plan.counts.size === 0
      ? { counts: plan.counts, positions: new Map<string, PartPosition>() }
      : await settleDifferences(context, plan.counts)
  const told = [...positions].filter(([key]) => counts.has(key))
  return commitPlan(context, {
    mode: options.mode,
    after: { ...state, cutNumber: state.cutNumber + 1, ingestedUs },
    ...restingParts(told.map(([, position]) => position)),
    changes: plan.changes,
    revised: plan.revised,
    counts,
    total: totalCounts(counts.values()),
    derived,
  })
}

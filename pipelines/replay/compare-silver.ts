import type { Kind } from '../../shared-transforms/kind.ts'
import type { LoopContext } from '../loop/loop-context.ts'
import { silverTable } from '../loop/write-cut-files.ts'
import { differingDays, digestDays, holdSilver } from './held-silver.ts'
import type { ComparedSilver, HeldSilver } from './held-silver.ts'
import { againSilver } from './judge-range.ts'
import type { DayRange } from '../lake/utc-days.ts'

/** Silver of the range beside what it should be. `judgeRange` must have been called. */
export async function compareSilver(
  context: LoopContext,
  range: DayRange,
): Promise<ComparedSilver> {
  const { session } = context
  const held: HeldSilver[] = []
  const replaced = new Map<Kind, readonly bigint[]>()
  for (const kind of session.model.kinds) {
    const table = silverTable(kind)
    const one = await holdSilver(context, kind, range)
    held.push(one)
    const before = await digestDays(session, one.rows, table, 'event_ts')
    const after = await digestDays(session, againSilver(kind), table, 'event_ts')
    replaced.set(kind, differingDays(before, after))
  }
  return { held, replaced }
}

import type { TableChange } from '../../tables/commit/table-change.ts'
import { kinds, type Kind } from '../../shared-transforms/kind.ts'
import type { LoopContext } from '../loop/loop-context.ts'
import { silverTable } from '../loop/write-cut-files.ts'
import type { CutCounts } from '../loop/cut-receipt.ts'
import { countDifferences } from './count-differences.ts'
import { writeGoldChanges } from './gold-change.ts'
import { differingDays, digestDays, holdSilver, type HeldSilver } from './held-silver.ts'
import { againSilver } from './judge-range.ts'
import { holdRejected, writeRejectedChange } from './rejected-change.ts'
import { requireBronze } from './require-bronze.ts'
import { writeSilverChange } from './silver-change.ts'
import type { DayRange } from './utc-days.ts'

/** What one cut of a replay does. */
export interface ChunkPlan {
  readonly changes: readonly TableChange[]
  /** By `partKey`, before what others did is taken out. */
  readonly counts: ReadonlyMap<string, CutCounts>
  /** Days of silver that are replaced, by kind. */
  readonly replaced: ReadonlyMap<Kind, readonly bigint[]>
}

/** Silver of the range beside what it should be. `judgeRange` must have been called. */
export async function compareSilver(
  context: LoopContext,
  range: DayRange,
): Promise<{
  readonly held: readonly HeldSilver[]
  readonly replaced: ReadonlyMap<Kind, readonly bigint[]>
}> {
  const { session } = context
  const held: HeldSilver[] = []
  const replaced = new Map<Kind, readonly bigint[]>()
  for (const kind of kinds) {
    const one = await holdSilver(context, kind, range)
    held.push(one)
    const before = await digestDays(session, one.rows, silverTable(kind), 'event_ts')
    const after = await digestDays(session, againSilver(kind), silverTable(kind), 'event_ts')
    replaced.set(kind, differingDays(before, after))
  }
  return { held, replaced }
}

/**
 * Compares the range with what it should hold and writes the files of what differs; no change
 * where nothing does.
 * @param hasSilver false: silver stays as it is, gold is derived from it
 */
export async function planChunk(
  context: LoopContext,
  range: DayRange,
  hasSilver: boolean,
): Promise<ChunkPlan> {
  if (!hasSilver) {
    const changes = await writeGoldChanges(context, range, new Map())
    return { changes, counts: new Map(), replaced: new Map() }
  }
  const changes: TableChange[] = []
  const { held, replaced } = await compareSilver(context, range)
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
  changes.push(...(await writeGoldChanges(context, range, replaced)))
  return { changes, counts, replaced }
}

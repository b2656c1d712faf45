import type { TableChange } from '../../tables/commit/table-change.ts'
import type { Kind } from '../../shared-transforms/kind.ts'
import { writeContext } from './commit-plan.ts'
import { goldLookup, silverLookup } from './committed-rows.ts'
import type { GapFacts } from './gap-windows.ts'
import { mergeIntoTail, type NewRows, type TailChange } from './gold-tail.ts'
import type { GoldTable } from '../../shared-transforms/gold-tables.ts'
import type { LoopContext } from './loop-context.ts'
import { writeGoldChange } from './write-cut-files.ts'

export interface MergedGold {
  /** Of the gold tables that change. */
  readonly changes: readonly TableChange[]
  /** One for each tail of the context. */
  readonly tailChanges: readonly TailChange[]
  /** Gold tables with new versions of sealed windows, for the plan of the cut. */
  readonly revised: readonly GoldTable[]
}

/**
 * Merges new rows of silver into the windows of every gold table, and writes the files of it.
 * @param gaps as the cut leaves them
 * @param rowsOf a kind's accepted rows; undefined where there are none
 */
export async function mergeGold(
  context: LoopContext,
  watermarkUs: bigint | undefined,
  gaps: GapFacts,
  rowsOf: (kind: Kind) => NewRows | undefined,
): Promise<MergedGold> {
  const { session, heads } = context
  const changes: TableChange[] = []
  const tailChanges: TailChange[] = []
  const sources = { gold: goldLookup(context), silver: silverLookup(context) }
  for (const tail of context.tails) {
    const added = tail.gold.inputs.flatMap(({ kind }) => rowsOf(kind) ?? [])
    const change = await mergeIntoTail(session, tail, added, sources, watermarkUs, gaps)
    tailChanges.push(change)
    const written = await writeGoldChange(session, writeContext(context), heads, tail, change)
    if (written !== undefined) changes.push(written)
  }
  const revised = context.tails.map(({ gold }) => gold)
  return { changes, tailChanges, revised: revised.filter((_, i) => tailChanges[i]?.isRevised) }
}

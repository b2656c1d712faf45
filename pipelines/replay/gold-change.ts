import type { TableChange } from '../../tables/commit/table-change.ts'
import type { Kind } from '../../shared-transforms/kind.ts'
import { writeContext } from '../loop/commit-plan.ts'
import { goldLookup, silverLookup } from '../loop/committed-rows.ts'
import type { SilverLookup } from '../loop/decide-duplicates.ts'
import { isOnDays } from '../loop/find-foreign-days.ts'
import type { GapFacts } from '../loop/gap-windows.ts'
import type { GoldTable } from '../../shared-transforms/gold-tables.ts'
import { mergeIntoTail } from '../loop/gold-tail.ts'
import type { LoopContext } from '../loop/loop-context.ts'
import type { MergedGold } from '../loop/merge-gold.ts'
import { ownColumns } from '../loop/own-columns.ts'
import { silverTable, writeGoldChange } from '../loop/write-cut-files.ts'
import { againSilver } from './judge-range.ts'
import { daysOf, type DayRange } from '../lake/utc-days.ts'

/**
 * All windows of a range from silver as it will be, by the loop's way of deriving days again:
 * what comes out as it is committed is left alone, a sealed window that changes is a new revision.
 * @param replaced days of silver that are replaced in the same cut, by kind
 * @param gaps as the cut leaves them
 */
export async function writeGoldChanges(
  context: LoopContext,
  range: DayRange,
  replaced: ReadonlyMap<Kind, readonly bigint[]>,
  gaps: GapFacts,
): Promise<Pick<MergedGold, 'changes' | 'revised'>> {
  const { session, heads, state } = context
  const changes: TableChange[] = []
  const revised: GoldTable[] = []
  const sources = { gold: goldLookup(context), silver: silverAfter(context, replaced) }
  for (const tail of context.tails) {
    // What others changed since the last cut comes along: this cut hides it from the next one.
    const days = [...new Set([...tail.foreignDays, ...daysOf(range)])]
    const foreignDays = days.sort((a, b) => Number(a - b))
    const change = await mergeIntoTail(
      session,
      { ...tail, foreignDays },
      [],
      sources,
      state.watermarkUs,
      gaps,
    )
    const written = await writeGoldChange(session, writeContext(context), heads, tail, change)
    if (written !== undefined) changes.push(written)
    if (change.isRevised) revised.push(tail.gold)
  }
  return { changes, revised }
}

/** Silver as the cut will leave it: the replaced days out of the engine, the others as they are. */
export function silverAfter(
  context: LoopContext,
  replaced: ReadonlyMap<Kind, readonly bigint[]>,
): SilverLookup {
  const committed = silverLookup(context)
  return async (kind, range) => {
    const days = replaced.get(kind) ?? []
    const held = await committed(kind, range)
    if (days.length === 0) return held
    const onDays = isOnDays('event_ts', days)
    return (
      `(SELECT * FROM ${held} WHERE NOT ${onDays} UNION ALL BY NAME ` +
      `SELECT ${ownColumns(context.session, silverTable(kind))} FROM ${againSilver(kind)} WHERE ${onDays} ` +
      `AND epoch_us(event_ts) BETWEEN ${range.fromUs} AND ${range.untilUs})`
    )
  }
}

import type { BackfillResult } from '../backfill/backfill.ts'
import type { RunTotals } from '../loop/run-statistics.ts'
import { formatCount } from './format-units.ts'
import { LEFT_OUT } from './show-backfill-plan.ts'

/** Days of symbols that are printed for a person; JSON has all. */
const MAX_SHOWN_DAYS = 20

/** What a backfill did, for a person: a line, and one more for each day of a symbol taken over. */
export function drawBackfillResult(
  result: BackfillResult,
  totals: Omit<RunTotals, 'freshness'>,
): readonly string[] {
  const { partsRead, partsSkipped, leftOutCount, takenOverDays } = result
  const were = partsSkipped === 1 ? 'was' : 'were'
  const told =
    `${countOf(partsRead, 'file')} read, ${partsSkipped} ${were} in the lake already: ` +
    `${countOf(totals.messageCount, 'message')} in ${countOf(totals.cutCount, 'cut')}, ` +
    `${formatCount(totals.rejectedCount)} rejected, ` +
    countOf(totals.duplicateCount, 'duplicate') +
    (leftOutCount === 0 ? '' : `; ${countOf(leftOutCount, 'message')} ${LEFT_OUT}`) +
    drawUncounted(result, totals) +
    (takenOverDays.length === 0 ? '' : `; ${countOf(takenOverDays.length, 'day')} taken over`)
  return [told, ...drawTakenOver(result)]
}

/** Once the run is at its end, silver has them. */
function drawUncounted(
  { isComplete }: BackfillResult,
  { uncountedCount }: Pick<RunTotals, 'uncountedCount'>,
): string {
  if (isComplete || uncountedCount === 0) return ''
  return `; ${countOf(uncountedCount, 'row')} in bronze alone until their days are taken over`
}

function drawTakenOver({ takenOver }: BackfillResult): readonly string[] {
  const shown = takenOver.slice(0, MAX_SHOWN_DAYS).map((taken) => {
    const { kind, venue, venueSymbol, day, replaced, rowCount } = taken
    const of = replaced.map((one) => `${countOf(one.rowCount, 'row')} of ${one.source}`)
    const went = of.length === 0 ? 'nothing replaced' : `${of.join(', ')} replaced`
    return `  ${kind} ${venue} ${venueSymbol} ${day}: ${went}, ${countOf(rowCount, 'row')} now`
  })
  const more = takenOver.length - shown.length
  return more > 0 ? [...shown, `  … and ${formatCount(more)} more`] : shown
}

/** `1 file`, `2,000 files`. */
function countOf(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`
}

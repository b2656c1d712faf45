import { SluiceError } from '../../tables/errors.ts'
import type { Kind } from '../../shared-transforms/kind.ts'
import { readRemovedBronze, type RemovedBronze } from '../lake/removed-bronze.ts'
import { isOnDays } from '../loop/find-foreign-days.ts'
import { headOf, planHead, planRelation, type LoopContext } from '../loop/loop-context.ts'
import { POSITION } from './derive-range.ts'
import type { HeldSilver } from './held-silver.ts'
import { dayText, type DayRange } from '../lake/utc-days.ts'

/**
 * Rows of silver whose message the receipts took in and bronze holds no more: to derive the range
 * from bronze would lose them for good. Rows that nobody took in are another's, and go.
 * @throws SluiceError `data-loss` where there are any.
 */
export async function requireBronze(
  context: LoopContext,
  held: readonly HeldSilver[],
  replaced: ReadonlyMap<Kind, readonly bigint[]>,
): Promise<void> {
  const { session, options, heads } = context
  const read = async (table: string) =>
    planRelation(options.lake, await planHead(options.lake, headOf(heads, table), []))
  const selects = held.map(
    ({ kind, rows }) =>
      `SELECT ${POSITION}, event_ts FROM ${rows} s ANTI JOIN again_message USING (${POSITION}) ` +
      `WHERE ${isOnDays('event_ts', replaced.get(kind) ?? [])}`,
  )
  await session.run(`CREATE OR REPLACE TABLE again_unknown AS ${selects.join(' UNION ALL ')}`)
  const [unknown] = await session.rows<{ n: bigint }>('SELECT count(*) AS n FROM again_unknown')
  if ((unknown?.n ?? 0n) === 0n) return
  const bronze: string[] = []
  for (const kind of session.model.kinds) {
    bronze.push(`SELECT ${POSITION} FROM ${await read(`bronze.${kind}_messages`)}`)
  }
  const cuts = await read('sluice.cuts')
  const taken =
    `SELECT source, source_partition, min(start_offset) AS low, ` +
    `max_by(end_offset, cut_number) AS high FROM ${cuts} WHERE source IS NOT NULL GROUP BY ALL`
  const [lost] = await session.rows<{ n: bigint; day: bigint | null }>(
    `SELECT count(*) AS n, min(epoch_us(event_ts) // 86400000000) AS day FROM again_unknown u ` +
      `ANTI JOIN (${bronze.join(' UNION ALL ')}) USING (${POSITION}) ` +
      `JOIN (${taken}) t USING (source, source_partition) ` +
      'WHERE u.source_offset >= t.low AND u.source_offset < t.high',
  )
  if (lost === undefined || lost.n === 0n || lost.day === null) return
  throw new SluiceError(
    'data-loss',
    `Silver holds ${lost.n} rows, the first of ${dayText(lost.day)}, whose messages bronze holds ` +
      'no more: to derive these days from bronze would lose them. Nothing was changed. Restore ' +
      'bronze, or derive gold alone from silver as it is with --layers gold.',
    { context: { rows: lost.n, day: dayText(lost.day) } },
  )
}

/**
 * A range cannot be derived from bronze once messages of it, or of the day before it, left bronze for
 * their age.
 * @throws SluiceError `invalid-input`, naming the days.
 */
export async function requireWholeBronze(context: LoopContext, range: DayRange): Promise<void> {
  const removed = await readRemoved(context)
  if (removed === undefined || isWhole(range, removed)) return
  const day = dayText(removed.wholeFromDay + 1n)
  throw new SluiceError(
    'invalid-input',
    `Messages of days before ${dayText(removed.wholeFromDay)} left bronze for their age (cut ` +
      `${removed.cutNumber}), so ${dayText(range.fromDay)} cannot be derived from it again. Nothing ` +
      `was changed. Begin with --from ${day}, or derive gold alone from silver as it is: ` +
      '--layers gold.',
    { context: { day: dayText(range.fromDay) } },
  )
}

/** What left bronze, by the receipts of the context's lake. */
export async function readRemoved({
  session,
  options,
  heads,
}: LoopContext): Promise<RemovedBronze | undefined> {
  const plan = await planHead(options.lake, headOf(heads, 'sluice.cuts'), [])
  return readRemovedBronze(session, await planRelation(options.lake, plan))
}

/** Whether bronze has all of a range, and of the day before it, whose rows may shut some out. */
export function isWhole(range: DayRange, { wholeFromDay }: RemovedBronze): boolean {
  return range.fromDay > wholeFromDay
}

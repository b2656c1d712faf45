import type { Kind } from '../../shared-transforms/kind.ts'
import type { HasModel } from '../../shared-transforms/lake-model.ts'
import { derivedStatesSql } from '../../shared-transforms/gold-tables.ts'
import { headOf, planHead, planRelation, type LoopContext } from '../loop/loop-context.ts'
import type { StepSession } from '../loop/step-session.ts'
import { ownColumns } from '../loop/own-columns.ts'
import { silverTable } from '../loop/write-cut-files.ts'
import { silverAfter } from './gold-change.ts'
import { hashDays, type DayContent } from './held-silver.ts'
import { AGAIN_REJECTED, againSilver } from './judge-range.ts'
import { HELD_REJECTED, holdRejected } from './rejected-change.ts'
import { deriveChunk, type DerivedRange } from './replay-chunk.ts'
import { planReplay } from './replay.ts'
import type { ReplayOptions } from './replay-options.ts'
import { DAY_US, dayText, isInRange, type DayRange } from '../lake/utc-days.ts'

/** A day of a table as it is and as the steps of now give it. */
export interface CheckedDay {
  readonly table: string
  /** UTC, `YYYY-MM-DD`; of silver.rejected_messages the day of the cut that took it in. */
  readonly day: string
  readonly rowsBefore: number
  readonly rowsAfter: number
  /** By the content hash; null where there are no rows. */
  readonly hashBefore: string | null
  readonly hashAfter: string | null
  readonly isSame: boolean
}

/**
 * Derives a range into the engine and says of every day and table whether its content would change.
 * Of the rejected rows those count whose messages belong to the range, or to no day at all.
 * Nothing is written to the lake.
 * @throws SluiceError as `replay`.
 */
export async function checkReplay(
  options: ReplayOptions,
  signal: AbortSignal,
): Promise<CheckedDay[]> {
  const session = await options.lake.engine.connect()
  const checked: CheckedDay[] = []
  try {
    let doneTo = options.range.fromDay
    for (const chunk of (await planReplay(options, session)).chunks) {
      if (chunk.toDay <= doneTo) continue
      signal.throwIfAborted()
      const release = options.lake.holdCopies()
      try {
        const derived = await deriveChunk(options, session, chunk, signal)
        const { range } = derived.derivation
        checked.push(...(await checkRange(derived, range)))
        doneTo = range.toDay
      } finally {
        release()
      }
    }
  } finally {
    session.close()
  }
  return mergeDays(options.lake, checked)
}

async function checkRange(
  { context, compared }: DerivedRange,
  range: DayRange,
): Promise<CheckedDay[]> {
  const { session } = context
  const checked: CheckedDay[] = []
  const { held, replaced } = compared ?? { held: [], replaced: new Map() }
  for (const { kind, rows } of held) {
    const sides = [rows, againSilver(kind)] as const
    checked.push(...(await compareDays(session, silverTable(kind), sides)))
  }
  if (compared !== undefined) {
    await holdRejected(context, range)
    const sides = [HELD_REJECTED, AGAIN_REJECTED] as const
    checked.push(...(await compareDays(session, 'silver.rejected_messages', sides)))
  }
  checked.push(...(await checkGold(context, range, replaced)))
  return checked
}

async function checkGold(
  context: LoopContext,
  range: DayRange,
  replaced: Parameters<typeof silverAfter>[1],
): Promise<CheckedDay[]> {
  const { session, options, heads } = context
  const [fromUs, untilUs] = [range.fromDay * DAY_US, range.toDay * DAY_US - 1n]
  const checked: CheckedDay[] = []
  for (const gold of session.model.goldTables) {
    const { name, inputs, finalizeSql, judgeSql, heldSql } = gold
    const plan = await planHead(options.lake, headOf(heads, name), [
      { column: 'open_ts', op: '>=', value: fromUs },
      { column: 'open_ts', op: '<=', value: untilUs },
    ])
    const rows = await planRelation(options.lake, plan)
    const isInside = isInRange('open_ts', range)
    const held = `(SELECT ${ownColumns(session, name)} FROM ${heldSql(rows)} WHERE ${isInside})`
    const silver = new Map<Kind, string>()
    for (const { kind } of inputs) {
      silver.set(kind, await silverAfter(context, replaced)(kind, { fromUs, untilUs }))
    }
    const windows = finalizeSql(`(${derivedStatesSql(gold, silver)})`)
    const given = judgeSql(`(${windows})`, 'gaps_known')
    await session.run(`CREATE OR REPLACE TABLE again_given AS ${given}`)
    checked.push(...(await compareDays(session, name, [held, 'again_given'])))
  }
  return checked
}

async function compareDays(
  session: StepSession,
  table: string,
  [before, after]: readonly [string, string],
): Promise<CheckedDay[]> {
  const old = await hashDays(session, before, table)
  const young = await hashDays(session, after, table)
  const days = [...new Set([...old.keys(), ...young.keys()])]
  return days
    .sort((a, b) => Number(a - b))
    .map((day) => checkedDay(table, day, old.get(day), young.get(day)))
}

function checkedDay(
  table: string,
  day: bigint,
  before: DayContent | undefined,
  after: DayContent | undefined,
): CheckedDay {
  return {
    table,
    day: dayText(day),
    rowsBefore: before?.rowCount ?? 0,
    rowsAfter: after?.rowCount ?? 0,
    hashBefore: before?.hash ?? null,
    hashAfter: after?.hash ?? null,
    isSame: before?.hash === after?.hash && before?.rowCount === after?.rowCount,
  }
}

/** Tables in the order of the data's way, their days ascending, whatever the chunks were. */
function mergeDays({ model }: HasModel, checked: readonly CheckedDay[]): CheckedDay[] {
  const tables = [
    ...model.kinds.map(silverTable),
    'silver.rejected_messages',
    ...model.goldTables.map(({ name }) => name),
  ]
  const place = ({ table }: CheckedDay) => tables.indexOf(table)
  return [...checked].sort((a, b) => place(a) - place(b) || (a.day < b.day ? -1 : 1))
}

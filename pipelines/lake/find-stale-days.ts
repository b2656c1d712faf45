import type { Kind } from '../../shared-transforms/kind.ts'
import type { LoadedTable } from '../../tables/catalog/catalog.ts'
import type { Session } from '../../tables/engine/engine.ts'
import { boundsOf } from '../loop/file-bounds.ts'
import { isMadeOf } from '../../shared-transforms/gold-tables.ts'
import { headOf, planHead, planRelation } from '../loop/loop-context.ts'
import { stepLayers, stepsText, type StepLayer } from '../loop/steps-text.ts'
import { silverTable } from '../loop/write-cut-files.ts'
import type { Lake } from './lake.ts'
import { standingCuts } from './standing-cuts.ts'
import { stateOf, worseState, type SilverRows, type StepHistory } from './step-states.ts'
import { DAY_US } from './utc-days.ts'

/** Days of a table that other steps than those of now made, or nobody knows which. */
export interface StaleDays {
  readonly table: string
  readonly layer: StepLayer
  readonly state: 'stale' | 'unknown'
  /** Days since 1970, the last one exclusive. */
  readonly fromDay: bigint
  readonly untilDay: bigint
  /** Of silver: the files that hold rows of them. */
  readonly fileCount: number
}

export interface StaleRequest {
  readonly lake: Lake
  readonly session: Session
  readonly heads: ReadonlyMap<string, LoadedTable>
  /** Only these days; absent: all. */
  readonly range?: { readonly fromDay: bigint; readonly toDay: bigint }
  readonly layers?: readonly StepLayer[]
}

/** Of a foreign file that reaches over more days the first ones stand for all. */
const DAYS_OF_FILE_MAX = 4_000n

/**
 * What other steps made, in the order of tables and days. It is told by the receipts and by the
 * bounds of silver's files, so no data file is opened and no expired snapshot is missed: each row
 * bears the ingested_ts of the cut that took its message in, and cuts are kept for ever. A day that
 * holds no row is not among them.
 */
export async function findStaleDays(request: StaleRequest): Promise<readonly StaleDays[]> {
  const { lake, session, heads, layers = stepLayers } = request
  const { model } = lake
  const history = await readStepHistory(lake, session, headOf(heads, 'sluice.cuts'))
  const now = stepsText(lake)
  const found: StaleDays[] = []
  for (const kind of model.kinds) {
    const rows = await readSilverRows(request, kind)
    const judged = rows.map((one) => {
      const silver = stateOf(one, history, 'silver', now)
      return { ...one, silver, gold: worseState(silver, stateOf(one, history, 'gold', now)) }
    })
    const goldOnly = rows.map((one) => ({ ...one, gold: stateOf(one, history, 'gold', now) }))
    if (layers.includes('silver')) {
      found.push(...collect(judged, silverTable(kind), 'silver', ({ silver }) => silver))
    }
    const gold = layers.includes('silver') ? judged : goldOnly
    for (const { name } of model.goldTables.filter((one) => isMadeOf(one, kind))) {
      found.push(...collect(gold, name, 'gold', (one) => one.gold))
    }
  }
  const place = ({ table }: StaleDays) => model.tables.findIndex(({ name }) => name === table)
  return found.sort((a, b) => place(a) - place(b) || Number(a.fromDay - b.fromDay))
}

async function readStepHistory(
  lake: Lake,
  session: Session,
  head: LoadedTable,
): Promise<StepHistory> {
  const cuts = await planRelation(lake, await planHead(lake, head, []))
  const own = `FROM ${cuts} WHERE source IS NULL AND ${await standingCuts(session, cuts)}`
  const runs = await session.rows<{ steps: string | null; low: bigint; high: bigint }>(
    `SELECT steps, min(us) AS low, max(us) AS high FROM (` +
      `SELECT steps, epoch_us(ingested_ts) AS us, row_number() OVER (ORDER BY cut_number) - ` +
      `row_number() OVER (PARTITION BY steps ORDER BY cut_number) AS run ` +
      `${own} AND message_count > 0) GROUP BY steps, run ORDER BY low`,
  )
  const derived = await session.rows<{ steps: string; us: bigint; low: bigint; until: bigint }>(
    `SELECT steps, epoch_us(ingested_ts) AS us, (from_day - DATE '1970-01-01')::BIGINT AS low, ` +
      `(until_day - DATE '1970-01-01')::BIGINT AS until ${own} AND steps IS NOT NULL ` +
      `AND from_day IS NOT NULL AND until_day IS NOT NULL ORDER BY cut_number`,
  )
  return {
    kinds: lake.model.kinds,
    runs: runs.map(({ steps, low, high }) => ({ steps, lowUs: low, highUs: high })),
    derived: derived.map(({ steps, us, low, until }) => {
      return { steps, ingestedUs: us, fromDay: low, untilDay: until }
    }),
  }
}

async function readSilverRows(
  { lake, heads, range }: StaleRequest,
  kind: Kind,
): Promise<SilverRows[]> {
  const head = headOf(heads, silverTable(kind))
  const filter =
    range === undefined
      ? []
      : [
          { column: 'event_ts', op: '>=' as const, value: range.fromDay * DAY_US },
          { column: 'event_ts', op: '<' as const, value: range.toDay * DAY_US },
        ]
  const { tasks } = await planHead(lake, head, filter)
  return tasks.flatMap(({ file }) => {
    const [from, until] = boundsOf(file, lake, silverTable(kind), 'event_ts')
    const [lowUs, highUs] = boundsOf(file, lake, silverTable(kind), 'ingested_ts')
    return daysBetween(from, until, range).map((day) => ({ kind, day, lowUs, highUs }))
  })
}

function daysBetween(
  fromUs: bigint | undefined,
  untilUs: bigint | undefined,
  range: StaleRequest['range'],
): bigint[] {
  if (fromUs === undefined || untilUs === undefined) return []
  const days: bigint[] = []
  const last = untilUs / DAY_US
  for (let day = fromUs / DAY_US; day <= last && day - fromUs / DAY_US < DAYS_OF_FILE_MAX; day++) {
    if (range === undefined || (day >= range.fromDay && day < range.toDay)) days.push(day)
  }
  return days
}

/** Neighbouring days of one state together. */
function collect<R extends SilverRows>(
  rows: readonly R[],
  table: string,
  layer: StepLayer,
  stateOfRow: (row: R) => 'stale' | 'unknown' | 'current',
): StaleDays[] {
  const days = new Map<bigint, { state: 'stale' | 'unknown'; fileCount: number }>()
  for (const row of rows) {
    const state = stateOfRow(row)
    if (state === 'current') continue
    const held = days.get(row.day)
    const isStale = state === 'stale' || held?.state === 'stale'
    days.set(row.day, {
      state: isStale ? 'stale' : 'unknown',
      fileCount: (held?.fileCount ?? 0) + 1,
    })
  }
  const ranges: StaleDays[] = []
  for (const [day, { state, fileCount }] of [...days].sort(([a], [b]) => Number(a - b))) {
    const before = ranges.at(-1)
    if (before?.untilDay === day && before.state === state) {
      ranges[ranges.length - 1] = {
        ...before,
        untilDay: day + 1n,
        fileCount: before.fileCount + fileCount,
      }
      continue
    }
    ranges.push({ table, layer, state, fromDay: day, untilDay: day + 1n, fileCount })
  }
  return ranges
}

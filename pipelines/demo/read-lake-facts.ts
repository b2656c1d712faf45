import { cutHistory } from '../../tables/spec/cut-history.ts'
import type { Session } from '../../tables/engine/engine.ts'
import { readTableSummaries, type TableSummary } from '../lake/table-summary.ts'
import type { Lake } from '../lake/lake.ts'
import { headOf, loadHeads, planHead, planRelation } from '../loop/loop-context.ts'
import type { BarLine, LayerRows } from './monitor-state.ts'
import type { SecondTerminalFacts } from './second-terminal-commands.ts'

/** What the monitor reads out of the lake, as any reader would. */
export interface LakeFacts {
  readonly tables: readonly TableSummary[]
  readonly bars: readonly BarLine[]
  readonly tenCutsAgo: SecondTerminalFacts['tenCutsAgo']
}

const MAX_BARS = 15
const MINUTE_US = 60_000_000n
/** Minutes of bars that are looked at: enough for the lines above, bounded in files. */
const BARS_REACH_US = 10n * MINUTE_US

export async function readLakeFacts(lake: Lake, session: Session): Promise<LakeFacts> {
  const tables = await readTableSummaries(lake)
  return {
    tables,
    bars: await readNewestBars(lake, session),
    tenCutsAgo: await readTenCutsAgo(lake),
  }
}

/** Row counts by layer, in the order of the data's way. */
export function layersOf(tables: readonly TableSummary[]): readonly LayerRows[] {
  return ['bronze', 'silver', 'gold'].map((layer) => ({
    layer,
    tables: tables
      .filter((table) => table.namespace === layer)
      .map((table) => ({ name: table.table, rowCount: table.rowCount })),
  }))
}

async function readNewestBars(lake: Lake, session: Session): Promise<readonly BarLine[]> {
  const head = headOf(await loadHeads(lake), 'gold.bars')
  const newestUs = lake.clock.nowUs()
  const fromUs = newestUs - (newestUs % MINUTE_US) - BARS_REACH_US
  const plan = await planHead(lake, head, [
    { column: 'step', op: '=', value: '1m' },
    { column: 'open_ts', op: '>=', value: fromUs },
  ])
  return session.rows<BarLine>(
    `SELECT venue_symbol, open_ts, open, high, low, close, volume,
            CAST(trade_count AS VARCHAR) AS trade_count, is_sealed
     FROM ${await planRelation(lake, plan)}
     WHERE step = '1m' AND open_ts >= make_timestamptz(${fromUs})
     ORDER BY open_ts DESC, venue_symbol LIMIT ${MAX_BARS}`,
  )
}

/** What gold.bars was ten cuts before the last one; undefined while there are fewer. */
async function readTenCutsAgo(lake: Lake): Promise<LakeFacts['tenCutsAgo']> {
  const cuts = headOf(await loadHeads(lake), 'sluice.cuts')
  const history = cutHistory(cuts.metadata)
  const last = history.at(-1)
  const wanted = history.findLast((cut) => cut.cutNumber <= (last?.cutNumber ?? 0) - 10)
  const snapshotId = wanted?.heads.get('gold.bars')
  if (wanted === undefined || snapshotId === undefined) return undefined
  return { cutNumber: wanted.cutNumber, snapshotId }
}

import type { CommittedCut } from '../../tables/commit/commit-cut.ts'
import type { TableChange } from '../../tables/commit/table-change.ts'
import { referencedFileOf } from '../../tables/commit/validate-change.ts'
import type { ScanPlan, ScanTask } from '../../tables/scan/plan-scan.ts'
import { contentKey } from '../../tables/spec/content-key.ts'
import { tableId } from '../../tables/spec/table-identifier.ts'
import { partKey } from '../sources/source.ts'
import { commitPlan, headsAfter, type RemovedMessages } from './commit-plan.ts'
import { NO_COUNTS } from './cut-rows.ts'
import { boundsOf } from './file-bounds.ts'
import { headOf, planHead, planRelation, type LoopContext } from './loop-context.ts'
import { nextIngestedUs } from './loop-state.ts'
import { readPartPositions } from './read-positions.ts'
import { restingParts } from './resting-parts.ts'
import { DAY_US } from '../lake/utc-days.ts'

/** What leaves bronze, or would. */
export interface OldBronze {
  readonly tables: readonly { readonly name: string; readonly plan: ScanPlan }[]
  readonly removed: RemovedMessages
  readonly messageCount: number
  readonly fileCount: number
}

export interface RetiredBronze extends OldBronze {
  readonly committed: CommittedCut
  /** To go on from. */
  readonly context: LoopContext
}

const ALL_CUTS = Number.MAX_SAFE_INTEGER

/** How far ahead of its arrival an event may be: messages without a time may turn out to be so. */
const SKEW_US = 60_000_000n

/**
 * Takes the messages out of bronze that came longer ago than an age and whose days are sealed, by
 * whole files, in a cut of its own. Silver and gold stay. The receipts say of each part how many
 * left, so that what is there and what left always make up what came.
 * @returns undefined where nothing is that old
 * @throws SluiceError as `commitCut`: nothing left.
 */
export async function retireBronze(
  context: LoopContext,
  ageMs: number,
): Promise<RetiredBronze | undefined> {
  const old = await findOldBronze(context, ageMs)
  if (old === undefined) return undefined
  const { state, session, options, heads } = context
  const cuts = await planHead(options.lake, headOf(heads, 'sluice.cuts'), [])
  const relation = await planRelation(options.lake, cuts)
  const positions = await readPartPositions(session, relation, ALL_CUTS)
  const told = [...positions].filter(([key]) => old.removed.counts.has(key))
  const after = {
    ...state,
    cutNumber: state.cutNumber + 1,
    ingestedUs: nextIngestedUs(state, options.lake.clock.nowUs()),
  }
  const committed = await commitPlan(context, {
    mode: 'retention',
    after,
    ...restingParts(told.map(([, position]) => position)),
    changes: old.tables.map(({ name, plan }) => removal(context, name, plan.tasks)),
    counts: new Map(),
    total: NO_COUNTS,
    removed: old.removed,
  })
  return {
    ...old,
    committed,
    context: { ...context, heads: headsAfter(context, committed), state: after },
  }
}

/** What `retireBronze` would take out; undefined where nothing is that old. */
export async function findOldBronze(
  context: LoopContext,
  ageMs: number,
): Promise<OldBronze | undefined> {
  const { state, options, heads } = context
  if (state.watermarkUs === undefined) return undefined
  const ageUs = options.lake.clock.nowUs() - BigInt(ageMs) * 1000n
  const cutoffUs = ((ageUs < state.watermarkUs ? ageUs : state.watermarkUs) / DAY_US) * DAY_US
  const tables: { name: string; plan: ScanPlan }[] = []
  for (const kind of options.lake.model.kinds) {
    const name = `bronze.${kind}_messages`
    const plan = await planHead(options.lake, headOf(heads, name), [
      { column: 'partition_ts', op: '<', value: cutoffUs },
    ])
    const tasks = plan.tasks.filter(({ file }) => {
      const [, newestUs] = boundsOf(file, options.lake, name, 'partition_ts')
      const [, eventUs] = boundsOf(file, options.lake, name, 'event_ts')
      return newestUs !== undefined && newestUs < cutoffUs && (eventUs ?? 0n) < cutoffUs
    })
    if (tasks.length > 0) tables.push({ name, plan: { ...plan, tasks } })
  }
  return tables.length === 0 ? undefined : countOld(context, tables)
}

async function countOld(
  { session, options }: LoopContext,
  tables: OldBronze['tables'],
): Promise<OldBronze> {
  const selects: string[] = []
  for (const { plan } of tables) {
    const rows = await planRelation(options.lake, plan)
    selects.push(
      `SELECT source, source_partition, epoch_us(greatest(partition_ts, event_ts)) AS us FROM ${rows}`,
    )
  }
  const parts = await session.rows<{
    source: string
    source_partition: number
    n: bigint
    newest: bigint
  }>(
    `SELECT source, source_partition, count(*) AS n, max(us) AS newest ` +
      `FROM (${selects.join(' UNION ALL ')}) GROUP BY ALL ORDER BY ALL`,
  )
  const newestUs = parts.reduce((high, { newest }) => (newest > high ? newest : high), 0n)
  const wholeFromUs = ((newestUs + SKEW_US) / DAY_US + 1n) * DAY_US
  const counts = new Map(
    parts.map(({ source, source_partition: partition, n }) => {
      return [partKey({ source, partition }), Number(n)]
    }),
  )
  return {
    tables,
    removed: {
      counts,
      wholeFromDay: new Date(Number(wholeFromUs / 1000n)).toISOString().slice(0, 10),
    },
    messageCount: [...counts.values()].reduce((sum, count) => sum + count, 0),
    fileCount: tables.reduce((sum, { plan }) => sum + plan.tasks.length, 0),
  }
}

function removal({ heads }: LoopContext, name: string, tasks: readonly ScanTask[]): TableChange {
  return {
    identifier: tableId(name),
    operation: 'delete',
    addDataFiles: [],
    addDeletes: [],
    removePaths: tasks.map(({ file }) => file.filePath),
    removeDeletePaths: tasks.flatMap(({ file, deletes }) =>
      deletes.filter((one) => referencedFileOf(one) === file.filePath).map(contentKey),
    ),
    mustBeLive: [],
    baseSnapshotId: headOf(heads, name).metadata['current-snapshot-id'] ?? null,
  }
}

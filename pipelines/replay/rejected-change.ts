import type { TableChange } from '../../tables/commit/table-change.ts'
import { writeRowDeletes } from '../../tables/commit/write-row-deletes.ts'
import type { ScanPlan } from '../../tables/scan/plan-scan.ts'
import { tableId } from '../../tables/spec/table-identifier.ts'
import { writeDataFiles } from '../../tables/write/write-data-files.ts'
import { writeContext } from '../loop/commit-plan.ts'
import { headOf, planHead, planRelation, type LoopContext } from '../loop/loop-context.ts'
import { ownColumns, withAddedColumns } from '../loop/own-columns.ts'
import { hasRows } from '../loop/write-cut-files.ts'
import { POSITION } from './derive-range.ts'
import { AGAIN_REJECTED, ownedMessages } from './judge-range.ts'
import { mayBeInReach } from './plan-bronze.ts'
import { isInRange, type DayRange } from '../lake/utc-days.ts'

const TABLE = 'silver.rejected_messages'

/** The engine table with the refusals that are committed and belong to a range, with places. */
export const HELD_REJECTED = 'held_rejected'

/** Reads them. A refusal by the duplicate rule belongs to its row's day, others to the message's. */
export async function holdRejected(
  { session, options, heads }: LoopContext,
  range: DayRange,
): Promise<ScanPlan> {
  const plan = await planHead(options.lake, headOf(heads, TABLE), [mayBeInReach(range)])
  const rows = await planRelation(options.lake, plan, { withPosition: true })
  const isConflict = `reason = 'conflicting-duplicate'`
  const columns = `${ownColumns(session, TABLE)}, _file, _pos`
  await session.run(
    `CREATE OR REPLACE TABLE ${HELD_REJECTED} AS SELECT ${columns} FROM ${rows} ` +
      `SEMI JOIN again_message USING (${POSITION}) ` +
      `WHERE ${isConflict} AND ${isInRange('event_ts', range)} UNION ALL ` +
      `SELECT ${columns} FROM ${rows} SEMI JOIN (${ownedMessages(range)}) USING (${POSITION}) ` +
      `WHERE NOT ${isConflict}`,
  )
  // A message whose refusal differs in one row has all its rows written anew.
  const own = `SELECT ${ownColumns(session, TABLE)}`
  const [held, again] = [`${own} FROM ${HELD_REJECTED}`, `${own} FROM ${AGAIN_REJECTED}`]
  await session.run(
    `CREATE OR REPLACE TABLE differing_rejected AS SELECT DISTINCT ${POSITION} FROM (` +
      `(${held} EXCEPT ALL ${again}) UNION ALL (${again} EXCEPT ALL ${held}))`,
  )
  return plan
}

/** Rows out and in; undefined where nothing differs. `holdRejected` must have been called. */
export async function writeRejectedChange(
  context: LoopContext,
  plan: ScanPlan,
): Promise<TableChange | undefined> {
  const { session } = context
  const [count] = await session.rows<{ n: bigint }>('SELECT count(*) AS n FROM differing_rejected')
  if ((count?.n ?? 0n) === 0n) return undefined
  const { metadata } = headOf(context.heads, TABLE)
  const gone = await session.rows<{ _file: string; positions: bigint[] }>(
    `SELECT _file, list(_pos ORDER BY _pos) AS positions FROM ${HELD_REJECTED} ` +
      `SEMI JOIN differing_rejected USING (${POSITION}) GROUP BY _file ORDER BY _file`,
  )
  const files = new Map(plan.tasks.map(({ file }) => [file.filePath, file]))
  const places = gone.map(({ _file, positions }) => {
    const file = files.get(_file)
    if (file === undefined) throw new RangeError(`${_file} is not in the scan's plan`)
    return { file, positions }
  })
  const deletes = await writeRowDeletes(writeContext(context), metadata, places)
  const come = `SELECT * FROM ${AGAIN_REJECTED} SEMI JOIN differing_rejected USING (${POSITION})`
  const addDataFiles = await writeDataFiles(
    writeContext(context),
    metadata,
    withAddedColumns(session, TABLE, metadata, come),
  )
  return {
    identifier: tableId(TABLE),
    operation: places.length === 0 ? 'append' : 'overwrite',
    addDataFiles,
    removePaths: [],
    ...deletes,
    baseSnapshotId: metadata['current-snapshot-id'] ?? null,
    isTouchedByForeign: hasRows,
  }
}

import type { HasModel } from '../../shared-transforms/lake-model.ts'
import { referencedFileOf } from '../../tables/commit/validate-change.ts'
import type { TableChange } from '../../tables/commit/table-change.ts'
import { contentKey } from '../../tables/spec/content-key.ts'
import { tableId } from '../../tables/spec/table-identifier.ts'
import { writeDataFiles } from '../../tables/write/write-data-files.ts'
import { writeContext } from '../loop/commit-plan.ts'
import { isOnDays } from '../loop/find-foreign-days.ts'
import { headOf, planRelation, type LoopContext } from '../loop/loop-context.ts'
import { addedColumns, ownColumns } from '../loop/own-columns.ts'
import { hasRows, silverTable } from '../loop/write-cut-files.ts'
import type { HeldSilver } from './held-silver.ts'
import { againSilver } from './judge-range.ts'
import { POSITION } from './derive-range.ts'

/**
 * Whole days of a silver table out and in again. Files that hold other days too, as somebody may
 * have written them, are written anew with those rows as they are. Columns that were added to the
 * table keep their values in rows that stay.
 */
export async function writeSilverChange(
  context: LoopContext,
  { kind, plan }: HeldSilver,
  days: readonly bigint[],
): Promise<TableChange> {
  const { session, options } = context
  const table = silverTable(kind)
  const { metadata } = headOf(context.heads, table)
  const held = await planRelation(options.lake, plan)
  const onDays = isOnDays('event_ts', days)
  const touched = await session.rows<{ file: string }>(
    `SELECT DISTINCT _file AS file FROM ` +
      `${await planRelation(options.lake, plan, { withPosition: true })} WHERE ${onDays}`,
  )
  const removed = new Set(touched.map(({ file }) => file))
  const tasks = plan.tasks.filter(({ file }) => removed.has(file.filePath))
  const again = `(SELECT * FROM ${againSilver(kind)} WHERE ${onDays})`
  const selects = [withKeptColumns(session, table, metadata, again, held)]
  if (tasks.length > 0) {
    const rest = await planRelation(options.lake, { ...plan, tasks })
    selects.push(`SELECT * FROM ${rest} WHERE NOT ${onDays}`)
  }
  await session.run(
    `CREATE OR REPLACE TABLE again_written AS ${selects.join(' UNION ALL BY NAME ')}`,
  )
  const addDataFiles = await writeDataFiles(
    writeContext(context),
    metadata,
    'SELECT * FROM again_written',
  )
  return {
    identifier: tableId(table),
    operation: 'overwrite',
    addDataFiles,
    addDeletes: [],
    removePaths: tasks.map(({ file }) => file.filePath),
    removeDeletePaths: tasks.flatMap(({ file, deletes }) =>
      deletes.filter((one) => referencedFileOf(one) === file.filePath).map(contentKey),
    ),
    mustBeLive: [],
    baseSnapshotId: metadata['current-snapshot-id'] ?? null,
    isTouchedByForeign: hasRows,
  }
}

/** The new rows with what somebody wrote into added columns of the old ones. */
function withKeptColumns(
  of: HasModel,
  table: string,
  metadata: Parameters<typeof addedColumns>[2],
  rows: string,
  held: string,
): string {
  const added = addedColumns(of, table, metadata)
  if (added.length === 0) return `SELECT ${ownColumns(of, table)} FROM ${rows}`
  const key = `${POSITION}, source_row`
  const kept = added.map(({ name, defaultSql }) => {
    return `CASE WHEN h.is_held THEN h.${name} ELSE ${defaultSql} END AS ${name}`
  })
  const names = added.map(({ name }) => name).join(', ')
  return (
    `SELECT r.*, ${kept.join(', ')} FROM ${rows} r LEFT JOIN (SELECT ${key}, ${names}, ` +
    `true AS is_held FROM ${held} QUALIFY row_number() OVER (PARTITION BY ${key}) = 1) h ` +
    `USING (${key})`
  )
}

import type { LoadedTable } from '../../tables/catalog/catalog.ts'
import type { Session } from '../../tables/engine/engine.ts'
import { sqlName } from '../../tables/engine/sql-text.ts'
import { comparePlans, sharedColumns } from '../../tables/scan/compare-plans.ts'
import { planScan } from '../../tables/scan/plan-scan.ts'
import { ancestors, HEAD_TAG, snapshotOfRef } from '../../tables/spec/cut-history.ts'
import type { TableMetadata } from '../../tables/spec/table-metadata.ts'
import type { Lake } from '../lake/lake.ts'
import { planRelation } from './loop-context.ts'
import { DAY_US } from '../lake/utc-days.ts'

/** SQL for the UTC day of a timestamptz, as days since 1970; before 1970 too. */
function daySql(column: string): string {
  const us = `epoch_us(${column})`
  return `((${us} - ((${us} % ${DAY_US}) + ${DAY_US}) % ${DAY_US}) // ${DAY_US})`
}

/** A condition on a time: it lies on one of the days. */
export function isOnDays(column: string, days: readonly bigint[]): string {
  return days.length === 0 ? 'false' : `${daySql(column)} IN (${days.join(', ')})`
}

/** The first µs of a day and of the next one. */
export function dayRange(day: bigint): { readonly startUs: bigint; readonly endUs: bigint } {
  return { startUs: day * DAY_US, endUs: (day + 1n) * DAY_US }
}

/**
 * The days of rows that others added, changed or deleted in a table since the last cut that touched
 * it, by the times in `column`, ascending. Rows are compared, so it does not matter how another
 * engine commits: by deletes, or by writing a whole file anew for one row.
 *
 * Only files that are not in both snapshots are read, and nothing at all where every commit since
 * says that it changed no row (`replace`).
 */
export async function findForeignDays(
  lake: Lake,
  session: Session,
  { metadata }: LoadedTable,
  column: string,
): Promise<bigint[]> {
  const base = snapshotOfRef(metadata, HEAD_TAG)?.['snapshot-id']
  const headId = metadata['current-snapshot-id']
  if (headId === undefined || isUnchangedSince(metadata, base)) return []
  const { fileIO, manifestCache } = lake
  const planAt = (snapshotId: bigint) => planScan({ fileIO, metadata, manifestCache, snapshotId })
  const after = await planAt(headId)
  const before = base === undefined ? { ...after, tasks: [] } : await planAt(base)
  const { gone, come } = comparePlans(before, after)
  if (gone.tasks.length + come.tasks.length === 0) return []
  const names = sharedColumns(before, after).map(sqlName).join(', ')
  const relations = await Promise.all([gone, come].map((plan) => planRelation(lake, plan)))
  const [old, young] = relations.map((relation) => `SELECT ${names} FROM ${relation}`)
  const days = await session.rows<{ day: bigint }>(
    `SELECT DISTINCT ${daySql(sqlName(column))} AS day FROM ((${old} EXCEPT ALL ${young}) ` +
      `UNION ALL (${young} EXCEPT ALL ${old})) ORDER BY day`,
  )
  return days.map(({ day }) => day)
}

/** True where the head is the base, or only such commits came since that change no row. */
function isUnchangedSince(metadata: TableMetadata, base: bigint | undefined): boolean {
  for (const snapshot of ancestors(metadata)) {
    if (snapshot['snapshot-id'] === base) return true
    if (snapshot.summary.operation !== 'replace') return false
  }
  return false
}

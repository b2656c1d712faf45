import { sqlString } from '../../tables/engine/sql-text.ts'
import { AFTER_CUT_KEY, CUT_KEY, findSnapshot } from '../../tables/spec/cut-history.ts'
import { CUT_TEXTS } from './cut-rows-table.ts'
import type { PinnedLake } from './pin-lake.ts'

/** Which cut a snapshot of a table belongs to; undefined where nothing tells. */
export type CutOfSnapshot = (
  table: string,
  snapshotId: bigint | undefined,
) => Promise<number | undefined>

/**
 * By the snapshot's own summary, else (it expired) by the first cut that names it. Foreign
 * snapshots belong to none.
 * @param hasCutRows whether the rows of sluice.cuts can be asked by now
 */
export function createCutOfSnapshot(
  { tables, session }: PinnedLake,
  hasCutRows: () => boolean,
): CutOfSnapshot {
  const asked = new Map<string, number | undefined>()
  return async (name, snapshotId) => {
    if (snapshotId === undefined) return undefined
    const metadata = tables.get(name)?.loaded.metadata
    const summary = metadata && findSnapshot(metadata, snapshotId)?.summary
    const text = summary?.[CUT_KEY] ?? summary?.[AFTER_CUT_KEY]
    if (text !== undefined) return Number(text)
    const key = `${name} ${snapshotId}`
    if (asked.has(key) || summary !== undefined || !hasCutRows()) return asked.get(key)
    const path = sqlString(`$."${name}"`)
    const [row] = await session.rows<{ cut: bigint | null }>(
      `SELECT min(cut_number) AS cut FROM ${CUT_TEXTS} WHERE json_valid(snapshot_ids) ` +
        `AND json_extract_string(snapshot_ids, ${path}) = ${sqlString(String(snapshotId))}`,
    )
    const cut = row?.cut ?? null
    asked.set(key, cut === null ? undefined : Number(cut))
    return asked.get(key)
  }
}

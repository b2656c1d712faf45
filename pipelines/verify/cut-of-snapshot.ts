import { AFTER_CUT_KEY, CUT_KEY, findSnapshot } from '../../tables/spec/cut-history.ts'
import type { PinnedLake } from './pin-lake.ts'

/** Which cut a snapshot of a table belongs to; undefined where nothing tells. */
export type CutOfSnapshot = (table: string, snapshotId: bigint | undefined) => number | undefined

/**
 * By the snapshot's own summary, else (it expired) by the first cut that names it. Foreign
 * snapshots belong to none.
 */
export async function readCutsOfSnapshots(
  { tables, session }: PinnedLake,
  hasCutRows: boolean,
): Promise<CutOfSnapshot> {
  const named = new Map<string, number>()
  if (hasCutRows) {
    const rows = await session.rows<{ name: string; id: string; cut: bigint }>(
      `SELECT name, json_extract_string(snapshot_ids, '$."' || name || '"') AS id, ` +
        `min(cut_number) AS cut FROM (SELECT snapshot_ids, cut_number, ` +
        `unnest(json_keys(snapshot_ids)) AS name FROM cut_rows WHERE source IS NULL ` +
        `AND json_valid(snapshot_ids)) GROUP BY ALL`,
    )
    for (const { name, id, cut } of rows) named.set(`${name} ${id}`, Number(cut))
  }
  return (name, snapshotId) => {
    if (snapshotId === undefined) return undefined
    const metadata = tables.get(name)?.loaded.metadata
    const summary = metadata && findSnapshot(metadata, snapshotId)?.summary
    const text = summary?.[CUT_KEY] ?? summary?.[AFTER_CUT_KEY]
    return text === undefined ? named.get(`${name} ${snapshotId}`) : Number(text)
  }
}

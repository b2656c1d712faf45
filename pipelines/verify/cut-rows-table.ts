import type { PinnedLake } from './pin-lake.ts'

/** The engine's table that holds all rows of sluice.cuts while a lake is verified. */
export const CUT_ROWS = 'cut_rows'

/** The engine's view of the long texts of cuts: cut_number, token, snapshot_ids. */
export const CUT_TEXTS = 'cut_texts'

/** Fills both from a relation with the columns of sluice.cuts. */
export async function createCutRows({ session }: PinnedLake, relation: string): Promise<void> {
  // A lake makes a cut a second: what only few are asked for stays in the files.
  await session.run(
    `CREATE OR REPLACE TEMP TABLE ${CUT_ROWS} AS ` +
      `SELECT * EXCLUDE (token, snapshot_ids, writer, mode) FROM ${relation}`,
  )
  await session.run(
    `CREATE OR REPLACE TEMP VIEW ${CUT_TEXTS} AS ` +
      `SELECT cut_number, token, snapshot_ids FROM ${relation} WHERE source IS NULL`,
  )
}

/**
 * A condition on cut_number: the cut took something in, and no rollback took that back. A rollback
 * to cut r makes what came after r undone; a later rollback may bring undone cuts back.
 */
export async function standingCutsSql({ session }: PinnedLake): Promise<string> {
  const rollbacks = await session.rows<{ cut: bigint; restored: bigint }>(
    `SELECT cut_number AS cut, restored_cut AS restored FROM ${CUT_ROWS} ` +
      `WHERE source IS NULL AND restored_cut IS NOT NULL ORDER BY cut_number DESC`,
  )
  let until = (1n << 62n) - 1n
  const ranges: string[] = []
  for (const { cut, restored } of rollbacks) {
    // A rollback that was itself undone.
    if (cut > until) continue
    ranges.push(`cut_number BETWEEN ${cut + 1n} AND ${until}`)
    until = restored
  }
  ranges.push(`cut_number BETWEEN 1 AND ${until}`)
  return `(${ranges.join(' OR ')})`
}

import type { Session } from '../../tables/engine/engine.ts'

/**
 * A condition on cut_number: the cut took something in, and no rollback took that back. A rollback
 * to cut r makes what came after r undone; a later rollback may bring undone cuts back.
 * @param cuts a relation with the columns of sluice.cuts
 */
export async function standingCuts(session: Session, cuts: string): Promise<string> {
  const rollbacks = await session.rows<{ cut: bigint; restored: bigint }>(
    `SELECT cut_number AS cut, restored_cut AS restored FROM ${cuts} ` +
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

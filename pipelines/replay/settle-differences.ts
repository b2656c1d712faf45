import { headOf, planHead, planRelation, type LoopContext } from '../loop/loop-context.ts'
import type { CutCounts } from '../loop/cut-receipt.ts'
import { readPartPositions, type PartPosition } from '../loop/read-positions.ts'
import { partKey } from '../sources/source.ts'

const ALL_CUTS = Number.MAX_SAFE_INTEGER

export interface SettledDifferences {
  /** By `partKey`; parts that the receipts know. */
  readonly counts: ReadonlyMap<string, CutCounts>
  /** Where every part stands. */
  readonly positions: ReadonlyMap<string, PartPosition>
}

/** How many rows the receipts count more than the tables hold, of one part. */
interface Gap {
  readonly silver: number
  readonly refusals: number
}

/**
 * What a replay writes into the receipts. Where somebody else deleted or added rows, the receipts
 * and the tables differ before the replay, and what it only sets right again is counted already.
 * So of each difference the part that closes such a gap is left out.
 */
export async function settleDifferences(
  context: LoopContext,
  counts: ReadonlyMap<string, CutCounts>,
): Promise<SettledDifferences> {
  const { session, options, heads } = context
  const cuts = await planRelation(
    options.lake,
    await planHead(options.lake, headOf(heads, 'sluice.cuts'), []),
  )
  const positions = await readPartPositions(session, cuts, ALL_CUTS)
  const gaps = await readGaps(context, cuts)
  const settled = [...counts].flatMap(([key, count]): [string, CutCounts][] => {
    if (!positions.has(key)) return []
    const rest = withoutRepairs(count, gaps.get(key) ?? { silver: 0, refusals: 0 })
    return Object.values(rest).some((value) => value !== 0) ? [[key, rest]] : []
  })
  return { counts: new Map(settled), positions }
}

/** Gaps by `partKey`; only the narrow columns of position and part are read. */
async function readGaps(
  { session, options, heads }: LoopContext,
  cuts: string,
): Promise<Map<string, Gap>> {
  const held = async (tables: readonly string[]): Promise<string> => {
    const selects: string[] = []
    for (const table of tables) {
      const rows = await planRelation(
        options.lake,
        await planHead(options.lake, headOf(heads, table), []),
      )
      selects.push(`SELECT source, source_partition FROM ${rows}`)
    }
    return selects.join(' UNION ALL ')
  }
  const silver = await held(options.lake.model.kinds.map((kind) => `silver.${kind}s`))
  const refusals = await held(['silver.rejected_messages'])
  const part = 'source, source_partition'
  const rows = await session.rows<{
    source: string
    source_partition: number
    silver: number
    refusals: number
  }>(
    `SELECT ${part}, sum(silver)::DOUBLE AS silver, sum(refusals)::DOUBLE AS refusals FROM (` +
      `SELECT ${part}, silver_count AS silver, rejected_count + refused_count AS refusals ` +
      `FROM ${cuts} WHERE source IS NOT NULL ` +
      `UNION ALL SELECT ${part}, -count(*), 0 FROM (${silver}) GROUP BY ALL ` +
      `UNION ALL SELECT ${part}, 0, -count(*) FROM (${refusals}) GROUP BY ALL) GROUP BY ALL ` +
      'HAVING sum(silver) <> 0 OR sum(refusals) <> 0',
  )
  return new Map(
    rows.map((row) => {
      const key = partKey({ source: row.source, partition: row.source_partition })
      return [key, { silver: row.silver, refusals: row.refusals }]
    }),
  )
}

/** The counts without what closes a gap. Exported for its test. */
export function withoutRepairs(counts: CutCounts, gap: Gap): CutCounts {
  const silver = towards(counts.silverCount, gap.silver)
  const rejected = towards(counts.rejectedCount, gap.refusals)
  const refused = towards(counts.refusedCount, gap.refusals - rejected)
  // A row that somebody deleted passed for a duplicate of its message.
  const hidden = Math.max(silver, 0) + Math.max(rejected, 0) + Math.max(refused, 0)
  const duplicateCount =
    counts.duplicateCount + Math.min(hidden, Math.max(-counts.duplicateCount, 0))
  const silverCount = counts.silverCount - silver
  const refusedCount = counts.refusedCount - refused
  return {
    ...counts,
    decodedCount: counts.decodedCount + rejected,
    rejectedCount: counts.rejectedCount - rejected,
    silverCount,
    refusedCount,
    duplicateCount,
    rowCount: silverCount + refusedCount + duplicateCount,
  }
}

/** How much of a difference goes towards closing the gap. */
function towards(difference: number, gap: number): number {
  if (Math.sign(difference) !== Math.sign(gap)) return 0
  return Math.sign(gap) * Math.min(Math.abs(difference), Math.abs(gap))
}

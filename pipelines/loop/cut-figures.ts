import { kinds } from '../../shared-transforms/kind.ts'
import { currentSnapshot } from '../../tables/spec/cut-history.ts'
import type { CutCounts } from './cut-receipt.ts'
import type { LoopContext } from './loop-context.ts'

/** What a cut leaves behind, for those who watch it. */
export interface CutFigures {
  /** Messages and rows that it refused, by reason. */
  readonly rejectedByReason: Readonly<Record<string, number>>
  /** Windows that still change in order, by gold table. */
  readonly openWindowsByTable: Readonly<Record<string, number>>
  /** Live data and delete files, by table. */
  readonly filesByTable: Readonly<Record<string, number>>
}

/** Reads them from the engine's tables and the heads, once the cut is the context's ground. */
export async function readCutFigures(
  { session, heads, tails }: LoopContext,
  { rejectedCount, refusedCount }: CutCounts,
): Promise<CutFigures> {
  const rejected: [string, number][] =
    refusedCount === 0 ? [] : [['conflicting-duplicate', refusedCount]]
  if (rejectedCount > 0) {
    const reasons = kinds.map((kind) => `SELECT reason FROM decoded_${kind}`).join(' UNION ALL ')
    const rows = await session.rowsKept<{ reason: string; n: bigint }>(
      `SELECT reason, count(*) AS n FROM (${reasons}) WHERE reason IS NOT NULL GROUP BY reason`,
    )
    rejected.push(...rows.map(({ reason, n }): [string, number] => [reason, Number(n)]))
  }
  const open: [string, number][] = []
  for (const { gold } of tails) {
    const [row] = await session.rowsKept<{ n: bigint }>(
      `SELECT count(*) AS n FROM ${gold.state}_tail WHERE NOT is_sealed`,
    )
    open.push([gold.name, Number(row?.n ?? 0n)])
  }
  const files = [...heads].map(([name, { metadata }]): [string, number] => {
    const summary = currentSnapshot(metadata)?.summary
    const total = (what: string) => Number(summary?.[`total-${what}-files`] ?? '0')
    return [name, total('data') + total('delete')]
  })
  return {
    rejectedByReason: Object.fromEntries(rejected),
    openWindowsByTable: Object.fromEntries(open),
    filesByTable: Object.fromEntries(files),
  }
}

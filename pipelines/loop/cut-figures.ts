import { currentSnapshot } from '../../tables/spec/cut-history.ts'
import type { PartProgress } from '../sources/source.ts'
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
  /** One for each part of a log. */
  readonly lags: readonly PartLag[]
}

/** How far the committed end of a part is behind its log's. */
export interface PartLag {
  readonly source: string
  readonly partition: number
  /** Offsets from the committed end to the log's; a compacted topic holds fewer messages there. */
  readonly offsetCount: number
}

/** The lags that are left once this progress is committed. */
export function lagsAfter(progress: readonly PartProgress[]): readonly PartLag[] {
  return progress.flatMap(({ part, endOffset, logEndOffset }) => {
    if (logEndOffset === undefined) return []
    // Reading may be ahead of what the broker said last.
    const offsetCount = logEndOffset > endOffset ? Number(logEndOffset - endOffset) : 0
    return [{ ...part, offsetCount }]
  })
}

/** Reads them from the engine's tables and the heads, once the cut is the context's ground. */
export async function readCutFigures(
  { session, heads, tails }: LoopContext,
  { rejectedCount, refusedCount }: CutCounts,
  progress: readonly PartProgress[],
): Promise<CutFigures> {
  const rejected: [string, number][] =
    refusedCount === 0 ? [] : [['conflicting-duplicate', refusedCount]]
  if (rejectedCount > 0) {
    const reasons = session.model.kinds
      .map((kind) => `SELECT reason FROM decoded_${kind}`)
      .join(' UNION ALL ')
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
    lags: lagsAfter(progress),
  }
}

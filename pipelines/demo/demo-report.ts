import type { TableSummary } from '../lake/table-summary.ts'
import type { RunTotals } from '../loop/run-statistics.ts'

/** What a run of the demo did. Rows are of the whole lake, everything else is of this run. */
export interface DemoReport {
  readonly produced: number
  /** Messages that this run committed: more than `produced` where an earlier run left some. */
  readonly committed: number
  /** By dotted table name. */
  readonly rows: Readonly<Record<string, number>>
  /** Messages and rows that were refused: the rows of silver.rejected_messages. */
  readonly rejected: number
  readonly duplicates: number
  readonly late: number
  readonly cuts: number
  /** From handed to the producer to committed; null without a cut. */
  readonly freshnessP50Ms: number | null
  readonly freshnessP99Ms: number | null
  readonly catalogUrl: string
  readonly lake: string
}

export function createDemoReport(run: {
  readonly producedCount: number
  readonly totals: RunTotals
  readonly tables: readonly TableSummary[]
  readonly catalogUrl: string
  readonly lakeDirectory: string
}): DemoReport {
  const { totals } = run
  return {
    produced: run.producedCount,
    committed: totals.messageCount,
    rows: Object.fromEntries(
      run.tables.map(({ namespace, table, rowCount }) => [`${namespace}.${table}`, rowCount]),
    ),
    rejected: totals.rejectedCount,
    duplicates: totals.duplicateCount,
    late: totals.lateCount,
    cuts: totals.cutCount,
    freshnessP50Ms: totals.freshness?.p50 ?? null,
    freshnessP99Ms: totals.freshness?.p99 ?? null,
    catalogUrl: run.catalogUrl,
    lake: run.lakeDirectory,
  }
}

import { trinoDialect } from '../../../shared-transforms/dialect.ts'
import { partKey } from '../../sources/source.ts'
import type { CutCounts } from '../../loop/cut-receipt.ts'
import { NO_COUNTS } from '../../loop/cut-rows.ts'
import type { PartObservation } from '../../loop/loop-state.ts'
import type { TransformedKind } from './transform-by-trino.ts'
import type { TrinoWork } from './trino-work.ts'

/** What the rows of a cut say of its parts, by `partKey`. */
export interface PartFacts {
  readonly counts: ReadonlyMap<string, CutCounts>
  readonly seen: ReadonlyMap<string, PartObservation>
}

interface FactsRow {
  readonly source: string
  readonly source_partition: number
  readonly messages: bigint
  readonly ignored: bigint
  readonly newest_received_us: bigint | null
  readonly max_event_us: bigint | null
  readonly decoded: bigint
  readonly rejected: bigint
  readonly rows: bigint
  readonly silver: bigint
  readonly duplicates: bigint
  readonly refused: bigint
  readonly late: bigint
}

const nothing = {
  messages: '0',
  ignored: '0',
  newest_received_us: 'CAST(NULL AS bigint)',
  max_event_us: 'CAST(NULL AS bigint)',
  decoded: '0',
  rejected: '0',
  rows: '0',
  silver: '0',
  duplicates: '0',
  refused: '0',
  late: '0',
} as const

/**
 * The receipt's counts and the latest times by part: what `observeParts` and `countParts` of the
 * loop say of a batch. A row behind `watermarkUs`, the one before the cut, is late.
 */
export async function countByTrino(
  work: TrinoWork,
  done: readonly TransformedKind[],
  watermarkUs: bigint | undefined,
): Promise<PartFacts> {
  const us = (column: string) => trinoDialect.epochUs(column)
  const isLate = watermarkUs === undefined ? 'false' : `${us('event_ts')} < ${watermarkUs}`
  const parts = [
    partSql(`${work.scratch('routed')} AS r`, {
      messages: 'count(*)',
      ignored: 'count_if(is_ignored)',
      newest_received_us: us('max(received_ts)'),
    }),
  ]
  for (const { kind, judged } of done) {
    if (judged === undefined) continue
    parts.push(
      partSql(`${work.scratch(`decoded_${kind}`)} AS d`, {
        rejected: 'count_if(reason IS NOT NULL)',
        max_event_us: us('max(CASE WHEN reason IS NULL THEN event_ts END)'),
      }),
      partSql(`${judged.relation} AS v`, {
        decoded: 'count(DISTINCT source_offset)',
        rows: 'count(*)',
        silver: `count_if(verdict = 'accepted')`,
        duplicates: `count_if(verdict = 'duplicate')`,
        refused: `count_if(verdict = 'conflict')`,
        late: `count_if(verdict = 'accepted' AND ${isLate})`,
      }),
    )
  }
  const merged = Object.keys(nothing).map((name) => {
    const isLatest = name === 'max_event_us' || name === 'newest_received_us'
    return `${isLatest ? 'max' : 'sum'}(${name}) AS ${name}`
  })
  const rows = await work.trino.rows<FactsRow>(
    'count the rows',
    `SELECT source, source_partition, ${merged.join(', ')} FROM (${parts.join(' UNION ALL ')}) ` +
      `GROUP BY source, source_partition`,
  )
  return factsOf(rows)
}

function partSql(relation: string, columns: Partial<Record<keyof typeof nothing, string>>): string {
  const list = Object.entries({ ...nothing, ...columns }).map(([name, sql]) => `${sql} AS ${name}`)
  return (
    `SELECT source, source_partition, ${list.join(', ')} FROM ${relation} ` +
    `GROUP BY source, source_partition`
  )
}

function factsOf(rows: readonly FactsRow[]): PartFacts {
  const counts = new Map<string, CutCounts>()
  const seen = new Map<string, PartObservation>()
  for (const row of rows) {
    const key = partKey({ source: row.source, partition: row.source_partition })
    counts.set(key, {
      ...NO_COUNTS,
      messageCount: Number(row.messages),
      ignoredCount: Number(row.ignored),
      decodedCount: Number(row.decoded),
      rejectedCount: Number(row.rejected),
      rowCount: Number(row.rows),
      silverCount: Number(row.silver),
      duplicateCount: Number(row.duplicates),
      refusedCount: Number(row.refused),
      lateCount: Number(row.late),
    })
    seen.set(key, {
      maxEventUs: row.max_event_us ?? undefined,
      newestReceivedUs: row.newest_received_us ?? undefined,
    })
  }
  return { counts, seen }
}

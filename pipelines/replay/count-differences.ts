import type { Kind } from '../../shared-transforms/kind.ts'
import type { CutCounts } from '../loop/cut-receipt.ts'
import { NO_COUNTS } from '../loop/cut-rows.ts'
import { isOnDays } from '../loop/find-foreign-days.ts'
import type { StepSession } from '../loop/step-session.ts'
import { partKey } from '../sources/source.ts'
import { POSITION } from './derive-range.ts'
import type { HeldSilver } from './held-silver.ts'
import { againSilver, AGAIN_REJECTED } from './judge-range.ts'
import { HELD_REJECTED } from './rejected-change.ts'

interface DifferenceRow {
  readonly source: string
  readonly source_partition: number
  readonly decoded: bigint
  readonly ignored: bigint
  readonly rejected: bigint
  readonly silver: bigint
  readonly duplicates: bigint
  readonly refused: bigint
}

const CONFLICT = `reason = 'conflicting-duplicate'`

/**
 * What a replay changes in the receipts' sums, by `partKey`: of each message whose rows differ,
 * what became of it now minus what had become of it. No message comes or goes, so decoded, ignored
 * and rejected balance. The tables do not tell a duplicate from an ignored message; bronze does,
 * and a decoded message without any row held duplicates.
 * @param replaced days of silver that differ, by kind
 */
export async function countDifferences(
  session: StepSession,
  held: readonly HeldSilver[],
  replaced: ReadonlyMap<Kind, readonly bigint[]>,
): Promise<Map<string, CutCounts>> {
  await session.run('CREATE OR REPLACE TABLE differing_message AS ' + differingSql(held, replaced))
  const of = (rows: string) => `SELECT ${POSITION} FROM ${rows}`
  const counted = [
    ...held.map(({ kind, rows }) => ['old_silver', of(onReplaced(kind, rows, replaced))] as const),
    ...session.model.kinds.map(
      (kind) => ['new_silver', of(onReplaced(kind, againSilver(kind), replaced))] as const,
    ),
    ['old_refused', `${of(HELD_REJECTED)} WHERE ${CONFLICT}`] as const,
    ['new_refused', `${of(AGAIN_REJECTED)} WHERE ${CONFLICT}`] as const,
    ['old_rejected', `${of(HELD_REJECTED)} WHERE NOT ${CONFLICT}`] as const,
    ['new_rejected', `${of(AGAIN_REJECTED)} WHERE NOT ${CONFLICT}`] as const,
    ...session.model.kinds.map(
      (kind) =>
        ['new_duplicates', `${of(`again_refuted_${kind}`)} WHERE verdict = 'duplicate'`] as const,
    ),
  ]
  const names = [...new Set(counted.map(([name]) => name))]
  const tallies = counted.map(([name, rows]) => `SELECT *, '${name}' AS what FROM (${rows})`)
  const columns = names.map((name) => `count(*) FILTER (what = '${name}') AS ${name}`)
  const outcomes =
    `SELECT ${POSITION}, ${columns.join(', ')} FROM (${tallies.join(' UNION ALL ')}) ` +
    `SEMI JOIN differing_message USING (${POSITION}) GROUP BY ALL`
  const rows = await session.rows<DifferenceRow>(sumSql(outcomes))
  return new Map(rows.map((row) => [keyOf(row), countsOf(row)] as const).filter(isNoZero))
}

/** Rows of one kind on the days that are replaced; all others are the same on both sides. */
function onReplaced(
  kind: Kind,
  rows: string,
  replaced: ReadonlyMap<Kind, readonly bigint[]>,
): string {
  return `(SELECT * FROM ${rows} WHERE ${isOnDays('event_ts', replaced.get(kind) ?? [])})`
}

/** Messages with a row that is only on one side. */
function differingSql(
  held: readonly HeldSilver[],
  replaced: ReadonlyMap<Kind, readonly bigint[]>,
): string {
  const row = `SELECT ${POSITION}, source_row`
  const sides = held.map(({ kind, rows }) => {
    const [old, young] = [rows, againSilver(kind)].map(
      (relation) => `${row} FROM ${onReplaced(kind, relation, replaced)}`,
    )
    return `(${old} EXCEPT ALL ${young}) UNION ALL (${young} EXCEPT ALL ${old})`
  })
  const changed = [...sides, 'SELECT *, 0 FROM differing_rejected'].join(' UNION ALL ')
  return `SELECT DISTINCT ${POSITION} FROM (${changed})`
}

/** Sums by part over messages. */
function sumSql(outcomes: string): string {
  const oldRows = 'old_silver + old_refused'
  const facts =
    `SELECT o.*, m.source IS NOT NULL AS is_known, coalesce(m.is_ignored, false) AS new_ignored, ` +
    `coalesce(m.was_ignored, false) AND ${oldRows} + old_rejected = 0 AS old_ignored ` +
    `FROM (${outcomes}) o LEFT JOIN again_message m USING (${POSITION})`
  // Nothing of a message is in a table: it was ignored, or its rows agreed with earlier ones.
  const oldDuplicates =
    `CASE WHEN old_rejected > 0 OR old_ignored OR NOT is_known THEN 0 ` +
    `ELSE greatest(new_silver + new_duplicates + new_refused - (${oldRows}), ` +
    `CASE WHEN ${oldRows} = 0 THEN 1 ELSE 0 END) END`
  const decoded = (rejected: string, ignored: string) =>
    `CASE WHEN is_known AND ${rejected} = 0 AND NOT ${ignored} THEN 1 ELSE 0 END`
  const sums = {
    decoded: `${decoded('new_rejected', 'new_ignored')} - ${decoded('old_rejected', 'old_ignored')}`,
    ignored: 'CASE WHEN is_known THEN new_ignored::INTEGER - old_ignored::INTEGER ELSE 0 END',
    rejected: 'new_rejected - old_rejected',
    silver: 'new_silver - old_silver',
    duplicates: `new_duplicates - ${oldDuplicates}`,
    refused: 'new_refused - old_refused',
  }
  const columns = Object.entries(sums).map(([name, sql]) => `sum(${sql})::BIGINT AS ${name}`)
  return (
    `SELECT source, source_partition, ${columns.join(', ')} FROM (${facts}) ` +
    'GROUP BY source, source_partition ORDER BY source, source_partition'
  )
}

function countsOf(row: DifferenceRow): CutCounts {
  const [silverCount, duplicateCount] = [Number(row.silver), Number(row.duplicates)]
  const refusedCount = Number(row.refused)
  return {
    ...NO_COUNTS,
    decodedCount: Number(row.decoded),
    ignoredCount: Number(row.ignored),
    rejectedCount: Number(row.rejected),
    rowCount: silverCount + duplicateCount + refusedCount,
    silverCount,
    duplicateCount,
    refusedCount,
  }
}

function isNoZero([, counts]: readonly [string, CutCounts]): boolean {
  return Object.values(counts).some((count) => count !== 0)
}

function keyOf(row: DifferenceRow): string {
  return partKey({ source: row.source, partition: row.source_partition })
}

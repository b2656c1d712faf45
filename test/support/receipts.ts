import type { Lake } from '../../pipelines/lake/lake.ts'
import { kinds } from '../../shared-transforms/kind.ts'
import { readRows } from './lake-content.ts'

/** The counts of sluice.cuts, as its columns name them. */
export const countColumns = [
  'message_count',
  'decoded_count',
  'ignored_count',
  'rejected_count',
  'row_count',
  'silver_count',
  'duplicate_count',
  'refused_count',
] as const

export type Counts = Readonly<Record<(typeof countColumns)[number], bigint>>

interface CutRow extends Counts {
  readonly cut_number: bigint
  readonly source: string | null
  readonly source_partition: number | null
  readonly start_offset: bigint | null
  readonly end_offset: bigint | null
}

/**
 * What is wrong with the receipts of a lake that started empty, each a sentence; none where
 * positions have no gap and no overlap, counts add up in every row, the parts of a cut sum up to
 * the cut's own row, and the tables hold as many rows as the receipts say.
 */
export async function receiptProblems(lake: Lake): Promise<string[]> {
  const rows = await readCutRows(lake)
  const own = rows.filter((row) => row.source === null)
  const parts = rows.filter((row) => row.source !== null)
  return [
    ...own
      .filter((row, index) => row.cut_number !== BigInt(index + 1))
      .map((row) => `cut ${row.cut_number} is out of its turn`),
    ...rows.filter((row) => !addsUp(row)).map((row) => `cut ${row.cut_number} does not add up`),
    ...own
      .filter((row) => !isSum(row, parts))
      .map((row) => `cut ${row.cut_number} is not the sum of its parts`),
    ...positionProblems(parts),
    ...(await rowProblems(lake, sumCounts(own))),
  ]
}

/** The counts of all cuts together. */
export async function readTotals(lake: Lake): Promise<Counts> {
  return sumCounts((await readCutRows(lake)).filter((row) => row.source === null))
}

function readCutRows(lake: Lake): Promise<CutRow[]> {
  return readRows<CutRow>(
    lake,
    'sluice.cuts',
    `SELECT cut_number, source, source_partition, start_offset, end_offset, ` +
      `${countColumns.join(', ')} FROM t ORDER BY cut_number, source, source_partition`,
  )
}

function addsUp(row: Counts): boolean {
  return (
    row.message_count === row.decoded_count + row.ignored_count + row.rejected_count &&
    row.row_count === row.silver_count + row.duplicate_count + row.refused_count
  )
}

function isSum(cut: CutRow, parts: readonly CutRow[]): boolean {
  const sum = sumCounts(parts.filter((part) => part.cut_number === cut.cut_number))
  return countColumns.every((column) => cut[column] === sum[column])
}

function sumCounts(rows: readonly Counts[]): Counts {
  const sum = (column: (typeof countColumns)[number]) =>
    rows.reduce((total, row) => total + row[column], 0n)
  return Object.fromEntries(countColumns.map((column) => [column, sum(column)])) as Record<
    (typeof countColumns)[number],
    bigint
  >
}

/** Each part starts at 0 and each later cut where the one before it ended. */
function positionProblems(parts: readonly CutRow[]): string[] {
  const problems: string[] = []
  const ends = new Map<string, bigint>()
  for (const row of parts) {
    const part = `${row.source}[${row.source_partition}]`
    const { start_offset: start, end_offset: end } = row
    const expected = ends.get(part) ?? 0n
    if (start !== expected) {
      problems.push(`cut ${row.cut_number} starts ${part} at ${start} and not at ${expected}`)
    }
    // A rollback takes messages back: it moves backwards, by as many at least.
    const moved = (end ?? 0n) - (start ?? 0n)
    const [way, count] =
      row.message_count < 0n ? [-moved, -row.message_count] : [moved, row.message_count]
    if (end === null || start === null || way < count) {
      problems.push(`cut ${row.cut_number} took more messages from ${part} than it moved`)
    }
    ends.set(part, end ?? 0n)
  }
  return problems
}

async function rowProblems(lake: Lake, total: Counts): Promise<string[]> {
  const count = async (tables: readonly string[]) => {
    let sum = 0n
    for (const table of tables) {
      const [row] = await readRows<{ n: bigint }>(lake, table, 'SELECT count(*) AS n FROM t')
      sum += row?.n ?? 0n
    }
    return sum
  }
  const expected: [string, bigint, bigint][] = [
    ['bronze', await count(kinds.map((kind) => `bronze.${kind}_messages`)), total.message_count],
    ['silver', await count(kinds.map((kind) => `silver.${kind}s`)), total.silver_count],
    [
      'silver.rejected_messages',
      await count(['silver.rejected_messages']),
      total.rejected_count + total.refused_count,
    ],
  ]
  return expected
    .filter(([, held, receipts]) => held !== receipts)
    .map(([name, held, receipts]) => `${name} holds ${held} rows, the receipts say ${receipts}`)
}

import type { HasModel } from '../../shared-transforms/lake-model.ts'
import type { BrokenFiles } from './broken-files.ts'
import { standingCuts } from '../lake/standing-cuts.ts'
import { CUT_ROWS } from './cut-rows-table.ts'
import { type Finding, FINDINGS_MAX } from './finding.ts'
import type { PinnedLake } from './pin-lake.ts'
import { readableRows } from './readable-rows.ts'

/** Rows that the receipts count together. */
export interface CountedRows {
  readonly check: 'silver' | 'rejected'
  readonly tables: readonly string[]
  /** SQL over the columns of sluice.cuts. */
  readonly count: string
}

export function silverRows({ model }: HasModel): CountedRows {
  const tables = model.kinds.map((kind) => `silver.${kind}s`)
  return { check: 'silver', tables, count: 'silver_count' }
}

export const rejectedRows: CountedRows = {
  check: 'rejected',
  tables: ['silver.rejected_messages'],
  count: 'rejected_count + refused_count',
}

/**
 * Whether tables hold as many rows as all receipts together say. Where they do not, the cuts are
 * named whose rows differ. Answers with the number of rows; undefined where they cannot be read.
 */
export async function checkRowSums(
  pinned: PinnedLake,
  broken: BrokenFiles,
  counted: CountedRows,
): Promise<{ rowCount: bigint; findings: readonly Finding[] } | undefined> {
  const { session } = pinned
  const selects: string[] = []
  for (const table of counted.tables) {
    const rows = await readableRows(pinned, broken, table)
    if (rows === undefined) return undefined
    selects.push(
      `SELECT '${table}' AS held_by, source, source_partition, ingested_ts, count(*) AS n ` +
        `FROM ${rows} GROUP BY ALL`,
    )
  }
  await session.run(`CREATE OR REPLACE TEMP TABLE held_rows AS ${selects.join(' UNION ALL ')}`)
  const [sums] = await session.rows<{ held: bigint; said: bigint }>(
    `SELECT (SELECT coalesce(sum(n), 0)::BIGINT FROM held_rows) AS held, ` +
      `(SELECT coalesce(sum(${counted.count}), 0)::BIGINT FROM ${CUT_ROWS} ` +
      `WHERE source IS NULL) AS said`,
  )
  const { held = 0n, said = 0n } = sums ?? {}
  const differences = await readDifferences(pinned, counted)
  const findings = differences.map((row) => differenceFinding(counted, row))
  if (held !== said && findings.length === 0) findings.push(sumFinding(counted, held, said))
  return { rowCount: held, findings }
}

interface Difference {
  readonly cut: bigint | null
  readonly source: string
  readonly source_partition: number
  readonly said: bigint
  readonly held: bigint
  readonly tables: string | null
}

/**
 * Rows carry the time of the cut that took their message in, so each cut's are compared. A replay
 * writes the rows of earlier cuts anew, and its own row at a resting part holds the difference: of
 * such a part rows and receipts agree in sum alone.
 */
async function readDifferences(
  pinned: PinnedLake,
  { count }: CountedRows,
): Promise<readonly Difference[]> {
  const part = 'source, source_partition'
  const key = `ingested_ts, ${part}`
  const held = `sum(n) AS held, string_agg(DISTINCT held_by, ' and ') AS tables FROM held_rows`
  const derivedAgain =
    `(SELECT DISTINCT ${part} FROM ${CUT_ROWS} WHERE source IS NOT NULL ` +
    `AND start_offset = end_offset AND (row_count <> 0 OR rejected_count <> 0 OR ` +
    `silver_count <> 0 OR refused_count <> 0))`
  const byCut =
    `SELECT cut_number AS cut, ${part}, said, held, tables, ingested_ts FROM ` +
    `(SELECT ${key}, ${held} ANTI JOIN ${derivedAgain} USING (${part}) GROUP BY ALL) ` +
    `FULL JOIN (SELECT cut_number, ${key}, ${count} AS said FROM ${CUT_ROWS} ` +
    `ANTI JOIN ${derivedAgain} USING (${part}) ` +
    `WHERE source IS NOT NULL AND ${count} > 0 AND ${await standingCuts(pinned.session, CUT_ROWS)}) ` +
    `USING (${key})`
  const byPart =
    `SELECT NULL, ${part}, said, held, tables, NULL FROM ` +
    `(SELECT ${part}, ${held} SEMI JOIN ${derivedAgain} USING (${part}) GROUP BY ALL) ` +
    `FULL JOIN (SELECT ${part}, sum(${count}) AS said FROM ${CUT_ROWS} ` +
    `SEMI JOIN ${derivedAgain} USING (${part}) GROUP BY ALL) USING (${part})`
  return pinned.session.rows<Difference>(
    `SELECT cut, ${part}, coalesce(said, 0)::BIGINT AS said, coalesce(held, 0)::BIGINT AS held, ` +
      `tables FROM (${byCut} UNION ALL ${byPart}) ` +
      `WHERE coalesce(said, 0) <> coalesce(held, 0) ORDER BY ${key} LIMIT ${FINDINGS_MAX}`,
  )
}

function differenceFinding({ check, tables }: CountedRows, row: Difference): Finding {
  const part = `${row.source}[${row.source_partition}]`
  const name = row.tables ?? (tables.length === 1 ? tables[0] : undefined) ?? 'silver'
  const place = {
    check,
    table: name.includes(' and ') ? 'silver' : name,
    ...(row.cut === null ? {} : { cut: Number(row.cut) }),
  }
  if (row.held < row.said) {
    return {
      ...{ ...place, kind: 'data-loss' },
      what: `${row.held} rows of ${part} are there of the ${row.said} that ${receiptOf(row)}.`,
      advice:
        'Somebody deleted rows, or a file is gone. Find the snapshot (`sluice history`) and roll ' +
        'the table back to before it; `sluice verify --deep` tells which rows bronze gives.',
    }
  }
  const from = row.said === 0n ? 'no cut counts them' : `${receiptOf(row)} ${row.said}`
  return {
    ...{ ...place, kind: 'corrupt-data' },
    what: `${row.held} rows of ${part} are there, and ${from}.`,
    advice:
      'Somebody added rows. Find the snapshot (`sluice history`) and roll the table back to ' +
      'before it, or delete the rows.',
  }
}

/** Of a part that was derived again only the sum over all cuts says something. */
function receiptOf({ cut }: Difference): string {
  return cut === null ? 'the receipts of all cuts count' : `the receipt of cut ${cut} counts`
}

function sumFinding({ check, tables }: CountedRows, held: bigint, said: bigint): Finding {
  return {
    ...{ check, kind: held < said ? 'data-loss' : 'corrupt-data' },
    ...(tables.length === 1 && tables[0] !== undefined ? { table: tables[0] } : {}),
    what: `${tables.join(' and ')} hold ${held} rows, and all receipts together say ${said}.`,
    advice: 'See the findings of sluice.cuts first: a cut whose row is wrong explains it.',
  }
}

import { cutHistory } from '../../tables/spec/cut-history.ts'
import { countColumns } from './count-columns.ts'
import { CUT_ROWS, CUT_TEXTS } from './cut-rows-table.ts'
import { type CheckResult, type Finding, FINDINGS_MAX } from './finding.ts'
import { CUTS, type PinnedLake } from './pin-lake.ts'

/**
 * Whether the receipt book is whole in itself: every cut has its own row, once; the counts of each
 * row add up; the parts of a cut sum up to the cut's own row; its times go on; and each kept
 * snapshot of sluice.cuts says the same of its cut as the rows.
 */
export async function checkCuts(pinned: PinnedLake): Promise<CheckResult> {
  const { session } = pinned
  const [count] = await session.rows<{ n: bigint }>(
    `SELECT count(*) AS n FROM ${CUT_ROWS} WHERE source IS NULL`,
  )
  const findings = [
    ...(await missingCuts(pinned)),
    ...(await doubledRows(pinned)),
    ...(await wrongSums(pinned)),
    ...(await wrongParts(pinned)),
    ...(await wrongTimes(pinned)),
    ...(await wrongSnapshots(pinned)),
  ]
  return { name: 'cuts', checkedCount: Number(count?.n ?? 0n), unit: 'cuts', findings, notes: [] }
}

const RESTORE =
  'Roll sluice.cuts back to the tag sluice-head or to an older snapshot that has the rows, or ' +
  'restore its files from a copy. Start no writer before: it would go on from a wrong position.'

/** Numbers without a row: before, between and behind the rows that are there. */
async function missingCuts({ session, cut }: PinnedLake): Promise<Finding[]> {
  const rows = await session.rows<{ first: bigint; last: bigint }>(
    `SELECT coalesce(lag(cut_number) OVER (ORDER BY cut_number), 0) + 1 AS first, ` +
      `cut_number - 1 AS last FROM (SELECT DISTINCT cut_number FROM ${CUT_ROWS} ` +
      `WHERE source IS NULL UNION SELECT ${(cut?.cutNumber ?? 0) + 1}) ` +
      `QUALIFY last >= first ORDER BY first LIMIT ${FINDINGS_MAX}`,
  )
  return rows.map(({ first, last }) => {
    const which = first === last ? `cut ${first}` : `cuts ${first} to ${last}`
    return {
      ...{ check: 'cuts', kind: 'data-loss', table: CUTS, cut: Number(first) },
      what: `The row of ${which} is gone: nothing tells any more what was taken in there.`,
      advice: RESTORE,
    }
  })
}

async function doubledRows({ session }: PinnedLake): Promise<Finding[]> {
  const rows = await session.rows<{ cut_number: bigint; part: string | null; n: bigint }>(
    `SELECT cut_number, source || '[' || source_partition || ']' AS part, count(*) AS n ` +
      `FROM ${CUT_ROWS} GROUP BY ALL HAVING n > 1 ORDER BY cut_number LIMIT ${FINDINGS_MAX}`,
  )
  return rows.map(({ cut_number, part, n }) => ({
    ...{ check: 'cuts', kind: 'corrupt-data', table: CUTS, cut: Number(cut_number) },
    what: `Cut ${cut_number} has ${n} rows of ${part ?? 'its own'} and not one: sums count it ${n} times.`,
    advice: RESTORE,
  }))
}

async function wrongSums({ session }: PinnedLake): Promise<Finding[]> {
  const rows = await session.rows<{ cut_number: bigint; part: string | null }>(
    `SELECT cut_number, source || '[' || source_partition || ']' AS part FROM ${CUT_ROWS} ` +
      `WHERE message_count <> decoded_count + ignored_count + rejected_count ` +
      `OR row_count <> silver_count + duplicate_count + refused_count ` +
      `ORDER BY cut_number LIMIT ${FINDINGS_MAX}`,
  )
  return rows.map(({ cut_number, part }) => ({
    ...{ check: 'cuts', kind: 'corrupt-data', table: CUTS, cut: Number(cut_number) },
    what:
      `The counts of cut ${cut_number}${part === null ? '' : ` for ${part}`} do not add up: messages ` +
      'are decoded + ignored + rejected, rows are silver + duplicates + refused.',
    advice: RESTORE,
  }))
}

async function wrongParts({ session }: PinnedLake): Promise<Finding[]> {
  const sums = countColumns.map((name) => `coalesce(sum(p.${name}), 0)::BIGINT`)
  const rows = await session.rows<{ cut_number: bigint }>(
    `SELECT c.cut_number FROM ${CUT_ROWS} c LEFT JOIN ${CUT_ROWS} p ` +
      `ON p.cut_number = c.cut_number AND p.source IS NOT NULL WHERE c.source IS NULL ` +
      `GROUP BY c.cut_number, ${countColumns.map((name) => `c.${name}`).join(', ')} ` +
      `HAVING (${countColumns.map((name) => `c.${name}`).join(', ')}) ` +
      `IS DISTINCT FROM (${sums.join(', ')}) ORDER BY c.cut_number LIMIT ${FINDINGS_MAX}`,
  )
  return rows.map(({ cut_number }) => ({
    ...{ check: 'cuts', kind: 'corrupt-data', table: CUTS, cut: Number(cut_number) },
    what: `The rows of the parts of cut ${cut_number} do not sum up to the cut's own row.`,
    advice: RESTORE,
  }))
}

/** ingested_ts tells the rows of one cut from those of all others. */
async function wrongTimes({ session }: PinnedLake): Promise<Finding[]> {
  const rows = await session.rows<{ cut_number: bigint }>(
    `SELECT cut_number FROM (SELECT cut_number, ingested_ts, ` +
      `lag(ingested_ts) OVER (ORDER BY cut_number) AS before FROM ${CUT_ROWS} ` +
      `WHERE source IS NULL) WHERE ingested_ts <= before ORDER BY cut_number LIMIT ${FINDINGS_MAX}`,
  )
  return rows.map(({ cut_number }) => ({
    ...{ check: 'cuts', kind: 'corrupt-data', table: CUTS, cut: Number(cut_number) },
    what: `ingested_ts of cut ${cut_number} is not later than that of the cut before it.`,
    advice: RESTORE,
  }))
}

/** The rows are the truth; the summaries of kept snapshots repeat them, by another way. */
async function wrongSnapshots({ session, tables }: PinnedLake): Promise<Finding[]> {
  const metadata = tables.get(CUTS)?.pinned.metadata
  if (metadata === undefined) return []
  const history = cutHistory(metadata)
  if (history.length === 0) return []
  const kept = history.map(({ cutNumber }) => cutNumber).join(', ')
  const rows = await session.rows<{ cut: bigint; token: string; heads: string | null }>(
    `SELECT cut_number AS cut, token, snapshot_ids AS heads FROM ${CUT_TEXTS} ` +
      `WHERE cut_number IN (${kept})`,
  )
  const byCut = new Map(rows.map((row) => [Number(row.cut), row]))
  const findings: Finding[] = []
  for (const { cutNumber, token, heads } of history) {
    const row = byCut.get(cutNumber)
    if (row === undefined) continue
    const held = JSON.stringify([...heads].map(([name, id]) => [name, String(id)]).sort())
    const isEqual = row.token === token && sortedPairs(row.heads) === held
    if (isEqual || findings.length === FINDINGS_MAX) continue
    findings.push({
      ...{ check: 'cuts', kind: 'corrupt-data', table: CUTS, cut: cutNumber },
      what:
        `The row of cut ${cutNumber} and the snapshot of that cut disagree about its token or ` +
        'the snapshots of its tables.',
      advice: RESTORE,
    })
  }
  return findings
}

function sortedPairs(json: string | null): string {
  try {
    const parsed: unknown = JSON.parse(json ?? '{}')
    const isObject = typeof parsed === 'object' && parsed !== null
    return JSON.stringify(isObject ? Object.entries(parsed).sort() : parsed)
  } catch {
    return ''
  }
}

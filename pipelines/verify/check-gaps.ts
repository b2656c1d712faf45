import { gapsSql } from '../../shared-transforms/number-runs.ts'
import { collectRuns, CONTIGUOUS, sliceTasks } from '../loop/number-runs.ts'
import { planRelation } from '../loop/loop-context.ts'
import type { BrokenFiles } from './broken-files.ts'
import { type CheckResult, type Finding, FINDINGS_MAX } from './finding.ts'
import type { PinnedLake } from './pin-lake.ts'
import { planReadable, readableRows } from './readable-rows.ts'

const GAPS = 'silver.gaps'
const CONTENT = ['venue', 'venue_symbol', 'from_seq', 'to_seq', 'from_ts', 'to_ts'] as const

interface WrongGap {
  readonly what: string
  readonly held: bigint
  readonly given: bigint
  readonly file: string | null
}

/** Whether the open rows of silver.gaps are what the numbers in silver.trades leave out, each once. */
export async function checkGaps(pinned: PinnedLake, broken: BrokenFiles): Promise<CheckResult> {
  const { lake, session } = pinned
  const plan = await planReadable(pinned, broken, 'silver.trades', CONTIGUOUS)
  const gaps = await readableRows(pinned, broken, GAPS, {
    filter: [{ column: 'healed_cut', op: 'is-null' }],
    withPosition: true,
  })
  if (plan === undefined || gaps === undefined) {
    return { name: 'gaps', checkedCount: 0, unit: 'trade numbers', findings: [], notes: [] }
  }
  const slices = sliceTasks(plan.tasks)
  const relations = slices.map((tasks) => () => planRelation(lake, { ...plan, tasks }))
  await collectRuns(session, 'number_runs', relations)
  const [count] = await session.rows<{ n: bigint }>(
    'SELECT coalesce(sum(high_seq - low_seq + 1), 0)::BIGINT AS n FROM number_runs',
  )
  const columns = CONTENT.join(', ')
  const rows = await session.rows<WrongGap>(
    `SELECT venue || ' ' || venue_symbol || ' ' || from_seq || ' to ' || to_seq AS what, ` +
      `count(_file) AS held, count(*) - count(_file) AS given, min(_file) AS file FROM (` +
      `SELECT ${columns}, _file FROM ${gaps} WHERE healed_cut IS NULL UNION ALL ` +
      `SELECT ${columns}, NULL AS _file FROM (${gapsSql('number_runs')})) GROUP BY ${columns} ` +
      `HAVING count(_file) <> count(*) - count(_file) ORDER BY what LIMIT ${FINDINGS_MAX}`,
  )
  const checkedCount = Number(count?.n ?? 0n)
  const findings = rows.map(wrongFinding)
  return { name: 'gaps', checkedCount, unit: 'trade numbers', findings, notes: [] }
}

function wrongFinding({ what, held, given, file }: WrongGap): Finding {
  const place = { check: 'gaps' as const, kind: 'corrupt-data' as const, table: GAPS }
  const advice =
    'Find the snapshot that made it so (`sluice history`) and roll the table back to before it. ' +
    'The next cut of a writer that is started anew tells all gaps again.'
  if (held === 0n) {
    return { ...place, what: `The gap of ${what} is missing, which silver.trades leaves.`, advice }
  }
  const how = given === 0n ? 'and silver.trades leaves no such gap' : `${held} times and not once`
  const where = file === null ? {} : { file }
  return { ...place, ...where, what: `The gap of ${what} is there, ${how}.`, advice }
}

import type { TableChange } from '../../tables/commit/table-change.ts'
import type { Lake } from '../lake/lake.ts'
import type { WriteContext } from '../../tables/write/write-context.ts'
import { writeDataFiles } from '../../tables/write/write-data-files.ts'
import type { GoldTable } from '../../shared-transforms/gold-tables.ts'
import { headOf, LIVE_COMPRESSION_LEVEL, planHead, planRelation } from './loop-context.ts'
import type { LoopContext } from './loop-context.ts'
import { THIS_CUT } from './loop-times.ts'
import { withAddedColumns } from './own-columns.ts'
import { plainChange } from './write-cut-files.ts'

const CUTS = 'sluice.cuts'

/**
 * The versions that a cut makes as appends to the tables that keep them, with the times when they
 * became known: the commit's, and for first versions that of the cut which sealed them.
 * @param revised gold tables whose `<state>_revised` has rows
 * @param committedUs of the cut that is to be committed
 */
export async function writeRevisions(
  context: LoopContext,
  writer: WriteContext,
  revised: readonly GoldTable[],
  committedUs: bigint,
): Promise<readonly TableChange[]> {
  const changes: TableChange[] = []
  for (const { state, revisions } of revised) {
    if (revisions === undefined) continue
    const { session, heads, options } = context
    const cuts = await readSealingCuts(options.lake, context, `${state}_revised`)
    await session.fillOnce(
      `${state}_told`,
      `SELECT r.*, ` +
        `CASE WHEN known_cut = ${THIS_CUT} THEN make_timestamptz(${committedUs}) ` +
        `ELSE committed_ts END AS known_ts ` +
        `FROM ${state}_revised r LEFT JOIN ${cuts} c ON c.cut_number = known_cut`,
    )
    const { metadata } = headOf(heads, revisions)
    const rows = withAddedColumns(options.lake, revisions, metadata, `SELECT * FROM ${state}_told`)
    const level = { compressionLevel: LIVE_COMPRESSION_LEVEL }
    const files = await writeDataFiles(writer, metadata, rows, level)
    changes.push(plainChange(revisions, 'append', files))
  }
  return changes
}

/** Numbers and times of earlier cuts that sealed what now changes for the first time. */
async function readSealingCuts(
  lake: Lake,
  { session, heads }: LoopContext,
  revised: string,
): Promise<string> {
  const [range] = await session.rows<{ low: bigint | null; high: bigint | null }>(
    `SELECT min(known_cut) AS low, max(known_cut) AS high FROM ${revised} ` +
      `WHERE known_cut < ${THIS_CUT}`,
  )
  if (range === undefined || range.low === null || range.high === null) {
    return '(SELECT NULL::BIGINT AS cut_number, NULL::TIMESTAMPTZ AS committed_ts WHERE false)'
  }
  const plan = await planHead(lake, headOf(heads, CUTS), [
    { column: 'cut_number', op: '>=', value: range.low },
    { column: 'cut_number', op: '<=', value: range.high },
  ])
  const rows = await planRelation(lake, plan)
  return `(SELECT cut_number, committed_ts FROM ${rows} WHERE source IS NULL)`
}

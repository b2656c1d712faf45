import type { TableChange } from '../../tables/commit/table-change.ts'
import { writeRowDeletes } from '../../tables/commit/write-row-deletes.ts'
import { sqlString } from '../../tables/engine/sql-text.ts'
import { writeDataFiles } from '../../tables/write/write-data-files.ts'
import { writeContext } from './commit-plan.ts'
import { GAP_CONTENT, OPEN_GAPS } from './gap-ledger.ts'
import {
  headOf,
  LIVE_COMPRESSION_LEVEL,
  planHead,
  planRelation,
  type LoopContext,
} from './loop-context.ts'
import type { LoopState } from './loop-state.ts'
import { withAddedColumns } from './own-columns.ts'
import { groupByFile, placesOf } from './row-places.ts'
import { hasRows, plainChange } from './write-cut-files.ts'

const GAPS = 'silver.gaps'

/**
 * The change of silver.gaps from its open rows to those that there should be, in the engine's
 * `gaps_wanted`; undefined where it has them. An open row that is no longer so goes; of its numbers
 * those that `number_runs_next` holds now become healed rows, and rests keep when they were seen.
 * @param scope of which symbols `gaps_wanted` and `number_runs_next` tell
 */
export async function writeGapChange(
  context: LoopContext,
  after: Pick<LoopState, 'cutNumber' | 'ingestedUs'>,
  scope: 'all' | 'of number_runs_next',
): Promise<TableChange | undefined> {
  const { session, heads, options } = context
  const { metadata } = headOf(heads, GAPS)
  const plan = await planHead(options.lake, headOf(heads, GAPS), OPEN_GAPS)
  const open = await planRelation(options.lake, plan, { withPosition: true })
  const ofScope = scope === 'all' ? '' : ' SEMI JOIN number_runs_next USING (venue, venue_symbol)'
  await session.fillOnce(
    'gaps_open',
    `SELECT * FROM (SELECT ${GAP_CONTENT}, first_seen_cut, ` +
      `first_seen_ts, _file, _pos, row_number() OVER (PARTITION BY ${GAP_CONTENT} ` +
      `ORDER BY first_seen_cut, _file, _pos) AS nth FROM ${open} WHERE healed_cut IS NULL)${ofScope}`,
  )
  // Somebody may have put a row there twice: one of them stays.
  await session.fill(
    'gaps_gone',
    `SELECT * FROM gaps_open ANTI JOIN (SELECT *, 1 AS nth FROM gaps_wanted) ` +
      `USING (${GAP_CONTENT}, nth)`,
  )
  await session.fill(
    'gaps_come',
    `SELECT * FROM gaps_wanted ANTI JOIN gaps_open USING (${GAP_CONTENT})`,
  )
  await session.fillOnce('gaps_written', writtenSql(after, options.mode))
  const files = await writeDataFiles(
    writeContext(context),
    metadata,
    withAddedColumns(options.lake, GAPS, metadata, 'SELECT * FROM gaps_written'),
    { compressionLevel: LIVE_COMPRESSION_LEVEL },
  )
  const held = new Map(plan.tasks.map(({ file }) => [file.filePath, file]))
  const gone = groupByFile(await placesOf(session, 'gaps_gone'), held)
  if (files.length === 0 && gone.length === 0) return undefined
  await session.run(
    `DELETE FROM gaps_known WHERE (${GAP_CONTENT}) IN (SELECT (${GAP_CONTENT}) FROM gaps_gone WHERE nth = 1)`,
  )
  await session.run('INSERT INTO gaps_known BY NAME SELECT * FROM gaps_come')
  const deletes = await writeRowDeletes(writeContext(context), metadata, gone)
  return {
    ...plainChange(GAPS, gone.length === 0 ? 'append' : 'overwrite', files),
    ...deletes,
    baseSnapshotId: metadata['current-snapshot-id'] ?? null,
    isTouchedByForeign: hasRows,
  }
}

/** Gaps that are new or smaller, and the numbers that came. */
function writtenSql(
  { cutNumber, ingestedUs }: Pick<LoopState, 'cutNumber' | 'ingestedUs'>,
  mode: string,
): string {
  const cut = `${cutNumber}::BIGINT`
  const time = `make_timestamptz(${ingestedUs})`
  const overlap = (from: string, to: string) =>
    `g.venue = o.venue AND g.venue_symbol = o.venue_symbol ` +
    `AND g.from_seq <= o.${to} AND g.to_seq >= o.${from}`
  const open =
    `SELECT o.*, coalesce(min(g.first_seen_cut), ${cut}) AS first_seen_cut, ` +
    `coalesce(min(g.first_seen_ts), ${time}) AS first_seen_ts, NULL::BIGINT AS healed_cut, ` +
    `NULL::TIMESTAMPTZ AS healed_ts, NULL::VARCHAR AS healed_by FROM gaps_come o ` +
    `LEFT JOIN gaps_gone g ON ${overlap('from_seq', 'to_seq')} GROUP BY ALL`
  const healed =
    `SELECT g.venue, g.venue_symbol, greatest(g.from_seq, o.low_seq) AS from_seq, ` +
    `least(g.to_seq, o.high_seq) AS to_seq, g.from_ts, g.to_ts, g.first_seen_cut, ` +
    `g.first_seen_ts, ${cut} AS healed_cut, ${time} AS healed_ts, ` +
    `${sqlString(mode)} AS healed_by FROM gaps_gone g ` +
    `JOIN number_runs_next o ON ${overlap('low_seq', 'high_seq')} WHERE g.nth = 1`
  return `${open} UNION ALL BY NAME ${healed}`
}

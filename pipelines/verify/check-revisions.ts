import { barRevisions } from '../../gold/bar-revisions.ts'
import { bars } from '../../gold/bars.ts'
import { WINDOW_KEY, WINDOW_KEY_SQL } from '../../shared-transforms/gold-tables.ts'
import type { BrokenFiles } from './broken-files.ts'
import { dayPieces, isInPiece, pieceFilter, type DayPiece } from './day-pieces.ts'
import { differingColumnsSql } from './differing-columns.ts'
import { type Finding, FINDINGS_MAX } from './finding.ts'
import type { PinnedLake } from './pin-lake.ts'
import { readableRows } from './readable-rows.ts'

/** Columns that a version has in both tables. */
const shared = barRevisions.columns.filter(
  ({ name }) =>
    !WINDOW_KEY.some((key) => key === name) && bars.columns.some((other) => other.name === name),
)

/**
 * Whether the newest version of each bar that ever changed is the one in gold.bars, a removed one
 * in neither, and every version there once: else the bars of a time past could not be told.
 */
export async function findRevisionFindings(
  pinned: PinnedLake,
  broken: BrokenFiles,
): Promise<readonly Finding[]> {
  const held = await readableRows(pinned, broken, bars.name)
  const versions = await readableRows(pinned, broken, barRevisions.name)
  if (held === undefined || versions === undefined) return []
  const changed = `(SELECT * FROM ${held} WHERE revision > 0 AND known_cut IS NOT NULL)`
  const pieces = await dayPieces(pinned.session, [
    { rows: versions, column: 'open_ts' },
    { rows: changed, column: 'open_ts' },
  ])
  const findings: Finding[] = []
  for (const piece of pieces) {
    if (findings.length >= FINDINGS_MAX) break
    findings.push(...(await findInPiece(pinned, broken, piece)))
  }
  return findings
}

async function findInPiece(
  pinned: PinnedLake,
  broken: BrokenFiles,
  piece: DayPiece,
): Promise<readonly Finding[]> {
  const read = async (name: string) => {
    const rows = await readableRows(pinned, broken, name, {
      filter: pieceFilter('open_ts', piece),
      withPosition: true,
    })
    return `(SELECT * FROM ${rows ?? ''} WHERE ${isInPiece('open_ts', piece)})`
  }
  const versions = await read(barRevisions.name)
  const newest =
    `(SELECT *, row_number() OVER (PARTITION BY ${WINDOW_KEY_SQL} ORDER BY ` +
    `coalesce(known_cut, 0) DESC) AS place, count(*) OVER (PARTITION BY ${WINDOW_KEY_SQL}, ` +
    `known_cut) AS times FROM ${versions} QUALIFY place = 1 OR times > 1)`
  // A bar that came again after it was removed begins anew, with nothing told of it yet.
  const isMissing =
    'v.step IS NULL AND b.revision > 0 AND b.known_cut IS NOT NULL OR v.step IS NOT NULL AND ' +
    'NOT v.is_removed AND b.step IS NULL OR v.is_removed AND b.known_cut <= v.known_cut'
  const columns = differingColumnsSql(shared, 'b', 'v')
  const isOther = `NOT v.is_removed AND b.step IS NOT NULL AND columns <> ''`
  const keys = WINDOW_KEY.map((key) => `b.${key} = v.${key}`).join(' AND ')
  const text = WINDOW_KEY.map((key) => `coalesce(b.${key}, v.${key})`).join(` || ' ' || `)
  const rows = await pinned.session.rows<{ what: string; file: string | null }>(
    `SELECT ${text} AS what, coalesce(v._file, b._file) AS file, ${columns} AS columns ` +
      `FROM (SELECT * FROM ${await read(bars.name)} WHERE is_sealed) b FULL JOIN ${newest} v ` +
      `ON ${keys} WHERE coalesce(${isMissing}, false) OR coalesce(${isOther}, false) ` +
      `OR v.times > 1 ORDER BY what LIMIT ${FINDINGS_MAX}`,
  )
  return rows.map(({ what, file }) => ({
    ...{ check: 'gold' as const, kind: 'corrupt-data' as const, table: barRevisions.name },
    ...(file === null ? {} : { file }),
    what: `The versions of the bar ${what} do not end in what ${bars.name} holds, or one is there twice.`,
    advice:
      'Find the snapshot that made it so (`sluice history`) and roll the table back to before it. ' +
      'Queries of the bars at an earlier time are wrong for this bar until then.',
  }))
}

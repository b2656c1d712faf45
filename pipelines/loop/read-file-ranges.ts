import type { LoadedTable } from '../../tables/catalog/catalog.ts'
import type { Session } from '../../tables/engine/engine.ts'
import { sqlString } from '../../tables/engine/sql-text.ts'
import type { Lake } from '../lake/lake.ts'
import { fileRangeOf, fileSql, type FileRange } from '../sources/file-range.ts'
import { planHead, planRelation } from './loop-context.ts'
import { readPartPositions, type PartPosition } from './read-positions.ts'

/** Days of a file that the lake has met, and where it stands in them. */
export interface KnownRange {
  readonly range: FileRange
  readonly position: PartPosition
}

const ALL_CUTS = Number.MAX_SAFE_INTEGER

/**
 * By the file, the ranges of it that the lake has met: the whole file is one too. What a rollback
 * took back whole is as if it never had been met.
 * @param cuts the head of sluice.cuts
 * @param files sources without a range
 */
export async function readFileRanges(
  lake: Lake,
  session: Session,
  cuts: LoadedTable,
  files: readonly string[],
): Promise<ReadonlyMap<string, readonly KnownRange[]>> {
  const known = new Map<string, KnownRange[]>()
  if (files.length === 0 || cuts.metadata['current-snapshot-id'] === undefined) return known
  const rows = await planRelation(lake, await planHead(lake, cuts, []))
  const names = files.map(sqlString).join(', ')
  const ofFiles = `(SELECT * FROM ${rows} c WHERE ${fileSql('source')} IN (${names}))`
  for (const position of (await readPartPositions(session, ofFiles, ALL_CUTS)).values()) {
    if (position.isForgotten) continue
    const { file, range } = fileRangeOf(position.part.source)
    known.set(file, [...(known.get(file) ?? []), { range, position }])
  }
  return known
}

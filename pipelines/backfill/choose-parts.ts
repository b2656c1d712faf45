import type { Lake } from '../lake/lake.ts'
import { headOf, planHead, planRelation, type LoopContext } from '../loop/loop-context.ts'
import { readPartPositions } from '../loop/read-positions.ts'
import type { ArchivePart } from '../sources/archive-parts.ts'
import { partKey } from '../sources/source.ts'
import type { Session } from '../../tables/engine/engine.ts'
import { sqlString } from '../../tables/engine/sql-text.ts'

/** A file with what the lake knows of it. */
export interface ChosenPart {
  readonly part: ArchivePart
  /** `read`: whole, nothing is left to do; `begun`: a run was stopped in it. */
  readonly state: 'new' | 'begun' | 'read'
  /** Where reading goes on; 0 for a new one. */
  readonly fromOffset: bigint
}

const ALL_CUTS = Number.MAX_SAFE_INTEGER

/** What the receipts say of files: they are known by their content. */
export async function chooseParts(
  lake: Lake,
  session: Session,
  heads: LoopContext['heads'],
  parts: readonly ArchivePart[],
): Promise<ChosenPart[]> {
  const asNew = (part: ArchivePart): ChosenPart => ({ part, state: 'new', fromOffset: 0n })
  const cuts = headOf(heads, 'sluice.cuts')
  const isEmpty = cuts.metadata['current-snapshot-id'] === undefined
  if (parts.length === 0 || isEmpty) return parts.map(asNew)
  const rows = await planRelation(lake, await planHead(lake, cuts, []))
  const names = parts.map(({ part }) => sqlString(part.source)).join(', ')
  const ofFiles = `(SELECT * FROM ${rows} c WHERE source IN (${names}))`
  const positions = await readPartPositions(session, ofFiles, ALL_CUTS)
  return parts.map((part) => {
    const known = positions.get(partKey(part.part))
    if (known === undefined || known.isForgotten) return asNew(part)
    const state = known.isFinished ? 'read' : 'begun'
    return { part, state, fromOffset: known.endOffset }
  })
}

/** Where a source goes on in these files, by `partKey`. */
export function positionsOf(chosen: readonly ChosenPart[]): ReadonlyMap<string, bigint> {
  return new Map(chosen.map(({ part, fromOffset }) => [partKey(part.part), fromOffset]))
}

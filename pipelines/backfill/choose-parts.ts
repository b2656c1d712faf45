import type { Session } from '../../tables/engine/engine.ts'
import { SluiceError } from '../../tables/errors.ts'
import type { Lake } from '../lake/lake.ts'
import type { TakenRanges } from '../loop/leave-out.ts'
import { headOf, type LoopContext } from '../loop/loop-context.ts'
import { readFileRanges, type KnownRange } from '../loop/read-file-ranges.ts'
import type { ArchivePart } from '../sources/archive-parts.ts'
import {
  fileRangeOf,
  fileRangeText,
  isDisjoint,
  isWhole,
  isWithin,
  rangedSource,
  withoutRanges,
  type FileRange,
} from '../sources/file-range.ts'
import { partKey } from '../sources/source.ts'

/** A file, or some days of it, with what the lake knows of it. */
export interface ChosenPart {
  /** Its source bears the range. */
  readonly part: ArchivePart
  readonly range: FileRange
  /** `read`: nothing is left to do; `begun`: a run was stopped in it. */
  readonly state: 'new' | 'begun' | 'read'
  /** Where reading goes on; 0 for a new one. */
  readonly fromOffset: bigint
}

/**
 * What is to be read of files, by their receipts: they are known by their content. Of a file whose
 * other days were taken before, the days that are left are a part each.
 * @throws SluiceError `invalid-input` where a run that took other days was stopped in a file.
 */
export async function chooseParts(
  lake: Lake,
  session: Session,
  heads: LoopContext['heads'],
  files: readonly ArchivePart[],
  wanted: FileRange,
): Promise<ChosenPart[]> {
  const names = files.map(({ part }) => part.source)
  const known = await readFileRanges(lake, session, headOf(heads, 'sluice.cuts'), names)
  return files.flatMap((file) => chooseRanges(file, known.get(file.part.source) ?? [], wanted))
}

function chooseRanges(
  file: ArchivePart,
  known: readonly KnownRange[],
  wanted: FileRange,
): ChosenPart[] {
  const chosen = (range: FileRange, state: ChosenPart['state'], fromOffset: bigint) => {
    const source = rangedSource(file.part.source, range)
    return { part: { ...file, part: { ...file.part, source } }, range, state, fromOffset }
  }
  const touched = known.filter(({ range }) => !isDisjoint(range, wanted))
  const begun = touched.filter(({ position }) => !position.isFinished)
  const foreign = begun.find(({ range }) => !isWithin(range, wanted))
  if (foreign !== undefined) throw stoppedElsewhere(file, foreign.range)
  const rest = withoutRanges(
    wanted,
    touched.map(({ range }) => range),
  )
  const parts = [
    ...begun.map(({ range, position }) => chosen(range, 'begun', position.endOffset)),
    ...rest.map((range) => chosen(range, 'new', 0n)),
  ]
  if (parts.length > 0) return parts
  const end = touched.find(({ range }) => isWithin(wanted, range))?.position.endOffset
  return [chosen(wanted, 'read', end ?? 0n)]
}

/** Files, or entries of them, of which these parts are. */
export function countFiles(chosen: readonly ChosenPart[]): number {
  return new Set(chosen.map(({ part }) => fileRangeOf(part.part.source).file)).size
}

/** Where a source goes on in these files, by `partKey`. */
export function positionsOf(chosen: readonly ChosenPart[]): ReadonlyMap<string, bigint> {
  return new Map(chosen.map(({ part, fromOffset }) => [partKey(part.part), fromOffset]))
}

/** The days that are taken of parts; undefined where all are taken whole. */
export function takenRangesOf(chosen: readonly ChosenPart[]): TakenRanges | undefined {
  const ranged = chosen.filter(({ range }) => !isWhole(range))
  if (ranged.length === 0) return undefined
  return new Map(ranged.map(({ part, range }) => [part.part.source, range]))
}

function stoppedElsewhere(file: ArchivePart, range: FileRange): SluiceError {
  return new SluiceError(
    'invalid-input',
    `A run that took other days of ${file.shownPath} was stopped in it. Nothing was read. End that ` +
      `one first, with ${fileRangeText(range)}: then it is known which messages are left.`,
    { context: { path: file.shownPath } },
  )
}

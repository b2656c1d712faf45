import type { Format } from '../../shared-transforms/formats/format.ts'
import { SluiceError } from '../../tables/errors.ts'
import type { Session } from '../../tables/engine/engine.ts'
import { dayText } from '../lake/utc-days.ts'
import type { ArchivePart } from '../sources/archive-parts.ts'
import { fileRangeOf, fileSql } from '../sources/file-range.ts'
import { dayOfEntry } from '../sources/line-framing.ts'
import { IS_OVERLAPPING, timeRangeText } from './find-overlaps.ts'
import { INPUT_RANGE } from './read-input.ts'

/** Overlaps that an error message names; more are counted. */
const MAX_NAMED_OVERLAPS = 20

/** A file of the input, and what it holds of a day of a symbol: event times, µs. */
export interface OverlappingFile {
  readonly path: string
  readonly fromUs: bigint
  readonly untilUs: bigint
}

/** A day of a symbol of which two files of one input hold the same time, one of them without ids. */
export interface InputOverlap {
  readonly kind: string
  readonly venue: string
  readonly venueSymbol: string
  /** UTC day, `YYYY-MM-DD`. */
  readonly day: string
  readonly files: readonly [OverlappingFile, OverlappingFile]
}

/**
 * Whether files of one input can overlap each other: several, of a format without ids, but not
 * where their names say that each has a day of a symbol of its own. Reads nothing.
 */
export function canOverlapEachOther(
  parts: readonly ArchivePart[],
  formats: readonly Format[],
): boolean {
  const mayLackIds = formats.some((format) =>
    format.kinds.some((kind) => format.idKind(kind) === 'none'),
  )
  const files = new Map(parts.map((part) => [fileRangeOf(part.part.source).file, part]))
  if (!mayLackIds || files.size < 2) return false
  const days = [...files.values()].map(({ entryName }) => {
    return formats.length === 1 ? dayOfEntry(formats[0]?.name ?? '', entryName) : undefined
  })
  return days.includes(undefined) || new Set(days).size < days.length
}

/**
 * Where two files of the input in INPUT_RANGE overlap in event time, and one of the two has rows
 * without ids on that day. For each file one other one is told, of as many as there are.
 * @param all the files by their sources, without a range
 */
export async function findInputOverlaps(
  session: Session,
  all: readonly ArchivePart[],
): Promise<InputOverlap[]> {
  const key = 'kind, venue, venue_symbol, day'
  const files =
    `SELECT ${key}, ${fileSql('source')} AS file, sum(without_id) AS without_id, min(low) AS low, ` +
    `max(high) AS high FROM ${INPUT_RANGE} GROUP BY ALL`
  const rows = await session.rows<{
    kind: string
    venue: string
    venue_symbol: string
    day: bigint
    file: string
    low: bigint
    high: bigint
    other: string
    other_low: bigint
    other_high: bigint
  }>(
    `WITH files AS (${files}) SELECT ${key}, i.file, i.low, i.high, min(h.file) AS other, ` +
      `arg_min(h.low, h.file) AS other_low, arg_min(h.high, h.file) AS other_high ` +
      `FROM files i JOIN files h USING (${key}) WHERE i.file < h.file AND ${IS_OVERLAPPING} ` +
      `GROUP BY ${key}, i.file, i.low, i.high ORDER BY ALL`,
  )
  const paths = new Map(all.map((one) => [one.part.source, one.shownPath]))
  const named = (file: string, fromUs: bigint, untilUs: bigint): OverlappingFile => {
    return { path: paths.get(file) ?? file, fromUs, untilUs }
  }
  return rows.map((row) => ({
    ...{ kind: row.kind, venue: row.venue, venueSymbol: row.venue_symbol },
    day: dayText(row.day),
    files: [
      named(row.file, row.low, row.high),
      named(row.other, row.other_low, row.other_high),
    ] as const,
  }))
}

/** @throws SluiceError `invalid-input` where there are any. */
export function refuseInputOverlaps(overlaps: readonly InputOverlap[]): void {
  if (overlaps.length === 0) return
  const named = overlaps.slice(0, MAX_NAMED_OVERLAPS).map(describeInputOverlap)
  const more = overlaps.length - named.length
  throw new SluiceError(
    'invalid-input',
    'Files of the input overlap each other, and one of both has no ids there: equal rows would ' +
      'count twice. Nothing of it was committed. Leave one of each two out, or give the better ' +
      `one in a run of its own, with --take-over:\n${named.join('\n')}` +
      (more > 0 ? `\n  … and ${more} more` : ''),
  )
}

/** One line: what, when, and both files. */
export function describeInputOverlap({ files, ...overlap }: InputOverlap): string {
  const [one, other] = files.map(
    ({ path, fromUs, untilUs }) => `${path} ${timeRangeText(fromUs, untilUs)}`,
  )
  const { kind, venue, venueSymbol, day } = overlap
  return `  ${kind} ${venue} ${venueSymbol} ${day}: ${one}, ${other}`
}

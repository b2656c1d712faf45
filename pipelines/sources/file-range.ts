import { dayText, parseDay } from '../lake/utc-days.ts'

/**
 * Days of a file that are taken, half-open, as UTC days since 1970; undefined: no bound. What has
 * no event time that can be read belongs to the range without a first day.
 */
export interface FileRange {
  readonly fromDay: bigint | undefined
  readonly toDay: bigint | undefined
}

export const WHOLE_FILE: FileRange = { fromDay: undefined, toDay: undefined }

/** A file by its bytes, and by the mapping that reads it where there is one. */
const BYTES = 'file:[0-9a-f]+:[0-9]+(?:@[0-9a-f]{12})?'
const RANGED = new RegExp(`^(${BYTES})@([0-9-]*)\\.\\.([0-9-]*)(?=:|$)`)

/**
 * The source of a file's range: a part of its own, so that its positions say of these days alone
 * how far they were read. `file:<sha256>:<size>@2013-10-07..2013-10-09[:<entry>]`; that of the
 * whole file bears no mark.
 */
export function rangedSource(file: string, range: FileRange): string {
  if (isWhole(range)) return file
  const [from, to] = [range.fromDay, range.toDay].map((day) =>
    day === undefined ? '' : dayText(day),
  )
  const mark = `@${from}..${to}`
  return file.replace(new RegExp(`^${BYTES}`), (bytes) => bytes + mark)
}

/** The file and the range that a source stands for. */
export function fileRangeOf(source: string): { readonly file: string; readonly range: FileRange } {
  const found = RANGED.exec(source)
  if (found === null) return { file: source, range: WHOLE_FILE }
  const [mark, bytes = '', from, to] = found
  const dayOf = (text: string | undefined) => (text ? parseDay(text) : undefined)
  return {
    file: bytes + source.slice(mark.length),
    range: { fromDay: dayOf(from), toDay: dayOf(to) },
  }
}

/** SQL: the file that a column's source stands for. */
export function fileSql(column: string): string {
  return `regexp_replace(${column}, '^(${BYTES})@[0-9-]*\\.\\.[0-9-]*', '\\1')`
}

export function isWhole({ fromDay, toDay }: FileRange): boolean {
  return fromDay === undefined && toDay === undefined
}

/** Whether every day of a range lies in the other, what has no time included. */
export function isWithin(inner: FileRange, outer: FileRange): boolean {
  return withoutRanges(inner, [outer]).length === 0
}

export function isDisjoint(a: FileRange, b: FileRange): boolean {
  const isBefore = (one: FileRange, other: FileRange) =>
    one.toDay !== undefined && other.fromDay !== undefined && one.toDay <= other.fromDay
  return isBefore(a, b) || isBefore(b, a)
}

/** What of a range is in none of the others, ascending and disjoint. */
export function withoutRanges(range: FileRange, others: readonly FileRange[]): FileRange[] {
  return others.reduce<FileRange[]>(
    (rest, other) => rest.flatMap((one) => withoutRange(one, other)),
    [range],
  )
}

function withoutRange(range: FileRange, other: FileRange): FileRange[] {
  if (isDisjoint(range, other)) return [range]
  const rest: FileRange[] = []
  const { fromDay, toDay } = other
  if (fromDay !== undefined && (range.fromDay === undefined || range.fromDay < fromDay)) {
    rest.push({ fromDay: range.fromDay, toDay: fromDay })
  }
  if (toDay !== undefined && (range.toDay === undefined || toDay < range.toDay)) {
    rest.push({ fromDay: toDay, toDay: range.toDay })
  }
  return rest
}

/** `2013-10-07 to 2013-10-09`, as `--from` and `--to` have it; the open ends are left out. */
export function fileRangeText({ fromDay, toDay }: FileRange): string {
  const from = fromDay === undefined ? [] : [`--from ${dayText(fromDay)}`]
  const to = toDay === undefined ? [] : [`--to ${dayText(toDay)}`]
  return from.length + to.length === 0 ? 'neither --from nor --to' : [...from, ...to].join(' ')
}

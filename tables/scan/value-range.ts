import type { SingleValue } from '../spec/single-value.ts'
import { compareValues, utf8Bytes } from './compare-values.ts'

export const comparisonOperators = ['=', '<>', '<', '<=', '>', '>='] as const
export type ComparisonOperator = (typeof comparisonOperators)[number]

/** What is known of a column's values in some rows; undefined is unknown, never "none". */
export interface ValueRange {
  readonly lower: SingleValue | undefined
  /** Undefined also where values above every bound may exist (NaN). */
  readonly upper: SingleValue | undefined
  readonly hasNulls: boolean | undefined
  readonly hasOnlyNulls: boolean | undefined
}

/** A predicate without its column. No null passes any test but `is-null`. */
export type RangeTest =
  | { readonly op: ComparisonOperator; readonly value: SingleValue }
  | { readonly op: 'in' | 'not-in'; readonly values: readonly SingleValue[] }
  | { readonly op: 'starts-with' | 'not-starts-with'; readonly prefix: string }
  | { readonly op: 'is-null' }
  | { readonly op: 'not-null' }

/** False only where no row of the range can pass the test. */
export function mayMatch(range: ValueRange, test: RangeTest): boolean {
  if (test.op === 'is-null') return range.hasNulls !== false
  if (range.hasOnlyNulls === true) return false
  switch (test.op) {
    case 'not-null':
      return true
    case 'in':
      return test.values.some((value) => mayCompare(range, '=', value))
    case 'not-in':
      return !test.values.some((value) => isOnly(range, value))
    case 'starts-with':
      return mayStartWith(range, test.prefix)
    case 'not-starts-with':
      return !(startsWith(range.lower, test.prefix) && startsWith(range.upper, test.prefix))
    case '<>':
      return !isOnly(range, test.value)
    default:
      return mayCompare(range, test.op, test.value)
  }
}

function mayCompare(
  range: ValueRange,
  op: Exclude<ComparisonOperator, '<>'>,
  value: SingleValue,
): boolean {
  const low = range.lower === undefined ? undefined : compareValues(range.lower, value)
  const high = range.upper === undefined ? undefined : compareValues(range.upper, value)
  const reachesDown = low === undefined || low <= 0
  const reachesUp = high === undefined || high >= 0
  switch (op) {
    case '=':
      return reachesDown && reachesUp
    case '<':
      return low === undefined || low < 0
    case '<=':
      return reachesDown
    case '>':
      return high === undefined || high > 0
    case '>=':
      return reachesUp
  }
}

/** True where every value that is not null is this one: both bounds are it, cut ones never are. */
function isOnly({ lower, upper }: ValueRange, value: SingleValue): boolean {
  if (lower === undefined || upper === undefined) return false
  return compareValues(lower, value) === 0 && compareValues(upper, value) === 0
}

/**
 * Texts of one prefix lie side by side in the order of bytes: from the prefix itself up to the
 * last text that starts with it. A bound that was cut only lies further out.
 */
function mayStartWith({ lower, upper }: ValueRange, prefix: string): boolean {
  const wanted = Buffer.from(prefix, 'utf8')
  const low = lower === undefined ? undefined : utf8Bytes(lower)
  const high = upper === undefined ? undefined : utf8Bytes(upper)
  const isAbove = low !== undefined && Buffer.compare(low.subarray(0, wanted.length), wanted) > 0
  const isBelow = high !== undefined && Buffer.compare(high, wanted) < 0
  return !isAbove && !isBelow
}

function startsWith(bound: SingleValue | undefined, prefix: string): boolean {
  const bytes = bound === undefined ? undefined : utf8Bytes(bound)
  if (bytes === undefined) return false
  const wanted = Buffer.from(prefix, 'utf8')
  return Buffer.compare(bytes.subarray(0, wanted.length), wanted) === 0
}

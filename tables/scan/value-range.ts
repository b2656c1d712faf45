import type { SingleValue } from '../spec/single-value.ts'
import { compareValues } from './compare-values.ts'

export const comparisonOperators = ['=', '<', '<=', '>', '>='] as const
export type ComparisonOperator = (typeof comparisonOperators)[number]

/** What is known of a column's values in some rows; undefined is unknown, never "none". */
export interface ValueRange {
  readonly lower: SingleValue | undefined
  /** Undefined also where values above every bound may exist (NaN). */
  readonly upper: SingleValue | undefined
  readonly hasNulls: boolean | undefined
  readonly hasOnlyNulls: boolean | undefined
}

/** A predicate without its column. */
export type RangeTest =
  | { readonly op: ComparisonOperator; readonly value: SingleValue }
  | { readonly op: 'in'; readonly values: readonly SingleValue[] }
  | { readonly op: 'is-null' }
  | { readonly op: 'not-null' }

/** False only where no row of the range can pass the test. */
export function mayMatch(range: ValueRange, test: RangeTest): boolean {
  switch (test.op) {
    case 'is-null':
      return range.hasNulls !== false
    case 'not-null':
      return range.hasOnlyNulls !== true
    case 'in':
      return test.values.some((value) => mayCompare(range, '=', value))
    default:
      return mayCompare(range, test.op, test.value)
  }
}

function mayCompare(range: ValueRange, op: ComparisonOperator, value: SingleValue): boolean {
  if (range.hasOnlyNulls === true) return false
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

import type { FieldSummary, Manifest } from '../spec/manifest.ts'
import type {
  PartitionField,
  PartitionSpec,
  PartitionTuple,
  PartitionValue,
} from '../spec/partition-spec.ts'
import { transformResultType } from '../spec/partition-transform.ts'
import type { PrimitiveType } from '../spec/schema.ts'
import type { SingleValue } from '../spec/single-value.ts'
import type { BoundPredicate, BoundTest } from './column-predicate.ts'
import { leavesOf, treeMayHold } from './predicate-tree.ts'
import { projectTest } from './project-test.ts'
import { readBound } from './read-bound.ts'
import { mayMatch } from './value-range.ts'
import type { RangeTest, ValueRange } from './value-range.ts'

/** A column's test as a test of one partition field's values. */
interface PartitionTest {
  readonly index: number
  readonly field: PartitionField
  readonly type: PrimitiveType
  readonly test: RangeTest
}

/** What a filter says of a spec's partition values. Made once a spec and plan. */
export interface PartitionFilter {
  readonly predicates: readonly BoundPredicate[]
  /** A test of a column that no partition field is made from is not in it. */
  readonly tests: ReadonlyMap<BoundTest, readonly PartitionTest[]>
}

/**
 * Projects predicates onto the partition fields made of their columns. The result passes every
 * partition that holds a matching row.
 */
export function projectFilter(
  spec: PartitionSpec,
  predicates: readonly BoundPredicate[],
): PartitionFilter {
  const tests = new Map<BoundTest, readonly PartitionTest[]>()
  for (const bound of leavesOf<BoundTest>(predicates)) {
    const projected = spec.fields.flatMap((field, index) => {
      if (field['source-id'] !== bound.fieldId) return []
      const test = projectTest(field, bound)
      if (test === undefined) return []
      return [{ index, field, type: transformResultType(field.transform, bound.type), test }]
    })
    if (projected.length > 0) tests.set(bound, projected)
  }
  return { predicates, tests }
}

/** False only where no partition of the manifest can hold a matching row. */
export function manifestMayMatch(manifest: Manifest, filter: PartitionFilter): boolean {
  return everyPredicate(filter, (bound) =>
    testsOf(filter, bound).every(({ index, type, test }) => {
      const summary = manifest.partitions[index]
      return summary === undefined || mayMatch(summaryRange(summary, type), test)
    }),
  )
}

/** False only where no row of this partition can match. */
export function partitionMayMatch(partition: PartitionTuple, filter: PartitionFilter): boolean {
  return everyPredicate(filter, (bound) => testMayMatchPartition(partition, filter, bound))
}

/** The same of one test of the filter. */
export function testMayMatchPartition(
  partition: PartitionTuple,
  filter: PartitionFilter,
  bound: BoundTest,
): boolean {
  return testsOf(filter, bound).every(({ field, type, test }) => {
    const value = partition[field.name]
    return value === undefined || mayMatch(tupleRange(value, type), test)
  })
}

function everyPredicate(filter: PartitionFilter, mayHold: (bound: BoundTest) => boolean): boolean {
  return filter.predicates.every((predicate) => treeMayHold(predicate, mayHold))
}

function testsOf(filter: PartitionFilter, bound: BoundTest): readonly PartitionTest[] {
  return filter.tests.get(bound) ?? []
}

function summaryRange(summary: FieldSummary, type: PrimitiveType): ValueRange {
  // NaN lies outside the bounds, and SQL sorts it above every number.
  const mayHoldNan = (type === 'float' || type === 'double') && summary.containsNan !== false
  return {
    lower: readBound(type, summary.lowerBound),
    upper: mayHoldNan ? undefined : readBound(type, summary.upperBound),
    hasNulls: summary.containsNull,
    // No bounds and nulls may mean "only nulls", or a writer that wrote no bounds.
    hasOnlyNulls: undefined,
  }
}

function tupleRange(value: PartitionValue, type: PrimitiveType): ValueRange {
  if (value === null) {
    return { lower: undefined, upper: undefined, hasNulls: true, hasOnlyNulls: true }
  }
  const known: SingleValue = type === 'long' && typeof value === 'number' ? BigInt(value) : value
  return { lower: known, upper: known, hasNulls: false, hasOnlyNulls: false }
}

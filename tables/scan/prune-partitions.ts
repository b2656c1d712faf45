import type { FieldSummary, Manifest } from '../spec/manifest.ts'
import type {
  PartitionField,
  PartitionSpec,
  PartitionTuple,
  PartitionValue,
} from '../spec/partition-spec.ts'
import { applyTransform, transformResultType, transformShape } from '../spec/partition-transform.ts'
import type { PrimitiveType } from '../spec/schema.ts'
import type { SingleValue } from '../spec/single-value.ts'
import type { BoundPredicate } from './column-predicate.ts'
import { readBound } from './prune-files.ts'
import { mayMatch } from './value-range.ts'
import type { RangeTest, ValueRange } from './value-range.ts'

/** A predicate as a test of one partition field's values. */
interface PartitionTest {
  readonly index: number
  readonly field: PartitionField
  readonly type: PrimitiveType
  readonly test: RangeTest
}

/** What a filter says of a spec's partition values. Made once a spec and plan. */
export interface PartitionFilter {
  readonly tests: readonly PartitionTest[]
}

/**
 * Projects predicates onto the partition fields made of their columns. The result passes every
 * partition that holds a matching row: order-keeping transforms turn `<` into `<=` of the
 * transformed value, a bucket only knows equality.
 */
export function projectFilter(
  spec: PartitionSpec,
  predicates: readonly BoundPredicate[],
): PartitionFilter {
  const tests = spec.fields.flatMap((field, index) =>
    predicates
      .filter((predicate) => predicate.fieldId === field['source-id'])
      .flatMap((predicate) => {
        const test = projectTest(field, predicate)
        if (test === undefined) return []
        return [{ index, field, type: transformResultType(field.transform, predicate.type), test }]
      }),
  )
  return { tests }
}

function projectTest(field: PartitionField, predicate: BoundPredicate): RangeTest | undefined {
  const { kind } = transformShape(field.transform)
  const { test, type } = predicate
  if (kind === 'void') return undefined
  // No transform but void makes a null of a value or a value of a null.
  if (test.op === 'is-null' || test.op === 'not-null') return test
  if (kind === 'bucket' && test.op !== '=' && test.op !== 'in') return undefined
  const isFloating = type === 'float' || type === 'double'
  // A partition field over floats may hold NaN, which has no place in the order of bounds.
  if (isFloating) return undefined
  const project = (value: SingleValue): SingleValue | undefined =>
    applyTransform(field.transform, type, value) ?? undefined
  if (test.op === 'in') {
    const values = test.values.map(project)
    return values.every((value) => value !== undefined) ? { op: 'in', values } : undefined
  }
  const value = project(test.value)
  if (value === undefined) return undefined
  if (test.op === '<' && kind !== 'identity') return { op: '<=', value }
  if (test.op === '>' && kind !== 'identity') return { op: '>=', value }
  return { op: test.op, value }
}

/** False only where no partition of the manifest can hold a matching row. */
export function manifestMayMatch(manifest: Manifest, filter: PartitionFilter): boolean {
  return filter.tests.every(({ index, type, test }) => {
    const summary = manifest.partitions[index]
    return summary === undefined || mayMatch(summaryRange(summary, type), test)
  })
}

function summaryRange(summary: FieldSummary, type: PrimitiveType): ValueRange {
  return {
    lower: readBound(type, summary.lowerBound),
    upper: readBound(type, summary.upperBound),
    hasNulls: summary.containsNull,
    // No bounds and nulls may mean "only nulls", or a writer that wrote no bounds.
    hasOnlyNulls: undefined,
  }
}

/** False only where no row of this partition can match. */
export function partitionMayMatch(partition: PartitionTuple, filter: PartitionFilter): boolean {
  return filter.tests.every(({ field, test }) => {
    const value: PartitionValue | undefined = partition[field.name]
    if (value === undefined) return true
    const isNull = value === null
    const known = isNull ? undefined : value
    return mayMatch({ lower: known, upper: known, hasNulls: isNull, hasOnlyNulls: isNull }, test)
  })
}

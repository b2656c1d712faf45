import type { PartitionField } from '../spec/partition-spec.ts'
import { applyTransform, transformShape } from '../spec/partition-transform.ts'
import type { TransformShape } from '../spec/partition-transform.ts'
import { primitiveShape } from '../spec/primitive-type.ts'
import type { PrimitiveType } from '../spec/schema.ts'
import type { SingleValue } from '../spec/single-value.ts'
import type { BoundTest } from './column-predicate.ts'
import type { RangeTest } from './value-range.ts'

/**
 * A test of a column as a test of a partition field that is made from it: one that every
 * partition with a matching row passes. Undefined where the transform tells nothing of it (void,
 * order in buckets, what is not equal below a transform that joins values) or is not known here.
 */
export function projectTest(field: PartitionField, bound: BoundTest): RangeTest | undefined {
  try {
    const shape = transformShape(field.transform)
    return shape.kind === 'void' ? undefined : project(field, shape, bound)
  } catch {
    // A transform of a newer format, or one that does not take the value: it proves nothing.
    return undefined
  }
}

function project(
  field: PartitionField,
  shape: TransformShape,
  { type, test }: BoundTest,
): RangeTest | undefined {
  // No transform but void makes a null of a value or a value of a null.
  if (test.op === 'is-null' || test.op === 'not-null' || shape.kind === 'identity') return test
  const transformed = (value: SingleValue): SingleValue => {
    const result = applyTransform(field.transform, type, value)
    if (result === null) throw new RangeError(`${field.transform} made a null of a value`)
    return result
  }
  switch (test.op) {
    case '=':
      return equalityTest(shape, [transformed(test.value)])
    case 'in':
      return equalityTest(shape, test.values.map(transformed))
    case '<>':
    case 'not-in':
      return undefined
    case 'starts-with':
    case 'not-starts-with':
      return prefixTest(shape, test, transformed)
    default:
      return orderTest(shape, type, test.op, test.value, transformed)
  }
}

/**
 * Writers of Iceberg 0.x rounded times before 1970 towards it, so that such a partition may carry
 * the number after the right one. Source: ProjectionUtil.fixInclusiveTimeProjection of the
 * reference implementation.
 */
function equalityTest(shape: TransformShape, values: readonly SingleValue[]): RangeTest {
  if (!isTimePart(shape)) return { op: 'in', values }
  return {
    op: 'in',
    values: values.flatMap((value) =>
      typeof value === 'number' && value < 0 ? [value, value + 1] : [value],
    ),
  }
}

/** Order is kept by every transform but buckets; `<` becomes `<=` of the next lower value. */
function orderTest(
  shape: TransformShape,
  type: PrimitiveType,
  op: '<' | '<=' | '>' | '>=',
  value: SingleValue,
  transformed: (value: SingleValue) => SingleValue,
): RangeTest | undefined {
  if (shape.kind === 'bucket') return undefined
  if (op === '>' || op === '>=') {
    return { op: '>=', value: transformed(op === '>' ? neighbour(type, value, 1) : value) }
  }
  const upper = transformed(op === '<' ? neighbour(type, value, -1) : value)
  const isOldRounding = isTimePart(shape) && typeof upper === 'number' && upper < 0
  return { op: '<=', value: isOldRounding ? upper + 1 : upper }
}

/** The next value up or down where a type has such; else the value itself, which is only wider. */
function neighbour(type: PrimitiveType, value: SingleValue, step: 1 | -1): SingleValue {
  const { kind } = primitiveShape(type)
  if (kind === 'float' || kind === 'double') return value
  if (typeof value === 'bigint') return value + BigInt(step)
  return typeof value === 'number' ? value + step : value
}

/** A prefix that is not longer than what a truncated text keeps can be asked of it. */
function prefixTest(
  shape: TransformShape,
  test: Extract<RangeTest, { readonly prefix: string }>,
  transformed: (value: SingleValue) => SingleValue,
): RangeTest | undefined {
  if (shape.kind !== 'truncate') return undefined
  if (Array.from(test.prefix).length <= shape.width) return test
  return test.op === 'starts-with' ? { op: '=', value: transformed(test.prefix) } : undefined
}

function isTimePart({ kind }: TransformShape): boolean {
  return kind === 'year' || kind === 'month' || kind === 'day' || kind === 'hour'
}

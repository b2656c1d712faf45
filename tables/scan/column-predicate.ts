import { SluiceError } from '../errors.ts'
import { primitiveShape } from '../spec/primitive-type.ts'
import { findFieldByName } from '../spec/schema-fields.ts'
import { parentsOf } from '../spec/schema-rules.ts'
import type { PrimitiveType, Schema } from '../spec/schema.ts'
import type { SingleValue } from '../spec/single-value.ts'
import { mapTree } from './predicate-tree.ts'
import type { PredicateTree } from './predicate-tree.ts'
import type { ComparisonOperator, RangeTest } from './value-range.ts'
import { parseDays, parseDecimal } from '../write/parse-statistic.ts'

/**
 * A value in a predicate: timestamps and times bigint µs, dates days since 1970 or `YYYY-MM-DD`,
 * decimals exact text or bigint unscaled, long bigint or a whole number.
 */
export type PredicateValue = SingleValue

/** What one column must hold. As in SQL a null passes `is-null` and nothing else. */
export type ColumnTest =
  | { readonly column: string; readonly op: ComparisonOperator; readonly value: PredicateValue }
  | {
      readonly column: string
      readonly op: 'in' | 'not-in'
      readonly values: readonly PredicateValue[]
    }
  | {
      readonly column: string
      readonly op: 'starts-with' | 'not-starts-with'
      readonly prefix: string
    }
  | { readonly column: string; readonly op: 'is-null' }
  | { readonly column: string; readonly op: 'not-null' }

/**
 * What rows must hold: a test, or `{op: 'and' | 'or', operands}` of such; all predicates of a
 * filter together. A plan only leaves out files in which no row can match: whoever reads the plan
 * still filters.
 */
export type ColumnPredicate = PredicateTree<ColumnTest>

/** A test bound to a column by field id, its values in single-value form. */
export interface BoundTest {
  readonly fieldId: number
  readonly type: PrimitiveType
  readonly test: RangeTest
  /** It is a member of a struct: where that is null, the column is. */
  readonly isNested?: boolean
}

export type BoundPredicate = PredicateTree<BoundTest>

/**
 * Binds a filter to a schema; a member of a struct is named by its dotted name. Tests of columns
 * inside of lists and maps and of values that have no exact form in the column's type prune nothing
 * and are left out. Throws `invalid-input` for an unknown column.
 */
export function bindPredicates(
  schema: Schema,
  filter: readonly ColumnPredicate[],
): readonly BoundPredicate[] {
  return filter.flatMap((predicate) => {
    const bound = mapTree(predicate, (test) => bindTest(schema, test))
    return bound === undefined ? [] : [bound]
  })
}

function bindTest(schema: Schema, columnTest: ColumnTest): BoundTest | undefined {
  const field = findFieldByName(schema, columnTest.column)
  if (field === undefined) throw unknownColumn(schema, columnTest.column)
  if (typeof field.type !== 'string') return undefined
  const parents = schema.fields.includes(field) ? [] : parentsOf(schema, field.id)
  // A row has many values of a column in a list or map, and their bounds are not a row's.
  if (parents.some(({ type }) => typeof type === 'string' || type.type !== 'struct'))
    return undefined
  const test = rangeTest(field.type, columnTest)
  const isNested = parents.length > 0
  return test === undefined ? undefined : { fieldId: field.id, type: field.type, test, isNested }
}

function rangeTest(type: PrimitiveType, test: ColumnTest): RangeTest | undefined {
  switch (test.op) {
    case 'is-null':
    case 'not-null':
      return { op: test.op }
    case 'starts-with':
    case 'not-starts-with':
      return type === 'string' ? { op: test.op, prefix: test.prefix } : undefined
    case 'in':
    case 'not-in': {
      const values = test.values.map((value) => toColumnValue(type, value))
      if (!values.every((value) => value !== undefined)) return undefined
      return { op: test.op, values }
    }
    default: {
      const value = toColumnValue(type, test.value)
      return value === undefined ? undefined : { op: test.op, value }
    }
  }
}

/** Undefined where the type cannot hold the value exactly, or where it has no order (NaN). */
function toColumnValue(type: PrimitiveType, value: PredicateValue): SingleValue | undefined {
  const shape = primitiveShape(type)
  switch (shape.kind) {
    case 'long':
    case 'time':
    case 'timestamp':
    case 'timestamptz':
      return toBigInt(value)
    case 'decimal':
      return typeof value === 'string' ? parseDecimal(shape.scale, value) : toBigInt(value)
    case 'int':
      return toNumber(value)
    case 'date':
      return typeof value === 'string' ? parseDays(value) : toNumber(value)
    case 'float':
    case 'double':
      return typeof value === 'number' && !Number.isNaN(value) ? value : undefined
    case 'boolean':
      return typeof value === 'boolean' ? value : undefined
    case 'string':
      return typeof value === 'string' ? value : undefined
    case 'uuid':
      return typeof value === 'string' ? value.toLowerCase() : undefined
    case 'binary':
    case 'fixed':
      return value instanceof Uint8Array ? value : undefined
    // Values of the SQL come in µs, bounds of these types are ns: to test them would be wrong.
    case 'timestamp_ns':
    case 'timestamptz_ns':
    case 'unknown':
      return undefined
  }
}

function toBigInt(value: PredicateValue): bigint | undefined {
  if (typeof value === 'bigint') return value
  return typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : undefined
}

function toNumber(value: PredicateValue): number | undefined {
  const number = typeof value === 'bigint' ? Number(value) : value
  return typeof number === 'number' && Number.isSafeInteger(number) ? number : undefined
}

function unknownColumn(schema: Schema, column: string): SluiceError {
  const names = schema.fields.map((field) => field.name).join(', ')
  return new SluiceError(
    'invalid-input',
    `There is no column ${column} to filter by; nothing was read. The columns are: ${names}.`,
  )
}

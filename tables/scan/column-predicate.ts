import { SluiceError } from '../errors.ts'
import { primitiveShape } from '../spec/primitive-type.ts'
import { findFieldByName } from '../spec/schema-fields.ts'
import type { PrimitiveType, Schema } from '../spec/schema.ts'
import type { SingleValue } from '../spec/single-value.ts'
import type { ComparisonOperator, RangeTest } from './value-range.ts'
import { parseDays, parseDecimal } from '../write/parse-statistic.ts'

/**
 * A value in a predicate: timestamps and times bigint µs, dates days since 1970 or `YYYY-MM-DD`,
 * decimals exact text or bigint unscaled, long bigint or a whole number.
 */
export type PredicateValue = SingleValue

/**
 * What rows must hold; all predicates of a filter together. A plan only leaves out files in which
 * no row can match: whoever reads the plan still filters. As in SQL a null matches no comparison.
 */
export type ColumnPredicate =
  | { readonly column: string; readonly op: ComparisonOperator; readonly value: PredicateValue }
  | { readonly column: string; readonly op: 'in'; readonly values: readonly PredicateValue[] }
  | { readonly column: string; readonly op: 'is-null' }
  | { readonly column: string; readonly op: 'not-null' }

/** A predicate bound to a column by field id, its values in single-value form. */
export interface BoundPredicate {
  readonly fieldId: number
  readonly type: PrimitiveType
  readonly test: RangeTest
}

/**
 * Binds a filter to a schema. Predicates on nested columns and values that have no exact form in
 * the column's type prune nothing and are left out. Throws `invalid-input` for an unknown column.
 */
export function bindPredicates(
  schema: Schema,
  filter: readonly ColumnPredicate[],
): readonly BoundPredicate[] {
  return filter.flatMap((predicate) => {
    const bound = bindPredicate(schema, predicate)
    return bound === undefined ? [] : [bound]
  })
}

function bindPredicate(schema: Schema, predicate: ColumnPredicate): BoundPredicate | undefined {
  const field = findFieldByName(schema, predicate.column)
  if (field === undefined) throw unknownColumn(schema, predicate.column)
  if (typeof field.type !== 'string' || !schema.fields.includes(field)) return undefined
  const column = { fieldId: field.id, type: field.type }
  switch (predicate.op) {
    case 'is-null':
    case 'not-null':
      return { ...column, test: { op: predicate.op } }
    case 'in': {
      const values = predicate.values.map((value) => toColumnValue(column.type, value))
      if (!values.every((value) => value !== undefined)) return undefined
      return { ...column, test: { op: 'in', values } }
    }
    default: {
      const value = toColumnValue(column.type, predicate.value)
      return value === undefined ? undefined : { ...column, test: { op: predicate.op, value } }
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
    case 'binary':
      return value instanceof Uint8Array ? value : undefined
    case 'fixed':
    case 'uuid':
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

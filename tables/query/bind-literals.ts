import { columnType } from '../engine/column-type.ts'
import type { Session } from '../engine/engine.ts'
import { isErrorKind } from '../errors.ts'
import type { ColumnPredicate, PredicateValue } from '../scan/plan-scan.ts'
import type { ColumnTest } from '../scan/column-predicate.ts'
import { leavesOf, mapTree } from '../scan/predicate-tree.ts'
import { primitiveShape } from '../spec/primitive-type.ts'
import type { PrimitiveShape } from '../spec/primitive-type.ts'
import { findFieldByName } from '../spec/schema-fields.ts'
import { parentsOf } from '../spec/schema-rules.ts'
import type { PrimitiveType, Schema, SchemaField } from '../spec/schema.ts'
import { expressionsText } from './expression-text.ts'
import { isDoubleConstant, isTextConstant } from './read-predicate.ts'
import type { ColumnNames, LiteralPredicate, LiteralTest } from './read-predicate.ts'
import { isNode } from './syntax-tree.ts'
import type { SyntaxNode } from './syntax-tree.ts'

/** More literals than this take longer to evaluate than the files that they could leave out. */
const LITERAL_COUNT_MAX = 2000

type ValueTest = Extract<LiteralTest, { readonly literals: readonly SyntaxNode[] }>

/** Each literal's value in the type of the column that it is compared with. */
type LiteralValues = ReadonlyMap<SyntaxNode, PredicateValue>

/**
 * A predicate with its literals as values of the columns' types, computed by the engine itself.
 * A literal that the column's type does not hold exactly, or that the engine would compare as
 * another type (numbers with texts), is unknown: pruning is never a guess. Undefined where
 * nothing is known of the whole.
 */
export async function bindLiterals(
  session: Session,
  schema: Schema,
  predicate: LiteralPredicate,
): Promise<ColumnPredicate | undefined> {
  const tests = leavesOf<LiteralTest>([predicate])
  const values = await literalValues(session, schema, tests)
  return mapTree(predicate, (test) => bindTest(schema, values, test))
}

function bindTest(
  schema: Schema,
  values: LiteralValues,
  test: LiteralTest,
): ColumnTest | undefined {
  const field = columnOf(schema, test.column)
  if (field === undefined) return undefined
  const column = field.name
  if (isValueTest(test)) return valueTest(column, test, values)
  switch (test.op) {
    case 'is-true':
    case 'is-false':
      // The engine takes a number for a condition too; only a truth value is one as it stands.
      return field.type === 'boolean'
        ? { column, op: '=', value: test.op === 'is-true' }
        : undefined
    default:
      return 'prefix' in test
        ? { column, op: test.op, prefix: test.prefix }
        : { column, op: test.op }
  }
}

function valueTest(column: string, test: ValueTest, values: LiteralValues): ColumnTest | undefined {
  const known = test.literals.map((literal) => values.get(literal))
  if (!known.every((value) => value !== undefined)) return undefined
  if (test.op === 'in' || test.op === 'not-in') return { column, op: test.op, values: known }
  const [value] = known
  return value === undefined ? undefined : { column, op: test.op, value }
}

interface Column {
  readonly name: string
  readonly type: PrimitiveType
}

/**
 * SQL names have no case; where two names of one struct differ in case only there is no column,
 * and none where the dotted name of a member is a column's own.
 */
function columnOf(schema: Schema, names: ColumnNames): Column | undefined {
  let fields = schema.fields
  let found: SchemaField | undefined
  for (const name of names) {
    const same = fields.filter((field) => field.name.toLowerCase() === name.toLowerCase())
    found = same.length === 1 ? same[0] : undefined
    const type = found?.type
    fields = typeof type === 'object' && type.type === 'struct' ? type.fields : []
  }
  if (found === undefined || typeof found.type !== 'string') return undefined
  const name = namesOf(schema, found).join('.')
  return findFieldByName(schema, name) === found ? { name, type: found.type } : undefined
}

/** The names as the schema spells them. */
function namesOf(schema: Schema, field: SchemaField): readonly string[] {
  const parents = parentsOf(schema, field.id).map((parent) => parent.name)
  return [...parents.reverse(), field.name]
}

async function literalValues(
  session: Session,
  schema: Schema,
  tests: readonly LiteralTest[],
): Promise<LiteralValues> {
  const items = tests.flatMap((test) => {
    const column = columnOf(schema, test.column)
    if (column === undefined || !isValueTest(test)) return []
    return test.literals.map((literal) => ({ literal, type: column.type }))
  })
  if (items.length === 0 || items.length > LITERAL_COUNT_MAX) return new Map()
  const literals = items.map(({ literal }) => literal)
  const columns = items.flatMap(({ type, literal }, index) => evaluation(type, literal, index))
  try {
    const [row] = await session.rows<Record<string, PredicateValue | null>>(
      `SELECT ${columns.join(', ')} FROM (${await expressionsText(session, literals)})`,
    )
    const values = new Map<SyntaxNode, PredicateValue>()
    for (const [index, { literal, type }] of items.entries()) {
      const value = row === undefined ? undefined : valueOf(row, index, type, literal)
      if (value !== undefined) values.set(literal, value)
    }
    return values
  } catch (error) {
    // Types that cannot be compared at all: the statement itself will say so.
    if (isErrorKind(error, 'invalid-input')) return new Map()
    throw error
  }
}

function isValueTest(test: LiteralTest): test is ValueTest {
  return 'literals' in test
}

/** Value, type and exactness of a literal as columns of the row that evaluates all of them. */
function evaluation(type: PrimitiveType, literal: SyntaxNode, index: number): readonly string[] {
  const cast = `TRY_CAST(l${index} AS ${columnType(type)})`
  const value = type === 'time' ? `epoch_us(${cast})` : cast
  const isExact = isTextConstant(literal) ? 'true' : `TRY(${cast} = l${index})`
  return [`${value} AS v${index}`, `typeof(l${index}) AS k${index}`, `${isExact} AS e${index}`]
}

function valueOf(
  row: Readonly<Record<string, PredicateValue | null>>,
  index: number,
  type: PrimitiveType,
  literal: SyntaxNode,
): PredicateValue | undefined {
  const shape = primitiveShape(type)
  const value = row[`v${index}`] ?? undefined
  if (value === undefined || row[`e${index}`] !== true || isInfiniteTime(value)) return undefined
  if (!isComparedAsColumn(shape, String(row[`k${index}`]), literal)) return undefined
  if (shape.kind === 'float' || shape.kind === 'double') return doubleValue(literal, value)
  return isTextConstant(literal) && !isExactText(shape, literal) ? undefined : value
}

/** The largest and smallest µs stand for the two infinities, which no partition number has. */
function isInfiniteTime(value: PredicateValue): boolean {
  return typeof value === 'bigint' && (value >= 2n ** 63n - 1n || value <= -(2n ** 63n) + 1n)
}

/** The engine's text of a double reads as a decimal, so a double constant is taken as it is. */
function doubleValue(literal: SyntaxNode, value: PredicateValue): PredicateValue | undefined {
  if (!isDoubleConstant(literal)) return value
  const written = isNode(literal.value) ? literal.value.value : undefined
  const number = Number(String(written))
  return Number.isFinite(number) ? number : undefined
}

const wholeNumber = /^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER)$/
const exactNumber = /^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|DECIMAL\(.*\))$/
const anyNumber = /^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|DECIMAL\(.*\)|FLOAT|DOUBLE)$/

function isComparedAsColumn(shape: PrimitiveShape, kind: string, literal: SyntaxNode): boolean {
  const isText = kind === 'VARCHAR'
  if (shape.kind === 'string') return isText
  // A bare text takes the column's type; one that was cast to VARCHAR does not.
  if (isText) return isTextConstant(literal)
  switch (shape.kind) {
    case 'int':
    case 'long':
    case 'decimal':
      // A double constant looks like a decimal here, but is compared as a double.
      return exactNumber.test(kind) && !isDoubleConstant(literal)
    case 'double':
      return anyNumber.test(kind)
    case 'float':
      return wholeNumber.test(kind) || kind === 'FLOAT'
    case 'date':
    case 'timestamp':
    case 'timestamptz':
      return /^(DATE|TIMESTAMP( WITH TIME ZONE)?)$/.test(kind)
    case 'boolean':
      return kind === 'BOOLEAN'
    case 'time':
      return kind === 'TIME'
    case 'uuid':
      return kind === 'UUID'
    case 'binary':
    case 'fixed':
      return kind === 'BLOB'
    case 'timestamp_ns':
    case 'timestamptz_ns':
    case 'unknown':
      return false
  }
}

/**
 * A bare text beside other literals (in a list, in BETWEEN) may be read as their common type, so
 * it counts only where it means the same in every type that can hold it.
 */
function isExactText(shape: PrimitiveShape, literal: SyntaxNode): boolean {
  const text = isNode(literal.value) ? String(literal.value.value) : ''
  switch (shape.kind) {
    case 'int':
    case 'long':
      return /^-?\d+$/.test(text)
    case 'decimal': {
      const fraction = /^-?\d+(?:\.(\d+))?$/.exec(text)
      return fraction !== null && (fraction[1] ?? '').length <= shape.scale
    }
    case 'date':
      return /^\d{4}-\d{2}-\d{2}$/.test(text)
    case 'timestamp':
    case 'timestamptz':
    case 'time':
      return !/\.\d{7}/.test(text)
    default:
      return true
  }
}

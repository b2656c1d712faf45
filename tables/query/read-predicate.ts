import { isGroup, joinTrees } from '../scan/predicate-tree.ts'
import type { PredicateTree } from '../scan/predicate-tree.ts'
import type { ComparisonOperator } from '../scan/value-range.ts'
import { isNode, nodesOf, textOf } from './syntax-tree.ts'
import type { SyntaxNode } from './syntax-tree.ts'

/** A column as a statement names it: from the outermost one down through structs. */
export type ColumnNames = readonly string[]

/** A test of a column against literals, not yet bound to the column's type. */
export type LiteralTest =
  | {
      readonly column: ColumnNames
      readonly op: ComparisonOperator | 'in' | 'not-in'
      readonly literals: readonly SyntaxNode[]
    }
  | {
      readonly column: ColumnNames
      readonly op: 'starts-with' | 'not-starts-with'
      readonly prefix: string
    }
  | { readonly column: ColumnNames; readonly op: 'is-null' | 'not-null' }
  | { readonly column: ColumnNames; readonly op: 'is-true' | 'is-false' }

export type LiteralPredicate = PredicateTree<LiteralTest>

/** The column that an expression is; undefined where it is none of the table's. */
export type ColumnOf = (expression: unknown) => ColumnNames | undefined

const comparisons: Readonly<Record<string, ComparisonOperator>> = {
  COMPARE_EQUAL: '=',
  COMPARE_NOTEQUAL: '<>',
  COMPARE_LESSTHAN: '<',
  COMPARE_LESSTHANOREQUALTO: '<=',
  COMPARE_GREATERTHAN: '>',
  COMPARE_GREATERTHANOREQUALTO: '>=',
}

const mirrored: Readonly<Record<ComparisonOperator, ComparisonOperator>> = {
  '=': '=',
  '<>': '<>',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
}

const negated: Readonly<Record<ComparisonOperator, ComparisonOperator>> = {
  '=': '<>',
  '<>': '=',
  '<': '>=',
  '<=': '>',
  '>': '<=',
  '>=': '<',
}

/**
 * What a condition says of one table's columns; undefined where it says nothing that can be
 * known. A NOT is carried down to the tests, where it turns them round: in SQL both a test and
 * its opposite refuse a null, so a row that passes NOT (a AND b) passes NOT a OR NOT b.
 */
export function readPredicate(
  condition: unknown,
  columnOf: ColumnOf,
  isNegated = false,
): LiteralPredicate | undefined {
  if (!isNode(condition)) return undefined
  const children = nodesOf(condition, 'children')
  const [first, second] = children
  switch (condition.type) {
    case 'CONJUNCTION_AND':
    case 'CONJUNCTION_OR': {
      const isAnd = (condition.type === 'CONJUNCTION_AND') !== isNegated
      const operands = children.map((child) => readPredicate(child, columnOf, isNegated))
      return joinTrees(isAnd ? 'and' : 'or', operands)
    }
    case 'OPERATOR_NOT':
      return readPredicate(first, columnOf, !isNegated)
    case 'OPERATOR_IS_NULL':
    case 'OPERATOR_IS_NOT_NULL':
      return nullTest(columnOf(first), (condition.type === 'OPERATOR_IS_NULL') !== isNegated)
    case 'COMPARE_IN':
    case 'COMPARE_NOT_IN': {
      const op = (condition.type === 'COMPARE_IN') !== isNegated ? 'in' : 'not-in'
      return literalTest(columnOf(first), op, children.slice(1))
    }
    case 'COMPARE_BETWEEN':
      return readBetween(condition, columnOf, isNegated)
    case 'COMPARE_DISTINCT_FROM':
    case 'COMPARE_NOT_DISTINCT_FROM': {
      const isSame = (condition.type === 'COMPARE_NOT_DISTINCT_FROM') !== isNegated
      return (
        distinctTest(columnOf(condition.left), condition.right, isSame) ??
        distinctTest(columnOf(condition.right), condition.left, isSame)
      )
    }
    case 'COLUMN_REF': {
      const column = columnOf(condition)
      return column === undefined ? undefined : { column, op: isNegated ? 'is-false' : 'is-true' }
    }
    case 'FUNCTION':
      return prefixTest(textOf(condition, 'function_name'), columnOf(first), second, isNegated)
    default:
      return readComparison(condition, columnOf, isNegated)
  }
}

/** True where a row of nothing but nulls may pass. */
export function acceptsNulls(predicate: LiteralPredicate): boolean {
  if (!isGroup(predicate)) return predicate.op === 'is-null'
  return predicate.op === 'and'
    ? predicate.operands.every(acceptsNulls)
    : predicate.operands.some(acceptsNulls)
}

function readComparison(
  condition: SyntaxNode,
  columnOf: ColumnOf,
  isNegated: boolean,
): LiteralPredicate | undefined {
  const written = comparisons[String(condition.type)]
  if (written === undefined) return undefined
  const op = isNegated ? negated[written] : written
  return (
    literalTest(columnOf(condition.left), op, [condition.right]) ??
    literalTest(columnOf(condition.right), mirrored[op], [condition.left])
  )
}

function readBetween(
  condition: SyntaxNode,
  columnOf: ColumnOf,
  isNegated: boolean,
): LiteralPredicate | undefined {
  const column = columnOf(condition.input)
  return joinTrees(isNegated ? 'or' : 'and', [
    literalTest(column, isNegated ? '<' : '>=', [condition.lower]),
    literalTest(column, isNegated ? '>' : '<=', [condition.upper]),
  ])
}

function nullTest(column: ColumnNames | undefined, isNull: boolean): LiteralTest | undefined {
  return column === undefined ? undefined : { column, op: isNull ? 'is-null' : 'not-null' }
}

/** IS [NOT] DISTINCT FROM: a null is a value like others. */
function distinctTest(
  column: ColumnNames | undefined,
  literal: unknown,
  isSame: boolean,
): LiteralPredicate | undefined {
  if (isNullLiteral(literal)) return nullTest(column, isSame)
  const test = literalTest(column, isSame ? '=' : '<>', [literal])
  return isSame ? test : joinTrees('or', [test, nullTest(column, true)])
}

function literalTest(
  column: ColumnNames | undefined,
  op: ComparisonOperator | 'in' | 'not-in',
  literals: readonly unknown[],
): LiteralTest | undefined {
  if (column === undefined || literals.length === 0) return undefined
  const nodes = literals.filter(isNode)
  if (nodes.length !== literals.length || !nodes.every(isLiteral)) return undefined
  return { column, op, literals: nodes }
}

/**
 * A constant, or casts of one: what it is does not hang on a row. Not casts of a double, whose
 * text comes back from the engine as a decimal, which is cast in another way.
 */
function isLiteral(node: SyntaxNode): boolean {
  if (node.class === 'CONSTANT') return true
  if (node.class !== 'CAST' || !isNode(node.child)) return false
  return !isDoubleConstant(node.child) && isLiteral(node.child)
}

/** True for 1.5e0 and the like. */
export function isDoubleConstant(node: SyntaxNode): boolean {
  const id = constantType(node)
  return id === 'DOUBLE' || id === 'FLOAT'
}

/** True for a text as it stands, which takes the type of what it is compared with. */
export function isTextConstant(node: SyntaxNode): boolean {
  return constantType(node) === 'VARCHAR'
}

function constantType(node: SyntaxNode): unknown {
  if (node.class !== 'CONSTANT' || !isNode(node.value)) return undefined
  return isNode(node.value.type) ? node.value.type.id : undefined
}

function isNullLiteral(literal: unknown): boolean {
  if (!isNode(literal) || literal.class !== 'CONSTANT') return false
  return isNode(literal.value) && literal.value.is_null === true
}

const prefixFunctions: ReadonlySet<string> = new Set(['starts_with', 'prefix', '^@'])

/** starts_with, and LIKE whose pattern begins with plain text; without ESCAPE nothing escapes. */
function prefixTest(
  name: string,
  column: ColumnNames | undefined,
  argument: SyntaxNode | undefined,
  isNegated: boolean,
): LiteralTest | undefined {
  const text = textLiteral(argument)
  if (column === undefined || text === undefined || text === '') return undefined
  if (prefixFunctions.has(name)) {
    return { column, op: isNegated ? 'not-starts-with' : 'starts-with', prefix: text }
  }
  if (name !== '~~' && name !== '!~~') return undefined
  const isWanted = (name === '~~') !== isNegated
  const prefix = /^[^%_]*/.exec(text)?.[0] ?? ''
  const rest = text.slice(prefix.length)
  if (rest === '' && argument !== undefined) {
    return { column, op: isWanted ? '=' : '<>', literals: [argument] }
  }
  if (prefix === '') return undefined
  if (isWanted) return { column, op: 'starts-with', prefix }
  // Only `x%` says no more than its prefix does.
  return rest === '%' ? { column, op: 'not-starts-with', prefix } : undefined
}

function textLiteral(node: SyntaxNode | undefined): string | undefined {
  if (node === undefined || !isTextConstant(node) || !isNode(node.value)) return undefined
  return typeof node.value.value === 'string' ? node.value.value : undefined
}

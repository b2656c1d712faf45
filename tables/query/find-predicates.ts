import { isNode, nodesOf, textOf } from './syntax-tree.ts'
import type { SyntaxNode } from './syntax-tree.ts'
import type { ComparisonOperator } from '../scan/value-range.ts'

/** `column op literal` at the top of a WHERE, not yet bound to the column's type. */
export interface LiteralPredicate {
  readonly column: string
  readonly op: ComparisonOperator | 'in'
  readonly literals: readonly SyntaxNode[]
}

const operators: Readonly<Record<string, ComparisonOperator>> = {
  COMPARE_EQUAL: '=',
  COMPARE_LESSTHAN: '<',
  COMPARE_LESSTHANOREQUALTO: '<=',
  COMPARE_GREATERTHAN: '>',
  COMPARE_GREATERTHANOREQUALTO: '>=',
}

const mirrored: Readonly<Record<ComparisonOperator, ComparisonOperator>> = {
  '=': '=',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
}

/**
 * The predicates of a SELECT that may be used to leave out files of the table `reference`, one of
 * its own. All of them refuse null, so they hold below outer joins too: a row that is left out
 * could only have come back as nulls, which the WHERE refuses. Not below ASOF and POSITIONAL
 * joins, where a row decides what others match, nor under a sample.
 */
export function findPredicates(
  select: SyntaxNode,
  reference: SyntaxNode,
): readonly LiteralPredicate[] {
  const from = select.from_table
  if (!isNode(from) || !isNode(select.where_clause)) return []
  const tables = tablesOf(from)
  if (tables === undefined || !tables.includes(reference)) return []
  if (isNode(reference.sample) || nodesLength(reference.column_name_alias) > 0) return []
  const names = namesOf(reference)
  const isOnly = tables.length === 1
  return conjunctsOf(select.where_clause).flatMap((conjunct) =>
    predicatesOf(conjunct, (column) => ownColumn(column, names, isOnly)),
  )
}

/** The tables of a FROM of plain joins; undefined where something else takes part. */
function tablesOf(from: SyntaxNode): readonly SyntaxNode[] | undefined {
  if (from.type === 'BASE_TABLE') return [from]
  const isPlain =
    from.type === 'JOIN' &&
    !isNode(from.sample) &&
    (from.ref_type === 'REGULAR' || from.ref_type === 'CROSS')
  if (!isPlain || !isNode(from.left) || !isNode(from.right)) return undefined
  const left = tablesOf(from.left)
  const right = tablesOf(from.right)
  return left === undefined || right === undefined ? undefined : [...left, ...right]
}

function namesOf(reference: SyntaxNode): readonly string[] {
  const alias = textOf(reference, 'alias')
  const table = textOf(reference, 'table_name')
  if (alias !== '') return [alias.toLowerCase()]
  return [table.toLowerCase(), `${textOf(reference, 'schema_name')}.${table}`.toLowerCase()]
}

/** The column's name where the expression surely means this table. */
function ownColumn(
  expression: unknown,
  names: readonly string[],
  isOnly: boolean,
): string | undefined {
  if (!isNode(expression) || expression.class !== 'COLUMN_REF') return undefined
  const parts = expression.column_names
  if (!Array.isArray(parts)) return undefined
  const column: unknown = parts.at(-1)
  if (typeof column !== 'string') return undefined
  if (parts.length === 1) return isOnly ? column : undefined
  return names.includes(parts.slice(0, -1).join('.').toLowerCase()) ? column : undefined
}

function conjunctsOf(where: SyntaxNode): readonly SyntaxNode[] {
  if (where.type !== 'CONJUNCTION_AND') return [where]
  return nodesOf(where, 'children').flatMap(conjunctsOf)
}

function predicatesOf(
  conjunct: SyntaxNode,
  columnOf: (expression: unknown) => string | undefined,
): readonly LiteralPredicate[] {
  if (conjunct.class === 'COMPARISON') {
    const op = operators[String(conjunct.type)]
    if (op === undefined) return []
    return [
      ...compare(columnOf(conjunct.left), op, [conjunct.right]),
      ...compare(columnOf(conjunct.right), mirrored[op], [conjunct.left]),
    ]
  }
  if (conjunct.class === 'BETWEEN') {
    const column = columnOf(conjunct.input)
    return [...compare(column, '>=', [conjunct.lower]), ...compare(column, '<=', [conjunct.upper])]
  }
  if (conjunct.type === 'COMPARE_IN') {
    const [first, ...values] = nodesOf(conjunct, 'children')
    return compare(columnOf(first), 'in', values)
  }
  return []
}

function compare(
  column: string | undefined,
  op: LiteralPredicate['op'],
  literals: readonly unknown[],
): readonly LiteralPredicate[] {
  if (column === undefined || literals.length === 0) return []
  const nodes = literals.filter(isNode)
  if (nodes.length !== literals.length || !nodes.every(isLiteral)) return []
  return [{ column, op, literals: nodes }]
}

/** A constant, or casts of one: what it is does not hang on a row. */
function isLiteral(node: SyntaxNode): boolean {
  if (node.class === 'CONSTANT') return !isDouble(node)
  return node.class === 'CAST' && isNode(node.child) && isLiteral(node.child)
}

/** The engine's text of a double reads as a decimal, which is compared in another way. */
function isDouble(constant: SyntaxNode): boolean {
  const value = isNode(constant.value) ? constant.value : {}
  const id = isNode(value.type) ? value.type.id : undefined
  return id === 'DOUBLE' || id === 'FLOAT'
}

function nodesLength(value: unknown): number {
  return Array.isArray(value) ? value.length : 0
}

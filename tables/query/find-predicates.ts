import { joinTrees } from '../scan/predicate-tree.ts'
import { acceptsNulls, readPredicate } from './read-predicate.ts'
import type { ColumnNames, ColumnOf, LiteralPredicate } from './read-predicate.ts'
import { isNode, nodesOf, textOf } from './syntax-tree.ts'
import type { SyntaxNode } from './syntax-tree.ts'

/**
 * What the WHERE of a SELECT says of the table `reference`, one of its own, as far as it is known:
 * a predicate that may be used to leave out files. Undefined where it says nothing.
 *
 * Below an outer join a row that is left out comes back as nulls, so there only a WHERE that
 * refuses these nulls counts. Nothing counts below ASOF and POSITIONAL joins, where a row decides
 * what others match, nor under a sample.
 */
export function findPredicate(
  select: SyntaxNode,
  reference: SyntaxNode,
): LiteralPredicate | undefined {
  const from = select.from_table
  if (!isNode(from) || !isNode(select.where_clause)) return undefined
  const tables = tablesOf(from, false)
  const own = tables?.find(({ node }) => node === reference)
  if (tables === undefined || own === undefined) return undefined
  if (isNode(reference.sample) || nodesLength(reference.column_name_alias) > 0) return undefined
  const names = namesOf(reference)
  const others = tables.filter((table) => table !== own).flatMap(({ node }) => namesOf(node))
  const columnOf: ColumnOf = (expression) => ownColumn(expression, names, others)
  const conjuncts = conjunctsOf(select.where_clause).flatMap((conjunct) => {
    const predicate = readPredicate(conjunct, columnOf)
    return predicate === undefined ? [] : [predicate]
  })
  if (own.mayBeNulls && conjuncts.every(acceptsNulls)) return undefined
  return joinTrees('and', conjuncts)
}

interface JoinedTable {
  readonly node: SyntaxNode
  /** An outer join may put nulls in the place of its rows. */
  readonly mayBeNulls: boolean
}

/** The tables of a FROM of plain joins; undefined where something else takes part. */
function tablesOf(from: SyntaxNode, mayBeNulls: boolean): readonly JoinedTable[] | undefined {
  if (from.type === 'BASE_TABLE') return [{ node: from, mayBeNulls }]
  const isPlain =
    from.type === 'JOIN' &&
    !isNode(from.sample) &&
    (from.ref_type === 'REGULAR' || from.ref_type === 'CROSS')
  if (!isPlain || !isNode(from.left) || !isNode(from.right)) return undefined
  const isInner = from.join_type === 'INNER'
  const left = tablesOf(from.left, mayBeNulls || !(isInner || from.join_type === 'LEFT'))
  const right = tablesOf(from.right, mayBeNulls || !(isInner || from.join_type === 'RIGHT'))
  return left === undefined || right === undefined ? undefined : [...left, ...right]
}

function namesOf(reference: SyntaxNode): readonly string[] {
  const alias = textOf(reference, 'alias')
  const table = textOf(reference, 'table_name')
  if (alias !== '') return [alias.toLowerCase()]
  return [table.toLowerCase(), `${textOf(reference, 'schema_name')}.${table}`.toLowerCase()]
}

/**
 * The column where the expression surely means this table. `a.b` may be column `b` of the table
 * `a`, and member `b` of a struct `a`: as for the engine, a name of a table comes first.
 * @param others the names of the other tables
 */
function ownColumn(
  expression: unknown,
  names: readonly string[],
  others: readonly string[],
): ColumnNames | undefined {
  if (!isNode(expression) || expression.class !== 'COLUMN_REF') return undefined
  const parts = expression.column_names
  if (!Array.isArray(parts) || !parts.every((part) => typeof part === 'string')) return undefined
  const prefixLength = (of: readonly string[]): number => {
    const prefixes = parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('.'))
    return 1 + prefixes.findLastIndex((prefix) => of.includes(prefix.toLowerCase()))
  }
  if (prefixLength(others) > 0) return undefined
  const ownPrefix = prefixLength(names)
  return ownPrefix > 0 || others.length === 0 ? parts.slice(ownPrefix) : undefined
}

function conjunctsOf(where: SyntaxNode): readonly SyntaxNode[] {
  if (where.type !== 'CONJUNCTION_AND') return [where]
  return nodesOf(where, 'children').flatMap(conjunctsOf)
}

function nodesLength(value: unknown): number {
  return Array.isArray(value) ? value.length : 0
}

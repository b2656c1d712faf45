import { stringify as stringifyLossless } from 'lossless-json'
import type { Session } from '../engine/engine.ts'
import { sqlString } from '../engine/sql-text.ts'
import { constantText } from './constant-text.ts'
import { parseStatement } from './parse-statement.ts'
import { isNode, nodesOf } from './syntax-tree.ts'
import type { SyntaxNode } from './syntax-tree.ts'

/** A whole tree as SQL text, by the engine. */
export async function statementText(session: Session, tree: SyntaxNode): Promise<string> {
  const argument = sqlString(stringifyLossless(tree) ?? '')
  const [row] = await session.rows<{ sql: string }>(
    `SELECT json_deserialize_sql(CAST(${argument} AS JSON)) AS sql`,
  )
  return row?.sql ?? ''
}

/** One expression of a statement as SQL text. */
export async function expressionText(session: Session, expression: SyntaxNode): Promise<string> {
  const constant = constantText(expression)
  if (constant !== undefined) return constant
  return (await selectText(session, [expression])).replace(/^SELECT\s+/, '')
}

/** A SELECT of expressions without a table, called `l0`, `l1` and so on. */
export async function expressionsText(
  session: Session,
  expressions: readonly SyntaxNode[],
): Promise<string> {
  const constants = expressions.map(constantText)
  if (constants.every((text) => text !== undefined)) {
    return `SELECT ${constants.map((text, index) => `${text} AS l${index}`).join(', ')}`
  }
  return selectText(
    session,
    expressions.map((expression, index) => ({ ...expression, alias: `l${index}` })),
  )
}

/** A SELECT as this version of the engine writes its tree; the same for every session. */
let selectTree: SyntaxNode | undefined

async function selectText(session: Session, list: readonly SyntaxNode[]): Promise<string> {
  selectTree ??= (await parseStatement(session, 'SELECT 1')).tree
  const tree = selectTree
  const [statement] = nodesOf(tree, 'statements')
  if (statement === undefined || !isNode(statement.node)) return 'SELECT NULL'
  const node = { ...statement.node, select_list: list }
  return statementText(session, { ...tree, statements: [{ ...statement, node }] })
}

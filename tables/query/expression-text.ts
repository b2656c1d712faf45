import { stringify as stringifyLossless } from 'lossless-json'
import type { Session } from '../engine/engine.ts'
import { parseStatement } from './parse-statement.ts'
import { isNode, nodesOf } from './syntax-tree.ts'
import type { SyntaxNode } from './syntax-tree.ts'

/** A whole tree as SQL text, by the engine. */
export async function statementText(session: Session, tree: SyntaxNode): Promise<string> {
  const [row] = await session.rows<{ sql: string }>(
    'SELECT json_deserialize_sql(CAST($1 AS JSON)) AS sql',
    [stringifyLossless(tree) ?? ''],
  )
  return row?.sql ?? ''
}

/** One expression of a statement as SQL text. */
export async function expressionText(session: Session, expression: SyntaxNode): Promise<string> {
  const { tree } = await parseStatement(session, 'SELECT 1')
  const [statement] = nodesOf(tree, 'statements')
  if (statement === undefined || !isNode(statement.node)) return 'NULL'
  const node = { ...statement.node, select_list: [expression] }
  const text = await statementText(session, { ...tree, statements: [{ ...statement, node }] })
  return text.replace(/^SELECT\s+/, '')
}

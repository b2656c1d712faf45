import { stringify as stringifyLossless } from 'lossless-json'
import type { Session } from '../engine/engine.ts'
import { sqlName } from '../engine/sql-text.ts'
import { statementText } from './expression-text.ts'
import { parseTree } from './parse-statement.ts'
import type { ParsedStatement } from './parse-statement.ts'
import { isNode } from './syntax-tree.ts'
import type { SyntaxNode } from './syntax-tree.ts'
import { readTableText } from './table-text.ts'

/** A reference that is to name a view instead. */
export interface RenamedTable {
  /** Its place in the statement's text, as the engine's parser counted it (bytes of UTF-8). */
  readonly location: number
  readonly schema: string
  readonly view: string
  /** What the statement calls it: its alias, else its own name. */
  readonly calledAs: string
}

/**
 * The statement's text with its tables renamed and their AT clauses taken out (views refuse AT).
 * The rest of the text stays as it is: the engine's own way back from a tree to text is not exact
 * (2.5e0 comes back as a decimal). The result counts only if it parses to the very tree that is
 * wanted; else the engine's text of that tree is taken.
 */
export async function rewriteStatement(
  session: Session,
  statement: ParsedStatement,
  renamed: readonly RenamedTable[],
): Promise<string> {
  const text = renameTables(statement.text, renamed)
  if (text !== undefined) {
    const tree = await parseTree(session, text)
    if (tree !== undefined && canonicalText(tree) === canonicalText(statement.tree)) return text
  }
  return statementText(session, statement.tree)
}

function renameTables(text: string, renamed: readonly RenamedTable[]): string | undefined {
  const bytes = Buffer.from(text, 'utf8')
  const lastFirst = [...renamed].sort((a, b) => b.location - a.location)
  let result = text
  for (const table of lastFirst) {
    if (table.location < 0) return undefined
    const start = bytes.subarray(0, table.location).toString('utf8').length
    const found = readTableText(text, start)
    if (found === undefined) return undefined
    const [from, until] = found.name
    const alias = found.hasAlias ? '' : ` AS ${sqlName(table.calledAs)}`
    const name = `${sqlName(table.schema)}.${sqlName(table.view)}${alias}`
    if (found.at !== undefined) result = splice(result, found.at[0], found.at[1], '')
    result = splice(result, from, until, name)
  }
  return result
}

function splice(text: string, from: number, until: number, by: string): string {
  return text.slice(0, from) + by + text.slice(until)
}

/** A tree without the places of its parts, its fields in one order. */
export function canonicalText(tree: SyntaxNode): string {
  return stringifyLossless(canonical(tree)) ?? ''
}

function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical)
  if (!isNode(value) || value.isLosslessNumber === true) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([field]) => field !== 'query_location')
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([field, child]) => [field, canonical(child)]),
  )
}

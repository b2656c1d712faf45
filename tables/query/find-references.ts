import { SluiceError } from '../errors.ts'
import { isNode, nodesOf, textOf } from './syntax-tree.ts'
import type { SyntaxNode } from './syntax-tree.ts'

/** Functions in FROM that make rows of nothing but their arguments. All others are refused. */
const allowedTableFunctions: ReadonlySet<string> = new Set([
  'range',
  'generate_series',
  'unnest',
  'repeat',
  'json_each',
  'json_tree',
])

/** Functions in expressions that see or change more than their arguments. */
const refusedFunctions: ReadonlySet<string> = new Set([
  'getenv',
  'current_setting',
  'set_config',
  'write_log',
  'nextval',
  'currval',
  'sleep_ms',
  'json_execute_serialized_sql',
])

/** A table that a statement names: not a CTE, not a function. */
export interface TableReference {
  /** The node itself: naming another table in it changes the statement. */
  readonly node: SyntaxNode
  /** Namespace levels as written; none for a bare name. */
  readonly namespace: readonly string[]
  readonly name: string
  readonly alias: string
  readonly at: SyntaxNode | undefined
  /** Below a DESCRIBE: its columns are asked for, none of its rows. */
  readonly isDescribed: boolean
  /** Its namespace is not written in the text, so the text must be changed to name it. */
  readonly isMoved?: boolean
}

/** A SHOW TABLES anywhere in the statement. */
export interface ShowReference {
  readonly node: SyntaxNode
  /** Only tables of this namespace; undefined = all. */
  readonly namespace: string | undefined
}

export interface StatementReferences {
  readonly tables: readonly TableReference[]
  readonly shows: readonly ShowReference[]
  /** SELECT nodes, for the search of predicates. */
  readonly selects: readonly SyntaxNode[]
}

/**
 * Every table of a statement, with CTE names taken out by the scope in which they are seen, as the
 * engine sees them. Throws `invalid-input` for functions that read files, settings or the network.
 */
export function findReferences(tree: SyntaxNode): StatementReferences {
  const found = { tables: [], shows: [], selects: [] }
  visit(tree, { names: new Set(), isDescribed: false }, found)
  return found
}

interface Found {
  readonly tables: TableReference[]
  readonly shows: ShowReference[]
  readonly selects: SyntaxNode[]
}

interface Scope {
  /** Of the CTEs in sight. */
  readonly names: ReadonlySet<string>
  readonly isDescribed: boolean
}

function visit(value: unknown, scope: Scope, found: Found): void {
  if (Array.isArray(value)) {
    for (const item of value) visit(item, scope, found)
    return
  }
  if (!isNode(value)) return
  let inner = visitCtes(value, scope, found)
  switch (value.type) {
    case 'BASE_TABLE':
      visitTable(value, inner, found)
      break
    case 'SHOW_REF':
      if (!isNode(value.query)) found.shows.push(showReference(value))
      else if (value.show_type === 'DESCRIBE') inner = { ...inner, isDescribed: true }
      break
    case 'TABLE_FUNCTION':
      checkTableFunction(value)
      break
    case 'SELECT_NODE':
      found.selects.push(value)
      break
  }
  if (value.class === 'FUNCTION') checkFunction(value)
  for (const [field, child] of Object.entries(value)) {
    if (field !== 'cte_map') visit(child, inner, found)
  }
}

/** Visits a node's CTEs and gives the scope of its body: each CTE sees those before it. */
function visitCtes(node: SyntaxNode, scope: Scope, found: Found): Scope {
  const names = new Set(scope.names)
  // Only the recursive form sees its own name.
  const ownName = textOf(node, 'cte_name')
  if (ownName !== '') names.add(ownName.toLowerCase())
  const map = isNode(node.cte_map) ? nodesOf(node.cte_map, 'map') : []
  for (const entry of map) {
    visit(entry.value, { ...scope, names: new Set(names) }, found)
    names.add(textOf(entry, 'key').toLowerCase())
  }
  return { ...scope, names }
}

function visitTable(node: SyntaxNode, scope: Scope, found: Found): void {
  const name = textOf(node, 'table_name')
  const namespace = [textOf(node, 'catalog_name'), textOf(node, 'schema_name')].filter(Boolean)
  const at = isNode(node.at_clause) ? node.at_clause : undefined
  // The engine would take such a name for a file; no table of a lake has one.
  if (/[/\\*?:]/.test(name) || (namespace.length === 0 && name.includes('.'))) {
    throw new SluiceError(
      'invalid-input',
      `"${name}" is no name of a table; files cannot be read here. Nothing was run. ` +
        'SHOW TABLES lists the tables.',
    )
  }
  if (namespace.length === 0 && at === undefined && scope.names.has(name.toLowerCase())) return
  const { isDescribed } = scope
  found.tables.push({ node, namespace, name, alias: textOf(node, 'alias'), at, isDescribed })
}

function showReference(node: SyntaxNode): ShowReference {
  const shown = textOf(node, 'table_name').replaceAll('"', '').toLowerCase()
  const kind = textOf(node, 'show_type')
  if (kind === 'SHOW_FROM') {
    const levels = [textOf(node, 'catalog_name'), textOf(node, 'schema_name')].filter(Boolean)
    return { node, namespace: levels.join('.') }
  }
  if (shown === 'tables' || shown === '__show_tables_expanded')
    return { node, namespace: undefined }
  throw new SluiceError(
    'invalid-input',
    `SHOW ${shown} is not known here. Nothing was run. Use SHOW TABLES, or DESCRIBE a table.`,
  )
}

function checkTableFunction(node: SyntaxNode): void {
  const name = isNode(node.function) ? textOf(node.function, 'function_name').toLowerCase() : ''
  if (allowedTableFunctions.has(name)) return
  throw new SluiceError(
    'invalid-input',
    `The table function ${name} is refused: only tables of the lake can be read here, no files, ` +
      'settings or addresses. Nothing was run. ' +
      `Allowed are ${[...allowedTableFunctions].join(', ')}.`,
  )
}

function checkFunction(node: SyntaxNode): void {
  const name = textOf(node, 'function_name').toLowerCase()
  if (!refusedFunctions.has(name)) return
  throw new SluiceError(
    'invalid-input',
    `The function ${name} is refused: it reaches beyond the tables of the lake. Nothing was run.`,
  )
}

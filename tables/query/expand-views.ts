import type { LoadedTable } from '../catalog/catalog.ts'
import type { LoadedView } from '../catalog/view-catalog.ts'
import type { Session } from '../engine/engine.ts'
import { SluiceError } from '../errors.ts'
import { joinTrees } from '../scan/predicate-tree.ts'
import { tableKey } from '../spec/table-identifier.ts'
import type { TableIdentifier } from '../spec/table-identifier.ts'
import { currentViewVersion, isSqlRepresentation, viewSql } from '../spec/view-metadata.ts'
import { findPredicate } from './find-predicates.ts'
import { findReferences } from './find-references.ts'
import type { StatementReferences, TableReference } from './find-references.ts'
import { splitMetadataName } from './metadata-table.ts'
import type { MetadataTableName } from './metadata-table.ts'
import { parseStatement } from './parse-statement.ts'
import type { ParsedStatement } from './parse-statement.ts'
import type { LiteralPredicate } from './read-predicate.ts'
import { isNode, nodesOf, textOf } from './syntax-tree.ts'
import type { SyntaxNode } from './syntax-tree.ts'
import type { TableLookup } from './table-lookup.ts'

/** A place where a statement, or the text of a view below it, names a table. */
export interface TableReading {
  readonly reference: TableReference
  readonly table: LoadedTable
  /** What of the table is asked for; undefined = its rows. */
  readonly about: MetadataTableName | undefined
  /** What is known of the rows that are wanted. */
  readonly wanted: LiteralPredicate | undefined
  readonly owner: TextOwner
}

/** A place where one names a view. */
export interface ViewReading {
  readonly reference: TableReference
  readonly identifier: TableIdentifier
  /** Where its name stands. */
  readonly owner: TextOwner
  /** Its own text, in which names are to be changed. */
  readonly body: TextOwner & { readonly statement: ParsedStatement }
}

/** The statement itself, or the text of one view in it. */
export interface TextOwner {
  readonly depth: number
}

export interface ExpandedViews {
  readonly tables: readonly TableReading[]
  /** A view comes before those that read it. */
  readonly views: readonly ViewReading[]
}

/** Views of views of views: more is a circle. */
const DEPTH_MAX = 16

interface Expansion {
  readonly session: Session
  readonly lookup: TableLookup
  readonly tables: TableReading[]
  readonly views: ViewReading[]
}

/**
 * Every table that a statement reads, also by views: a view's text is parsed and refused by the
 * rules of the user's own. Throws `invalid-input` for an unknown name, a view without a text for
 * DuckDB, an AT on a view and views that read themselves.
 */
export async function expandViews(
  session: Session,
  lookup: TableLookup,
  references: StatementReferences,
  owner: TextOwner,
): Promise<ExpandedViews> {
  const expansion: Expansion = { session, lookup, tables: [], views: [] }
  await expand(expansion, references, owner, undefined)
  return expansion
}

async function expand(
  expansion: Expansion,
  { tables, selects }: StatementReferences,
  owner: TextOwner,
  outer: LiteralPredicate | undefined,
): Promise<void> {
  for (const reference of tables) {
    const { namespace, name } = reference
    const split = splitMetadataName(name)
    const stated = selects.map((select) => findPredicate(select, reference.node))
    const wanted = joinTrees('and', [...stated, outer])
    if (split !== undefined) {
      const table = await expansion.lookup.load(namespace, split.table)
      expansion.tables.push({ reference, table, about: split.about, wanted, owner })
      continue
    }
    const found = await expansion.lookup.find(namespace, name)
    if (found.kind === 'view') await expandView(expansion, reference, found.view, owner, wanted)
    else {
      expansion.tables.push({ reference, table: found.table, about: undefined, wanted, owner })
    }
  }
}

async function expandView(
  expansion: Expansion,
  reference: TableReference,
  view: LoadedView,
  owner: TextOwner,
  wanted: LiteralPredicate | undefined,
): Promise<void> {
  const key = tableKey(view.identifier)
  if (reference.at !== undefined) throw viewAt(key)
  if (owner.depth === DEPTH_MAX) throw deepView(key)
  const sql = viewSql(view.metadata, 'duckdb')
  if (sql === undefined) throw withoutText(key, view)
  const statement = await parseStatement(expansion.session, sql)
  const references = findReferences(statement.tree)
  if (references.shows.length > 0) throw showInView(key)
  const space = currentViewVersion(view.metadata)?.['default-namespace'] ?? []
  const tables = references.tables.map((inner) => ({
    ...inner,
    isDescribed: reference.isDescribed,
    ...(inner.namespace.length === 0 ? { namespace: space, isMoved: space.length > 0 } : {}),
  }))
  const body = { depth: owner.depth + 1, statement }
  const passed = passesOn(references) ? wanted : undefined
  await expand(expansion, { ...references, tables }, body, passed)
  expansion.views.push({ reference, identifier: view.identifier, owner, body })
}

/**
 * Whether a condition on the view's rows is one on the rows of its table: the view is one SELECT
 * of columns by their own names from one table, and leaves no row out but by its WHERE.
 */
function passesOn({ tables, selects }: StatementReferences): boolean {
  const [select] = selects
  const [table] = tables
  if (select === undefined || selects.length > 1 || tables.length > 1) return false
  const { node } = table ?? {}
  if (node === undefined || select.from_table !== node || table?.at !== undefined) return false
  const isPlain = [select.sample, select.qualify, select.having, node.sample].every(
    (part) => !isNode(part),
  )
  const lists = [select.group_expressions, select.modifiers, node.column_name_alias]
  const isEmpty = lists.every((list) => countOf(list) === 0)
  return isPlain && isEmpty && nodesOf(select, 'select_list').every(isOwnColumn)
}

function isOwnColumn(expression: SyntaxNode): boolean {
  if (expression.class === 'STAR') {
    return countOf(expression.replace_list) + countOf(expression.rename_list) === 0
  }
  const names = expression.column_names
  const alias = textOf(expression, 'alias')
  if (expression.class !== 'COLUMN_REF' || !Array.isArray(names)) return false
  return names.length === 1 && (alias === '' || alias === names[0])
}

function countOf(value: unknown): number {
  return Array.isArray(value) ? value.length : 0
}

function viewAt(key: string): SluiceError {
  return new SluiceError(
    'invalid-input',
    `${key} is a view, which has no versions of its rows. Nothing was read. Ask for a cut ` +
      '(--cut, --as-of), or read the tables below it AT a version.',
  )
}

function withoutText(key: string, { metadata }: LoadedView): SluiceError {
  const dialects = (currentViewVersion(metadata)?.representations ?? [])
    .filter(isSqlRepresentation)
    .map(({ dialect }) => dialect)
  return new SluiceError(
    'invalid-input',
    `The view ${key} has no text in DuckDB's SQL; it has one for ${dialects.join(', ') || 'none'}. ` +
      'Nothing was read. Read it with that engine (--engine trino), or read the tables below it.',
  )
}

function deepView(key: string): SluiceError {
  return new SluiceError(
    'invalid-input',
    `The view ${key} is ${DEPTH_MAX} views deep, or reads itself. Nothing was read. Correct its ` +
      'definition.',
  )
}

function showInView(key: string): SluiceError {
  return new SluiceError(
    'invalid-input',
    `The view ${key} shows tables, which no view can here. Nothing was read. Correct its definition.`,
  )
}

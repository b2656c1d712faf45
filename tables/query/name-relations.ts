import type { Session } from '../engine/engine.ts'
import type { TableReading, TextOwner, ViewReading } from './expand-views.ts'
import type { TableReference } from './find-references.ts'
import type { SnapshotChoice } from './choose-snapshot.ts'
import type { QueryView } from './query-scope.ts'
import { rewriteStatement } from './rewrite-statement.ts'
import type { RenamedTable } from './rewrite-statement.ts'
import type { SyntaxNode } from './syntax-tree.ts'

/** A place where a table is named, with the snapshot that it is read at. */
export interface ResolvedTable extends TableReading {
  readonly choice: SnapshotChoice
}

/** Where relations of bare names stand. */
export const BARE_SCHEMA = 'main'

/** Schema and name. Without AT the view is called as the table, so that the text can stay. */
export function scopeName(item: ResolvedTable): readonly [schema: string, name: string] {
  const { reference, table, choice, about } = item
  const schema = table.identifier.namespace.join('.')
  const name = about === undefined ? table.identifier.name : `${table.identifier.name}$${about}`
  if (reference.at !== undefined) return [schema, `${name} at ${choice.snapshotId ?? 'none'}`]
  return [reference.namespace.length === 0 ? BARE_SCHEMA : schema, name]
}

function scopeNameOfView({ reference, identifier }: ViewReading): readonly [string, string] {
  const schema = identifier.namespace.join('.')
  return [reference.namespace.length === 0 ? BARE_SCHEMA : schema, identifier.name]
}

/**
 * Points the trees of the statement and of its views' texts at the names that their relations have
 * in the scope, where these are others than are written. Answers the changes of each text.
 */
export function renameByText(
  tables: readonly ResolvedTable[],
  views: readonly ViewReading[],
): (owner: TextOwner) => readonly RenamedTable[] {
  const named = [
    ...tables.map((item) => ({ item, name: scopeName(item) })),
    ...views.map((item) => ({ item, name: scopeNameOfView(item) })),
  ]
  const renamed = named
    .filter(({ item }) => needsNewName(item.reference))
    .map(({ item, name }) => ({ owner: item.owner, change: pointAt(item.reference, name) }))
  return (owner) => renamed.filter((each) => each.owner === owner).map(({ change }) => change)
}

function needsNewName({ at, namespace, isMoved }: TableReference): boolean {
  return at !== undefined || namespace.length > 1 || isMoved === true
}

function pointAt(
  { node, alias, name }: TableReference,
  [schema, view]: readonly [string, string],
): RenamedTable {
  const calledAs = alias === '' ? name : alias
  const location = Number(String(node.query_location))
  replaceNode(node, tableNode(node, schema, view, calledAs))
  return { location, schema, view, calledAs }
}

export function tableNode(
  node: SyntaxNode,
  schema: string,
  name: string,
  alias: string,
): SyntaxNode {
  return {
    type: 'BASE_TABLE',
    alias,
    sample: node.sample ?? null,
    query_location: node.query_location ?? 0,
    schema_name: schema,
    table_name: name,
    column_name_alias: node.column_name_alias ?? [],
    catalog_name: '',
    at_clause: null,
  }
}

/** In place: the parent keeps the same object. */
export function replaceNode(node: SyntaxNode, by: SyntaxNode): void {
  for (const field of Object.keys(node)) Reflect.deleteProperty(node, field)
  Object.assign(node, by)
}

/** The lake's own views in the scope of a statement, each once, those that others read first. */
export async function lakeViews(
  session: Session,
  views: readonly ViewReading[],
  renamedOf: (owner: TextOwner) => readonly RenamedTable[],
): Promise<readonly QueryView[]> {
  const made = new Map<string, QueryView>()
  for (const view of views) {
    const [schema, name] = scopeNameOfView(view)
    const key = JSON.stringify([schema, name])
    if (made.has(key)) continue
    const { statement } = view.body
    const renamed = renamedOf(view.body)
    const isAsWritten = renamed.length === 0
    const sql = isAsWritten ? statement.text : await rewriteStatement(session, statement, renamed)
    made.set(key, { schema, name, sql, readsOthers: true })
  }
  return [...made.values()]
}

import type { LoadedTable } from '../catalog/catalog.ts'
import type { Session } from '../engine/engine.ts'
import { columnType } from '../engine/column-type.ts'
import { sqlString } from '../engine/sql-text.ts'
import { SluiceError } from '../errors.ts'
import type { FileIO } from '../file-io/file-io.ts'
import type { ManifestCache } from '../scan/manifest-cache.ts'
import { planScan } from '../scan/plan-scan.ts'
import type { ColumnPredicate } from '../scan/plan-scan.ts'
import { joinTrees } from '../scan/predicate-tree.ts'
import { scanSql } from '../scan/scan-sql.ts'
import type { Schema } from '../spec/schema.ts'
import { tableKey } from '../spec/table-identifier.ts'
import type { TableIdentifier } from '../spec/table-identifier.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'
import { currentSchema, schemaById } from '../write/current-layout.ts'
import { bindLiterals } from './bind-literals.ts'
import { snapshotInCut } from './choose-cut.ts'
import type { ReadCut } from './choose-cut.ts'
import type { SnapshotChoice } from './choose-snapshot.ts'
import { inspectTable } from './inspect-table.ts'
import { snapshotTableNames } from './metadata-table.ts'
import type { MetadataTable, MetadataTableName } from './metadata-table.ts'
import { expandViews } from './expand-views.ts'
import type { StatementReferences, TableReference } from './find-references.ts'
import {
  BARE_SCHEMA,
  lakeViews,
  renameByText,
  replaceNode,
  scopeName,
  tableNode,
} from './name-relations.ts'
import type { ResolvedTable } from './name-relations.ts'
import type { QueryView } from './query-scope.ts'
import { readAtClause } from './read-at-clause.ts'
import type { RenamedTable } from './rewrite-statement.ts'
import type { TableLookup } from './table-lookup.ts'

export interface ResolveRequest {
  readonly session: Session
  readonly lookup: TableLookup
  readonly references: StatementReferences
  readonly cut: ReadCut | undefined
  readonly cutsTable: TableIdentifier | undefined
  readonly fileIO: FileIO
  readonly manifestCache: ManifestCache | undefined
}

export interface ResolvedTables {
  readonly views: readonly QueryView[]
  /** References that name a view of another name now, in the tree already. */
  readonly renamed: readonly RenamedTable[]
  readonly snapshots: ReadonlyMap<string, bigint | undefined>
}

/**
 * Makes a view of each table of a statement, at the snapshot that it is to be read at, and points
 * the statement's tree at them. One table at two snapshots becomes two views.
 * Undefined where a table moved on so far that the cut's state of it is gone: read again.
 */
export async function resolveTables(request: ResolveRequest): Promise<ResolvedTables | undefined> {
  const { session, lookup, references } = request
  const statement = { depth: 0 }
  const expanded = await expandViews(session, lookup, references, statement)
  const resolved: ResolvedTable[] = []
  for (const reading of expanded.tables) {
    const { reference, table, about } = reading
    if (reference.at !== undefined) checkTellsOfSnapshot(reference.name, about)
    const choice = await chooseSnapshot(request, reference, table)
    if (choice === undefined) return undefined
    resolved.push({ ...reading, choice })
  }
  const groups = new Map<string, ResolvedTable[]>()
  for (const item of resolved) {
    const key = viewKey(item)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [item])
    else group.push(item)
  }
  const views: QueryView[] = []
  for (const group of groups.values()) {
    const [first] = group
    if (first === undefined) continue
    const content = await viewContent(request, first, group)
    for (const name of new Set(group.map((item) => scopeName(item).join('\0')))) {
      const [schema = BARE_SCHEMA, view = ''] = name.split('\0')
      views.push({ schema, name: view, ...content })
    }
  }
  const renamedOf = renameByText(resolved, expanded.views)
  views.push(...(await lakeViews(session, expanded.views, renamedOf)))
  const renamed = [...renamedOf(statement)]
  for (const [index, show] of request.references.shows.entries()) {
    const name = `tables ${index + 1}`
    views.push({ schema: BARE_SCHEMA, name, sql: await showSql(request.lookup, show.namespace) })
    replaceNode(show.node, tableNode(show.node, BARE_SCHEMA, name, ''))
    // The parser gives it no place, so its text cannot be replaced: the tree's text is taken.
    renamed.push({ location: -1, schema: BARE_SCHEMA, view: name, calledAs: '' })
  }
  const snapshots = new Map(
    resolved.map(({ table, choice }) => [tableKey(table.identifier), choice.snapshotId]),
  )
  return { views, renamed, snapshots }
}

async function chooseSnapshot(
  request: ResolveRequest,
  reference: TableReference,
  table: LoadedTable,
): Promise<SnapshotChoice | undefined> {
  if (reference.at !== undefined) {
    const key = tableKey(table.identifier)
    return readAtClause(request.session, key, table.metadata, reference.at)
  }
  return snapshotInCut(table, request.cut, request.cutsTable)
}

/** One table at one snapshot, under one name: a bare name and a full one are two views. */
function viewKey({ table, choice, about }: ResolvedTable): string {
  return `${tableKey(table.identifier)}$${about ?? ''}@${choice.snapshotId ?? 'none'}`
}

/** The state of its snapshots is not itself kept by snapshot. */
function checkTellsOfSnapshot(name: string, about: MetadataTableName | undefined): void {
  if (about === undefined || snapshotTableNames.has(about)) return
  throw new SluiceError(
    'invalid-input',
    `${name} tells of the table as a whole, so it cannot be read AT a version or time. Nothing ` +
      `was read. AT goes with ${[...snapshotTableNames].map((known) => `$${known}`).join(', ')}.`,
  )
}

async function viewContent(
  request: ResolveRequest,
  first: ResolvedTable,
  readers: readonly ResolvedTable[],
): Promise<{ readonly sql: string } | { readonly table: MetadataTable }> {
  const { table, choice, about } = first
  if (about === undefined) {
    const isDescribed = readers.every(({ reference }) => reference.isDescribed)
    if (isDescribed) return { table: withoutRows(schemaAt(table.metadata, choice)) }
    return { sql: await viewSql(request, first, readers) }
  }
  const { fileIO, manifestCache } = request
  const { snapshotId } = choice
  return { table: await inspectTable({ table, about, snapshotId, fileIO, manifestCache }) }
}

/** A view never says which of its columns refuse null; a table does. */
function withoutRows(schema: Schema): MetadataTable {
  return {
    columns: schema.fields.map(({ name, type, required }) => {
      return [name, `${columnType(type)}${required ? ' NOT NULL' : ''}`]
    }),
    rows: [],
  }
}

async function viewSql(
  request: ResolveRequest,
  { table, choice }: ResolvedTable,
  readers: readonly ResolvedTable[],
): Promise<string> {
  const { metadata } = table
  const isCurrent = choice.snapshotId === metadata['current-snapshot-id']
  const plan = await planScan({
    fileIO: request.fileIO,
    metadata: choice.snapshotId === undefined ? withoutSnapshots(metadata) : metadata,
    filter: await filterOf(request, readers),
    ...(choice.snapshotId === undefined || isCurrent ? {} : { snapshotId: choice.snapshotId }),
    ...(request.manifestCache === undefined ? {} : { manifestCache: request.manifestCache }),
  })
  return scanSql(plan, request.fileIO)
}

function withoutSnapshots(metadata: TableMetadata): TableMetadata {
  const { 'current-snapshot-id': _, ...rest } = metadata
  return rest
}

/** A view that several places read leaves out only what none of them wants. */
async function filterOf(
  { session }: ResolveRequest,
  readers: readonly ResolvedTable[],
): Promise<readonly ColumnPredicate[]> {
  const [first] = readers
  const wanted = joinTrees(
    'or',
    readers.map((reader) => reader.wanted),
  )
  if (first === undefined || wanted === undefined) return []
  const schema = schemaAt(first.table.metadata, first.choice)
  const predicate = await bindLiterals(session, schema, wanted)
  return predicate === undefined ? [] : [predicate]
}

function schemaAt(metadata: TableMetadata, { snapshotId }: SnapshotChoice): Schema {
  const snapshot = metadata.snapshots.find((held) => held['snapshot-id'] === snapshotId)
  const schemaId = snapshot?.['schema-id']
  const isCurrent = snapshotId === metadata['current-snapshot-id']
  if (isCurrent || schemaId === undefined) return currentSchema(metadata)
  return schemaById(metadata, schemaId)
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

async function showSql(lookup: TableLookup, namespace: string | undefined): Promise<string> {
  const relations = [...(await lookup.loadAll()), ...(await lookup.loadAllViews())]
  const rows = relations
    .map(({ identifier, metadata }) => ({
      namespace: identifier.namespace.join('.'),
      table: identifier.name,
      doc: metadata.properties['comment'] ?? '',
    }))
    .sort((a, b) => compareTexts(a.namespace, b.namespace) || compareTexts(a.table, b.table))
    .filter((row) => namespace === undefined || row.namespace === namespace)
  if (rows.length === 0 && namespace !== undefined) {
    throw new SluiceError(
      'invalid-input',
      `There is no namespace ${namespace} with tables. Nothing was read. SHOW TABLES lists all.`,
    )
  }
  const values = rows.map(
    (row) => `(${[row.namespace, row.table, row.doc].map(sqlString).join(', ')})`,
  )
  return values.length === 0
    ? "SELECT '' AS namespace, '' AS \"table\", '' AS doc WHERE false"
    : `SELECT * FROM (VALUES ${values.join(', ')}) AS tables(namespace, "table", doc)`
}

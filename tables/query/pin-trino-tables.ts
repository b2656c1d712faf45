import type { LoadedTable } from '../catalog/catalog.ts'
import type { LoadedView } from '../catalog/view-catalog.ts'
import { sqlName } from '../engine/sql-text.ts'
import { SluiceError } from '../errors.ts'
import { tableKey } from '../spec/table-identifier.ts'
import { parseTimeText } from '../spec/time-text.ts'
import { currentViewVersion, SLUICE_ENGINE, viewSql } from '../spec/view-metadata.ts'
import type { ViewVersion } from '../spec/view-metadata.ts'
import { snapshotAtTime, snapshotAtVersion } from './choose-snapshot.ts'
import type { SnapshotChoice } from './choose-snapshot.ts'
import type { TableLookup } from './table-lookup.ts'
import { editText } from './text-edits.ts'
import type { EditedText, TextEdit } from './text-edits.ts'
import { checkTrinoMetadata, splitTrinoMetadataName } from './trino-metadata-table.ts'
import type { TrinoMetadataName } from './trino-metadata-table.ts'
import { findTrinoRelations } from './trino-relations.ts'
import type { TrinoRelation } from './trino-relations.ts'
import { trinoTokens } from './trino-tokens.ts'
import type { TrinoToken } from './trino-tokens.ts'

export interface PinRequest {
  readonly lookup: TableLookup
  /** What the lake is called in Trino. */
  readonly trinoCatalog: string
  /** The snapshot of a table; undefined = it moved on, read everything again. */
  readonly choose: (table: LoadedTable) => SnapshotChoice | undefined
  /** A cut or a time was asked for: what cannot be brought to it is refused. */
  readonly isAsked: boolean
}

export interface PinnedStatement extends EditedText {
  readonly snapshots: ReadonlyMap<string, bigint | undefined>
}

/** Views of views of views: more is a circle. */
const VIEW_DEPTH_MAX = 16

/** Where a name without a namespace, or without a catalog, is looked for. */
interface Sight {
  readonly namespace: readonly string[]
  readonly depth: number
}

/**
 * A statement whose every table is read at a chosen snapshot: `FOR VERSION AS OF id` goes after
 * each name. A view, which Trino reads as it is now, becomes its own query in brackets, pinned in
 * the same way. DuckDB's AT clause becomes Trino's. Undefined where a table moved on.
 * @throws SluiceError `invalid-input` for what cannot be read at the time that was asked for.
 */
export async function pinTrinoTables(
  request: PinRequest,
  text: string,
  tokens: readonly TrinoToken[],
): Promise<PinnedStatement | undefined> {
  const snapshots = new Map<string, bigint | undefined>()
  const edits = await editsOf(request, tokens, { namespace: [], depth: 0 }, snapshots)
  return edits === undefined ? undefined : { ...editText(text, edits), snapshots }
}

async function editsOf(
  request: PinRequest,
  tokens: readonly TrinoToken[],
  sight: Sight,
  snapshots: Map<string, bigint | undefined>,
): Promise<readonly TextEdit[] | undefined> {
  const { relations, unread } = findTrinoRelations(tokens)
  if (unread !== undefined && request.isAsked) throw notFollowed(unread)
  const edits: TextEdit[] = []
  for (const relation of relations) {
    const more = await editsOfRelation(request, relation, sight, snapshots)
    if (more === undefined) return undefined
    edits.push(...more)
  }
  return edits
}

async function editsOfRelation(
  request: PinRequest,
  relation: TrinoRelation,
  sight: Sight,
  snapshots: Map<string, bigint | undefined>,
): Promise<readonly TextEdit[] | undefined> {
  const named = nameInLake(request, relation, sight)
  if (named === undefined) return []
  const { namespace, name } = named
  const metadata = splitTrinoMetadataName(name)
  if (metadata !== undefined) {
    return editsOfMetadata(request, relation, namespace, metadata)
  }
  const found = await request.lookup.find(namespace, name)
  if (found.kind === 'view') return editsOfView(request, relation, found.view, sight, snapshots)
  const { table } = found
  const full = trinoName(request, table.identifier)
  // The user's own FOR … AS OF counts.
  if (relation.hasPeriod) return [{ ...placeOf(relation), text: full }]
  const { at } = relation
  const choice = at === undefined ? request.choose(table) : choiceOfAt(relation, table)
  if (choice === undefined) return undefined
  snapshots.set(tableKey(table.identifier), choice.snapshotId)
  const clause = at === undefined ? [] : [{ start: at.start, end: at.end, text: '' }]
  if (at === undefined && !request.isAsked && isAltered(table, choice)) {
    return [{ ...placeOf(relation), text: full }]
  }
  const pinned =
    choice.snapshotId === undefined
      ? `(SELECT * FROM ${full} WHERE false)${aliasFor(relation)}`
      : `${full} FOR VERSION AS OF ${choice.snapshotId}`
  return [{ ...placeOf(relation), text: pinned }, ...clause]
}

/** The full name in quotes: Trino takes no `$` without them, and no name without a namespace. */
async function editsOfMetadata(
  request: PinRequest,
  relation: TrinoRelation,
  namespace: readonly string[],
  { table: name, about }: TrinoMetadataName,
): Promise<readonly TextEdit[]> {
  const hasOwnTime = relation.at !== undefined || relation.hasPeriod
  checkTrinoMetadata({ table: name, about }, { isCutAsked: request.isAsked, hasOwnTime })
  const { identifier } = await request.lookup.load(namespace, name)
  const text = trinoName(request, { ...identifier, name: `${identifier.name}$${about}` })
  return [{ ...placeOf(relation), text }]
}

/** Trino reads a pinned table by the columns of its snapshot: columns since would be hidden. */
function isAltered({ metadata }: LoadedTable, { snapshotId }: SnapshotChoice): boolean {
  if (snapshotId !== metadata['current-snapshot-id']) return false
  const snapshot = metadata.snapshots.find((held) => held['snapshot-id'] === snapshotId)
  return snapshot?.['schema-id'] !== metadata['current-schema-id']
}

async function editsOfView(
  request: PinRequest,
  relation: TrinoRelation,
  view: LoadedView,
  sight: Sight,
  snapshots: Map<string, bigint | undefined>,
): Promise<readonly TextEdit[] | undefined> {
  const key = tableKey(view.identifier)
  if (relation.at !== undefined || relation.hasPeriod) throw viewAt(key)
  if (sight.depth === VIEW_DEPTH_MAX) throw deepView(key)
  const version = currentViewVersion(view.metadata)
  const sql = viewSql(view.metadata, 'trino')
  const tokens = trinoTokens(sql ?? '')
  const foreign = foreignCatalog(request, version, tokens)
  if (sql === undefined || foreign !== undefined) {
    if (request.isAsked) throw foreignView(key, foreign)
    // Trino reads it, or says why not.
    return [{ ...placeOf(relation), text: trinoName(request, view.identifier) }]
  }
  const namespace = version?.['default-namespace'] ?? view.identifier.namespace
  const inner = { namespace, depth: sight.depth + 1 }
  const edits = await editsOf(request, tokens, inner, snapshots)
  if (edits === undefined) return undefined
  // The new line ends a comment that the view's text may end with.
  const text = `(${editText(sql, edits).text}\n)${aliasFor(relation)}`
  return [{ ...placeOf(relation), text }]
}

/** The catalog in which names of a view are looked for, where it is not known to be this lake. */
function foreignCatalog(
  { trinoCatalog }: PinRequest,
  version: ViewVersion | undefined,
  tokens: readonly TrinoToken[],
): string | undefined {
  // Our own views are of the lake that they lie in, whatever it is called in this Trino.
  if (version?.summary['engine-name'] === SLUICE_ENGINE) return undefined
  const catalog = version?.['default-catalog'] ?? trinoCatalog
  if (catalog.toLowerCase() === trinoCatalog.toLowerCase()) return undefined
  const { relations } = findTrinoRelations(tokens)
  return relations.some(({ parts }) => parts.length < 3) ? catalog : undefined
}

function nameInLake(
  request: PinRequest,
  { parts }: TrinoRelation,
  sight: Sight,
): { readonly namespace: readonly string[]; readonly name: string } | undefined {
  const [name = '', schema, catalog] = [...parts].reverse()
  if (parts.length > 3) return undefined
  if (catalog !== undefined && catalog.toLowerCase() !== request.trinoCatalog.toLowerCase()) {
    return undefined
  }
  if (schema?.toLowerCase() === 'information_schema') return undefined
  return { namespace: schema === undefined ? sight.namespace : schema.split('.'), name }
}

function trinoName(
  { trinoCatalog }: PinRequest,
  { namespace, name }: LoadedTable['identifier'],
): string {
  return [trinoCatalog, namespace.join('.'), name].map(sqlName).join('.')
}

function placeOf({ start, end }: TrinoRelation): { readonly start: number; readonly end: number } {
  return { start, end }
}

/** A query in brackets has no name of its own. */
function aliasFor({ hasAlias, parts }: TrinoRelation): string {
  return hasAlias ? '' : ` AS ${sqlName(parts.at(-1)?.toLowerCase() ?? '')}`
}

function choiceOfAt({ at }: TrinoRelation, { identifier, metadata }: LoadedTable): SnapshotChoice {
  const key = tableKey(identifier)
  if (at?.value === undefined) {
    throw new SluiceError(
      'invalid-input',
      `The AT clause of ${key} is more than one literal. Nothing was read. Write the time itself, ` +
        "or Trino's own FOR TIMESTAMP AS OF after the table's name.",
    )
  }
  return at.unit === 'version'
    ? snapshotAtVersion(key, metadata, at.value)
    : snapshotAtTime(key, metadata, parseTimeText(at.value))
}

function notFollowed(word: string): SluiceError {
  return new SluiceError(
    'invalid-input',
    `The tables that ${word} reads cannot be brought to a cut surely. Nothing was read. Write ` +
      'SELECT … FROM instead, or leave the cut out and write FOR VERSION AS OF after each table; ' +
      'snapshot_ids in sluice.cuts names the snapshots of a cut.',
  )
}

function viewAt(key: string): SluiceError {
  return new SluiceError(
    'invalid-input',
    `${key} is a view, which has no versions of its rows. Nothing was read. Ask for a cut ` +
      '(--cut, --as-of), or read the tables below it AT a version.',
  )
}

function deepView(key: string): SluiceError {
  return new SluiceError(
    'invalid-input',
    `The view ${key} is ${VIEW_DEPTH_MAX} views deep, or reads itself. Nothing was read. ` +
      'Correct its definition.',
  )
}

function foreignView(key: string, catalog: string | undefined): SluiceError {
  return new SluiceError(
    'invalid-input',
    catalog === undefined
      ? `The view ${key} has no text for Trino. Nothing was read. Leave --engine trino out, or ` +
          'read the tables below it.'
      : `The view ${key} reads the catalog ${catalog}, so it cannot be brought to a cut. Nothing ` +
          'was read. Say --trino-catalog with that name where it is this lake.',
  )
}

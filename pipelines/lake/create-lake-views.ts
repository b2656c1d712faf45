import { isDeepStrictEqual } from 'node:util'
import { refusalOf } from '../../tables/catalog/catalog-errors.ts'
import type { Catalog } from '../../tables/catalog/catalog.ts'
import type { LoadedView, ViewCatalog } from '../../tables/catalog/view-catalog.ts'
import { nowMs, type Clock } from '../../tables/clock.ts'
import { isErrorKind } from '../../tables/errors.ts'
import type { Schema } from '../../tables/spec/schema.ts'
import { type TableIdentifier, tableId } from '../../tables/spec/table-identifier.ts'
import { tableSchemaOf } from '../../tables/spec/table-schema-of.ts'
import type { ViewDefinition } from '../../tables/spec/view-definition.ts'
import {
  currentViewVersion,
  isSqlRepresentation,
  SLUICE_ENGINE,
  viewSql,
  type ViewVersion,
} from '../../tables/spec/view-metadata.ts'
import { LAKE_IN_TRINO } from './lake-in-trino.ts'

const dialects = ['trino', 'duckdb'] as const

/**
 * Makes every view of the lake that is not there yet, and gives one that was defined otherwise a
 * new version. Views are a comfort: a catalog that has none, or lets us make none, is no error,
 * and a table that has a view's name stays.
 */
export async function createLakeViews(
  catalog: Catalog,
  definitions: readonly ViewDefinition[],
  clock: Clock,
): Promise<void> {
  const { views } = catalog
  if (views === undefined) return
  try {
    for (const definition of definitions) {
      await settleView(catalog, views, definition, nowMs(clock))
    }
  } catch (error) {
    const isRefused = refusalOf(error) === 'ForbiddenException'
    if (!isRefused && !isErrorKind(error, 'unsupported')) throw error
  }
}

async function settleView(
  catalog: Catalog,
  views: ViewCatalog,
  definition: ViewDefinition,
  timestampMs: number,
): Promise<void> {
  const identifier = tableId(definition.name)
  const existing = await views.loadView(identifier)
  if (existing !== undefined) return replaceView(views, existing, definition, timestampMs)
  if (await catalog.tableExists(identifier)) return
  await views.createView(identifier, {
    schema: schemaOf(definition),
    version: versionOf(identifier, definition, timestampMs),
    properties: { comment: definition.doc },
  })
}

async function replaceView(
  views: ViewCatalog,
  existing: LoadedView,
  definition: ViewDefinition,
  timestampMs: number,
): Promise<void> {
  const { identifier, metadata } = existing
  if (isSame(existing, definition)) return
  const version = versionOf(identifier, definition, timestampMs, currentViewVersion(metadata))
  await views.commitView({
    identifier,
    requirements: [{ type: 'assert-view-uuid', uuid: metadata['view-uuid'] }],
    updates: [
      { action: 'set-properties', updates: { comment: definition.doc } },
      { action: 'add-schema', schema: schemaOf(definition) },
      { action: 'add-view-version', 'view-version': version },
      { action: 'set-current-view-version', 'view-version-id': -1 },
    ],
  })
}

function isSame({ metadata }: LoadedView, definition: ViewDefinition): boolean {
  const version = currentViewVersion(metadata)
  const schema = metadata.schemas.find((each) => each['schema-id'] === version?.['schema-id'])
  return (
    metadata.properties['comment'] === definition.doc &&
    version?.['default-catalog'] === LAKE_IN_TRINO &&
    dialects.every((dialect) => viewSql(metadata, dialect) === definition.sql[dialect]) &&
    isDeepStrictEqual(schema?.fields, schemaOf(definition).fields)
  )
}

function schemaOf({ name, doc, columns }: ViewDefinition): Schema {
  return tableSchemaOf({ name, doc, columns, key: [], partition: [], sort: [] }).schema
}

/** The texts that others added in their dialects are kept: only they know how to change them. */
function versionOf(
  { namespace }: TableIdentifier,
  { sql }: ViewDefinition,
  timestampMs: number,
  before?: ViewVersion,
): ViewVersion {
  const foreign = (before?.representations ?? []).filter(
    (each) =>
      !isSqlRepresentation(each) ||
      !dialects.some((dialect) => dialect === each.dialect.toLowerCase()),
  )
  const own = dialects.map((dialect) => ({ type: 'sql', sql: sql[dialect], dialect }) as const)
  return {
    'version-id': (before?.['version-id'] ?? 0) + 1,
    'timestamp-ms': timestampMs,
    'schema-id': -1,
    summary: { 'engine-name': SLUICE_ENGINE },
    'default-catalog': LAKE_IN_TRINO,
    'default-namespace': namespace,
    representations: [...own, ...foreign],
  }
}

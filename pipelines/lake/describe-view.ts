import type { HasModel } from '../../shared-transforms/lake-model.ts'
import type { LoadedView } from '../../tables/catalog/view-catalog.ts'
import { tableId, tableKey } from '../../tables/spec/table-identifier.ts'
import { currentViewVersion, isSqlRepresentation } from '../../tables/spec/view-metadata.ts'
import { describeColumns, type DescribedColumn } from './describe-columns.ts'
import type { Lake } from './lake.ts'

/** What a view says of itself. It has no rows of its own, so nothing is counted. */
export interface ViewSummary {
  readonly namespace: string
  /** Its name, which no table of the namespace has. */
  readonly table: string
  readonly doc: string
}

/** What a view is, by its metadata alone. */
export interface ViewDescription extends ViewSummary {
  readonly location: string
  readonly metadataLocation: string
  readonly viewUuid: string
  readonly versionId: number
  /** When this version was made, ms since 1970; undefined where no version is current. */
  readonly versionMs: number | undefined
  readonly columns: readonly DescribedColumn[]
  /** Its text in each engine's SQL, by the dialect's name in small letters. */
  readonly sql: Readonly<Record<string, string>>
  readonly properties: Readonly<Record<string, string>>
}

/** The lake's own views that are there; none in a catalog that holds no views. */
export async function readViewSummaries(lake: Lake): Promise<readonly ViewSummary[]> {
  const summaries: ViewSummary[] = []
  for (const { name } of lake.model.views) {
    const view = await lake.catalog.views?.loadView(tableId(name))
    if (view !== undefined) summaries.push(summarizeView(view))
  }
  return summaries
}

/** What its metadata says of a view. */
export function describeView({ model }: HasModel, loaded: LoadedView): ViewDescription {
  const { identifier, metadata, metadataLocation } = loaded
  const version = currentViewVersion(metadata)
  const schema = metadata.schemas.find((each) => each['schema-id'] === version?.['schema-id'])
  const definition = model.views.find(({ name }) => name === tableKey(identifier))
  const texts = (version?.representations ?? []).filter(isSqlRepresentation)
  return {
    ...summarizeView(loaded),
    location: metadata.location,
    metadataLocation,
    viewUuid: metadata['view-uuid'],
    versionId: metadata['current-version-id'],
    versionMs: version?.['timestamp-ms'],
    columns: schema === undefined ? [] : describeColumns(schema, definition),
    sql: Object.fromEntries(texts.map(({ dialect, sql }) => [dialect.toLowerCase(), sql])),
    properties: metadata.properties,
  }
}

function summarizeView({ identifier, metadata }: LoadedView): ViewSummary {
  return {
    namespace: identifier.namespace.join('.'),
    table: identifier.name,
    doc: metadata.properties['comment'] ?? '',
  }
}

import { tableOfModel, type HasModel } from '../../shared-transforms/lake-model.ts'
import type { LoadedTable } from '../../tables/catalog/catalog.ts'
import { createTableLookup } from '../../tables/query/table-lookup.ts'
import { currentSnapshot } from '../../tables/spec/cut-history.ts'
import { fieldsById } from '../../tables/spec/schema-fields.ts'
import type { Schema } from '../../tables/spec/schema.ts'
import { tableKey } from '../../tables/spec/table-identifier.ts'
import type { TableMetadata } from '../../tables/spec/table-metadata.ts'
import { currentSchema, defaultSortOrder, defaultSpec } from '../../tables/write/current-layout.ts'
import { describeColumns, type DescribedColumn } from './describe-columns.ts'
import type { Lake } from './lake.ts'
import { summarizeTable, type TableSummary } from './table-summary.ts'

/** What a table is and how it stands, by its metadata alone. */
export interface TableDescription extends TableSummary {
  readonly location: string
  readonly metadataLocation: string
  readonly tableUuid: string
  readonly formatVersion: number
  /** When the current snapshot was committed, ms since 1970; undefined where there is none. */
  readonly committedMs: number | undefined
  readonly columns: readonly DescribedColumn[]
  /** The columns that tell rows apart. */
  readonly key: readonly string[]
  /** `day(event_ts)`, as a new file is partitioned. */
  readonly partition: readonly string[]
  readonly specCount: number
  /** `venue_symbol asc nulls first`. */
  readonly sort: readonly string[]
  readonly properties: Readonly<Record<string, string>>
}

/** A table by its dotted name, or by its bare one where it is the only such. */
export async function findTable(lake: Lake, name: string): Promise<LoadedTable> {
  const levels = name.split('.')
  return createTableLookup(lake.catalog).load(levels.slice(0, -1), levels.at(-1) ?? '')
}

/** What its metadata says of a table. */
export function describeTable(
  { model }: HasModel,
  loaded: LoadedTable,
): TableDescription {
  const { metadata, metadataLocation } = loaded
  const schema = currentSchema(metadata)
  const definition = tableOfModel(model, tableKey(loaded.identifier))
  return {
    ...summarizeTable(loaded, definition?.doc ?? metadata.properties.comment ?? ''),
    location: metadata.location,
    metadataLocation,
    tableUuid: metadata['table-uuid'],
    formatVersion: metadata['format-version'],
    committedMs: currentSnapshot(metadata)?.['timestamp-ms'],
    columns: describeColumns(schema, definition),
    key: definition?.key ?? identifierNames(schema),
    partition: defaultSpec(metadata).fields.map((field) =>
      transformText(field.transform, columnName(metadata, field['source-id'])),
    ),
    specCount: metadata['partition-specs'].length,
    sort: defaultSortOrder(metadata).fields.map((field) => {
      const source = transformText(field.transform, columnName(metadata, field['source-id']))
      return `${source} ${field.direction} ${field['null-order'].replace('-', ' ')}`
    }),
    properties: metadata.properties,
  }
}

function identifierNames(schema: Schema): readonly string[] {
  const fields = fieldsById(schema)
  return (schema['identifier-field-ids'] ?? []).map((id) => fields.get(id)?.name ?? `id ${id}`)
}

/** A partition or sort order may be made of a column that was dropped since. */
function columnName(metadata: TableMetadata, fieldId: number): string {
  for (const schema of [currentSchema(metadata), ...[...metadata.schemas].reverse()]) {
    const field = fieldsById(schema).get(fieldId)
    if (field !== undefined) return field.name
  }
  return `id ${fieldId}`
}

function transformText(transform: string, column: string): string {
  if (transform === 'identity') return column
  const width = /^(\w+)\[(\d+)\]$/.exec(transform)
  return width === null ? `${transform}(${column})` : `${width[1]}(${width[2]}, ${column})`
}

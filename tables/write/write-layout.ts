import { columnType } from '../engine/column-type.ts'
import { sqlName } from '../engine/sql-text.ts'
import { SluiceError } from '../errors.ts'
import { lineageFields } from '../spec/lineage-fields.ts'
import { fieldsById } from '../spec/schema-fields.ts'
import type { PartitionSpec } from '../spec/partition-spec.ts'
import type { Schema, SchemaField } from '../spec/schema.ts'
import type { SortOrder } from '../spec/sort-order.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'
import { findColumnPath } from './column-path.ts'
import { currentSchema, defaultSortOrder, defaultSpec } from './current-layout.ts'
import { writeDefaultSql } from './default-sql.ts'
import { metricsModes } from './metrics-mode.ts'
import type { MetricsMode } from './metrics-mode.ts'
import { partitionSources } from './split-partitions.ts'
import type { PartitionSource } from './split-partitions.ts'
import { transformSql } from './transform-sql.ts'
import { writeProperties } from './write-properties.ts'
import type { WriteProperties } from './write-properties.ts'

export interface LayoutOptions {
  /** Columns to sort by instead of the table's order; none = keep the query's order. */
  readonly sortBy?: readonly string[]
  /**
   * The query also has `_row_id` and `_last_updated_sequence_number`: rows that are only moved to
   * another file keep who they are (format version 3). Null where they inherit it.
   */
  readonly keepsLineage?: boolean
  /** Names of the columns that the rows have; others get their `write-default` where they have one. */
  readonly given?: ReadonlySet<string>
}

/** Everything that a table says of how its files are to be written. */
export interface WriteLayout {
  readonly table: TableMetadata
  readonly schema: Schema
  /** The columns of the files. */
  readonly fields: readonly SchemaField[]
  /** The same as SQL over the rows to write, cast to the types of the table. */
  readonly selected: readonly string[]
  readonly spec: PartitionSpec
  readonly sources: readonly PartitionSource[]
  readonly sortTerms: readonly string[]
  /** What the table's order compares, where all of it ascends. */
  readonly ascendingKeys: readonly string[] | undefined
  readonly sortOrderId: number | undefined
  readonly modeOf: (fieldId: number) => MetricsMode
  readonly properties: WriteProperties
}

/** Throws `unsupported` for a table with columns that the engine cannot write. */
export function writeLayout(table: TableMetadata, options: LayoutOptions): WriteLayout {
  const schema = currentSchema(table)
  refuseFixed(schema)
  const spec = defaultSpec(table)
  const order = defaultSortOrder(table)
  const { sortBy } = options
  // A column of unknown type holds nulls only, and no file holds it.
  const held = schema.fields.filter((field) => field.type !== 'unknown')
  const fields = options.keepsLineage === true ? [...held, ...lineageFields] : held
  return {
    table,
    schema,
    fields,
    selected: fields.map((field) => selectedSql(field, options.given)),
    spec,
    sources: partitionSources(schema, spec),
    sortTerms: sortBy === undefined ? termsOf(order, schema) : sortBy.map(sqlName),
    ascendingKeys: sortBy === undefined ? ascendingKeysOf(order, schema) : undefined,
    sortOrderId: sortBy === undefined ? order['order-id'] : undefined,
    modeOf: metricsModes(table, schema),
    properties: writeProperties(table.properties),
  }
}

/**
 * Whether the table says what rows hold whose writer does not give a column.
 * Source: https://iceberg.apache.org/spec/#default-values
 */
export function hasWriteDefaults(table: TableMetadata): boolean {
  return currentSchema(table).fields.some(hasWriteDefault)
}

function hasWriteDefault(field: SchemaField): boolean {
  return (field['write-default'] ?? null) !== null
}

/** A column that has no default must be given: it may be a name that is spelled wrong. */
function selectedSql(field: SchemaField, given: ReadonlySet<string> | undefined): string {
  const name = sqlName(field.name)
  const isGiven = given?.has(field.name.toLowerCase()) ?? true
  const value =
    isGiven || !hasWriteDefault(field)
      ? `CAST(${name} AS ${columnType(field.type, field.name)})`
      : writeDefaultSql(field)
  return `${value} AS ${name}`
}

/** The engine writes bytes with their length; other readers refuse that in a column of one length. */
function refuseFixed(schema: Schema): void {
  for (const { name, type } of fieldsById(schema).values()) {
    if (typeof type !== 'string' || !type.startsWith('fixed')) continue
    throw new SluiceError(
      'unsupported',
      `The column ${name} has the type ${type}, which the engine cannot write as Parquet wants it: ` +
        'PyIceberg would not read the file. Nothing was written. Add a column of type binary in ' +
        'its place, or write to this table with another engine.',
      { context: { column: name } },
    )
  }
}

export function orderBySql(terms: readonly string[]): string {
  return terms.length === 0 ? '' : ` ORDER BY ${terms.join(', ')}`
}

function ascendingKeysOf(order: SortOrder, schema: Schema): readonly string[] | undefined {
  const columns = order.fields.map((sort) => findColumnPath(schema, sort['source-id']))
  const keys = order.fields.flatMap(({ direction, transform }, index) => {
    const column = columns[index]
    return direction === 'asc' && column !== undefined ? [transformSql(transform, column)] : []
  })
  return keys.length > 0 && keys.length === order.fields.length ? keys : undefined
}

function termsOf(order: SortOrder, schema: Schema): readonly string[] {
  return order.fields.flatMap((sort) => {
    const column = findColumnPath(schema, sort['source-id'])
    if (column === undefined) return []
    const direction = sort.direction === 'asc' ? 'ASC' : 'DESC'
    const nulls = sort['null-order'] === 'nulls-first' ? 'NULLS FIRST' : 'NULLS LAST'
    return [`${transformSql(sort.transform, column)} ${direction} ${nulls}`]
  })
}

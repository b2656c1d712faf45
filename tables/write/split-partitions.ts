import type { Session } from '../engine/engine.ts'
import type { RowValue } from '../engine/row-value.ts'
import { sqlString } from '../engine/sql-text.ts'
import { SluiceError } from '../errors.ts'
import type { PartitionField, PartitionSpec, PartitionTuple } from '../spec/partition-spec.ts'
import { applyTransform, transformShape } from '../spec/partition-transform.ts'
import { primitiveShape } from '../spec/primitive-type.ts'
import type { Schema } from '../spec/schema.ts'
import type { SingleValue } from '../spec/single-value.ts'
import { findColumnPath } from './column-path.ts'
import type { ColumnPath } from './column-path.ts'
import { parseDays, parseDecimal } from './parse-statistic.ts'
import { sourceSql, transformSql } from './transform-sql.ts'

/** The rows of one partition value: `condition` selects them, undefined = they are all rows. */
export interface PartitionSlice {
  readonly partition: PartitionTuple
  readonly condition: string | undefined
  /** Undefined where nobody counted. */
  readonly rowCount: number | undefined
}

/** A partition field with the column that it is made of. */
export interface PartitionSource {
  readonly field: PartitionField
  readonly column: ColumnPath
}

/** Throws `unsupported` for a field that is made of a column inside a list or map. */
export function partitionSources(schema: Schema, spec: PartitionSpec): readonly PartitionSource[] {
  return spec.fields.map((field) => ({ field, column: sourceColumn(schema, field) }))
}

/**
 * Which partition values the rows of `relation` have, in the order of the values. One aggregate
 * tells the usual case, where all rows lie in one partition, apart; only else the values are
 * listed. No rows, no slices.
 */
export async function splitPartitions(
  session: Session,
  sources: readonly PartitionSource[],
  relation: string,
): Promise<readonly PartitionSlice[]> {
  if (sources.length === 0) return [{ partition: {}, condition: undefined, rowCount: undefined }]
  const aggregates = sources.flatMap(({ field, column }, index) => {
    const value = field.transform === 'void' ? 'NULL' : sourceSql(column)
    return [
      `min(${value}) AS low${index}`,
      `max(${value}) AS high${index}`,
      `count(${value}) AS count${index}`,
    ]
  })
  const [range] = await session.rowsKept<Record<string, RowValue>>(
    `SELECT count(*) AS total, ${aggregates.join(', ')} FROM ${relation}`,
  )
  if (range === undefined || range.total === 0n) return []
  const partition: Record<string, PartitionTuple[string]> = {}
  for (const [index, source] of sources.entries()) {
    const value = singlePartitionValue(source, range, index)
    if (value === undefined) return listSeveral(session, sources, relation)
    partition[source.field.name] = value
  }
  return [{ partition, condition: undefined, rowCount: Number(range.total) }]
}

/** Undefined where the rows have several values, or may have. */
function singlePartitionValue(
  source: PartitionSource,
  range: Readonly<Record<string, RowValue>>,
  index: number,
): PartitionTuple[string] | undefined {
  const { field, column } = source
  const { kind } = transformShape(field.transform)
  const count = range[`count${index}`]
  if (kind === 'void' || count === 0n) return null
  if (count !== range.total) return undefined
  const low = toPartitionSource(column, range[`low${index}`] ?? null)
  const high = toPartitionSource(column, range[`high${index}`] ?? null)
  const first = applyTransform(field.transform, column.type, low)
  const last = applyTransform(field.transform, column.type, high)
  if (!isSameValue(first, last)) return undefined
  // A bucket does not keep the order: two ends in one bucket say nothing of what lies between.
  if (kind === 'bucket' && !isSameValue(low, high)) return undefined
  // Of the two zeros, which are one value, the one that `transformSql` gives.
  return typeof first === 'number' ? first + 0 : first
}

/** The partition fields as SQL: rows that are equal in them share a partition. */
export function partitionKeys(sources: readonly PartitionSource[]): readonly string[] {
  return sources.map(({ field, column }) => transformSql(field.transform, column))
}

function listSeveral(
  session: Session,
  sources: readonly PartitionSource[],
  relation: string,
): Promise<readonly PartitionSlice[]> {
  const [only, ...others] = sources
  return only !== undefined && others.length === 0 && isRangeOfTime(only)
    ? listTimeRanges(session, only, relation)
    : listPartitions(session, sources, relation)
}

/** Each of its partition values is one range of the column. */
function isRangeOfTime({ field, column }: PartitionSource): boolean {
  const { kind } = transformShape(field.transform)
  const isTime = column.type === 'timestamp' || column.type === 'timestamptz'
  return isTime && (kind === 'year' || kind === 'month' || kind === 'day' || kind === 'hour')
}

/**
 * Calendars are dear: the engine is asked for the year and month of a day, not of each row. And
 * a range of a column lets it pass over the rows outside, where the transform would be computed
 * for all rows of the relation once a partition.
 */
async function listTimeRanges(
  session: Session,
  { field, column }: PartitionSource,
  relation: string,
): Promise<readonly PartitionSlice[]> {
  const { sql, type } = column
  const value = transformSql(field.transform, { ...column, sql: 'part.low' })
  // No longer than a partition, and a whole part of it.
  const part = transformSql(field.transform === 'hour' ? 'hour' : 'day', column)
  const rows = await session.rows<{
    row_count: bigint
    value: number | null
    low_us: bigint | null
    high_us: bigint | null
  }>(
    `SELECT CAST(sum(row_count) AS BIGINT) AS row_count, ${value} AS value, ` +
      `epoch_us(min(low)) AS low_us, epoch_us(max(high)) AS high_us ` +
      `FROM (SELECT min(${sql}) AS low, max(${sql}) AS high, count(*) AS row_count ` +
      `FROM ${relation} GROUP BY ${part}) AS part ` +
      `GROUP BY value ORDER BY value`,
  )
  const make = type === 'timestamptz' ? 'make_timestamptz' : 'make_timestamp'
  return rows.map((row) => ({
    partition: { [field.name]: row.value },
    condition:
      row.value === null || row.low_us === null || row.high_us === null
        ? `${transformSql(field.transform, column)} IS NULL`
        : `${sql} BETWEEN ${make}(${row.low_us}) AND ${make}(${row.high_us})`,
    rowCount: Number(row.row_count),
  }))
}

async function listPartitions(
  session: Session,
  sources: readonly PartitionSource[],
  relation: string,
): Promise<readonly PartitionSlice[]> {
  const keys = partitionKeys(sources)
  const values = sources.map(({ field, column }, index) => {
    const { kind } = transformShape(field.transform)
    const key = { ...column, sql: `grouped.value${index}` }
    return kind === 'identity' || kind === 'truncate' ? sourceSql(key) : key.sql
  })
  const rows = await session.rows<Record<string, RowValue>>(
    `SELECT row_count, ` +
      `${values.map((value, index) => `${value} AS value${index}`).join(', ')}, ` +
      // The text form selects the rows again without a literal of every type.
      `${keys.map((_, index) => `CAST(grouped.value${index} AS VARCHAR) AS text${index}`).join(', ')} ` +
      `FROM (SELECT ${keys.map((key, index) => `${key} AS value${index}`).join(', ')}, ` +
      `count(*) AS row_count FROM ${relation} GROUP BY ALL) AS grouped ` +
      `ORDER BY ${keys.map((_, index) => `grouped.value${index}`).join(', ')}`,
  )
  return rows.map((row) => {
    const partition: Record<string, PartitionTuple[string]> = {}
    const conditions = sources.map(({ field, column }, index) => {
      partition[field.name] = partitionValue(field, column, row[`value${index}`] ?? null)
      const text = row[`text${index}`]
      const literal = typeof text === 'string' ? sqlString(text) : 'NULL'
      return `CAST(${keys[index] ?? ''} AS VARCHAR) IS NOT DISTINCT FROM ${literal}`
    })
    return { partition, condition: conditions.join(' AND '), rowCount: Number(row.row_count) }
  })
}

function partitionValue(
  field: PartitionField,
  column: ColumnPath,
  value: RowValue,
): PartitionTuple[string] {
  const { kind } = transformShape(field.transform)
  if (kind === 'identity' || kind === 'truncate') return toPartitionSource(column, value)
  return typeof value === 'number' ? value : null
}

/** A row's value in the form that transforms and single-value binary take. */
export function toPartitionSource(
  column: Pick<ColumnPath, 'name' | 'type'>,
  value: RowValue,
): SingleValue | null {
  if (value === null) return null
  const shape = primitiveShape(column.type)
  if (shape.kind === 'date' && typeof value === 'string') {
    return parseDays(value) ?? unusable(column)
  }
  if (shape.kind === 'decimal' && typeof value === 'string') {
    return parseDecimal(shape.scale, value) ?? unusable(column)
  }
  if (typeof value === 'object' && !(value instanceof Uint8Array)) return unusable(column)
  return value
}

function sourceColumn(schema: Schema, field: PartitionField): ColumnPath {
  const column = findColumnPath(schema, field['source-id'])
  if (column !== undefined) return column
  // The column was dropped: its field stays in the spec as void.
  if (field.transform === 'void') return { sql: 'NULL', type: 'int', name: field.name }
  throw new SluiceError(
    'unsupported',
    `The partition field ${field.name} is made of a column that is not in the schema, or lies in ` +
      'a list or map. Nothing was written. Give the table a spec of columns with one value a row.',
  )
}

function unusable(column: Pick<ColumnPath, 'name'>): never {
  throw new SluiceError(
    'invalid-input',
    `A value of ${column.name} cannot be a partition value. Nothing was written. ` +
      'Correct the row, or partition by another column.',
  )
}

function isSameValue(a: PartitionTuple[string], b: PartitionTuple[string]): boolean {
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) === 0
  return a === b
}

import type { Session } from '../engine/engine.ts'
import type { RowValue } from '../engine/row-value.ts'
import { sqlName } from '../engine/sql-text.ts'
import type { PartitionField, PartitionSpec, PartitionTuple } from '../spec/partition-spec.ts'
import { applyTransform, transformShape } from '../spec/partition-transform.ts'
import { primitiveShape } from '../spec/primitive-type.ts'
import { findFieldById } from '../spec/schema-fields.ts'
import type { Schema, SchemaField } from '../spec/schema.ts'
import type { SingleValue } from '../spec/single-value.ts'
import { SluiceError } from '../errors.ts'
import { parseDays, parseDecimal } from './parse-statistic.ts'
import { transformSql } from './transform-sql.ts'

/** The rows of one partition value: `condition` selects them, undefined = they are all rows. */
export interface PartitionSlice {
  readonly partition: PartitionTuple
  readonly condition: string | undefined
}

interface Source {
  readonly field: PartitionField
  readonly column: SchemaField
}

/**
 * Which partition values the rows of `relation` have. One aggregate tells the usual case, where
 * all rows lie in one partition, apart; only else the values are listed. No rows, no slices.
 */
export async function splitPartitions(
  session: Session,
  schema: Schema,
  spec: PartitionSpec,
  relation: string,
): Promise<readonly PartitionSlice[]> {
  if (spec.fields.length === 0) return [{ partition: {}, condition: undefined }]
  const sources = spec.fields.map((field) => ({ field, column: sourceColumn(schema, field) }))
  const aggregates = sources.flatMap(({ column }, index) => {
    const name = sqlName(column.name)
    return [
      `min(${name}) AS low${index}`,
      `max(${name}) AS high${index}`,
      `count(${name}) AS count${index}`,
    ]
  })
  const [range] = await session.rowsKept<Record<string, RowValue>>(
    `SELECT count(*) AS total, ${aggregates.join(', ')} FROM ${relation}`,
  )
  if (range === undefined || range.total === 0n) return []
  const partition: Record<string, PartitionTuple[string]> = {}
  for (const [index, source] of sources.entries()) {
    const value = singlePartitionValue(source, range, index)
    if (value === undefined) return listPartitions(session, sources, relation)
    partition[source.field.name] = value
  }
  return [{ partition, condition: undefined }]
}

/** Undefined where the rows have several values, or may have. */
function singlePartitionValue(
  source: Source,
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
  return first
}

async function listPartitions(
  session: Session,
  sources: readonly Source[],
  relation: string,
): Promise<readonly PartitionSlice[]> {
  const expressions = sources.map(({ field, column }) => transformSql(field.transform, column))
  const selected = expressions.map((expression, index) => `${expression} AS value${index}`)
  // The text form selects the rows again without a literal of every type.
  const texts = expressions.map(
    (expression, index) => `CAST(value${index} AS VARCHAR) AS text${index}`,
  )
  const rows = await session.rows<Record<string, RowValue>>(
    `SELECT *, ${texts.join(', ')} FROM (SELECT DISTINCT ${selected.join(', ')} FROM ${relation}) ` +
      `ORDER BY ${sources.map((_, index) => `value${index}`).join(', ')}`,
  )
  return rows.map((row) => {
    const partition: Record<string, PartitionTuple[string]> = {}
    const conditions = sources.map(({ field, column }, index) => {
      const value = row[`value${index}`] ?? null
      partition[field.name] = partitionValue(field, column, value)
      const text = row[`text${index}`]
      const literal = typeof text === 'string' ? `'${text.replaceAll("'", "''")}'` : 'NULL'
      const expression = expressions[index] ?? ''
      return `CAST(${expression} AS VARCHAR) IS NOT DISTINCT FROM ${literal}`
    })
    return { partition, condition: conditions.join(' AND ') }
  })
}

function partitionValue(
  field: PartitionField,
  column: SchemaField,
  value: RowValue,
): PartitionTuple[string] {
  const { kind } = transformShape(field.transform)
  if (kind === 'identity' || kind === 'truncate') return toPartitionSource(column, value)
  return typeof value === 'number' ? value : null
}

/** A row's value in the form that transforms and single-value binary take. */
export function toPartitionSource(column: SchemaField, value: RowValue): SingleValue | null {
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

function sourceColumn(schema: Schema, field: PartitionField): SchemaField {
  const column = findFieldById(schema, field['source-id'])
  // A nested source is not selected by name at the top: no table of ours has one.
  if (column !== undefined && schema.fields.includes(column)) return column
  throw new SluiceError(
    'unsupported',
    `The partition field ${field.name} is made of a column that is not at the top of the ` +
      'schema. Nothing was written. Partition the table by a top-level column.',
  )
}

function unusable(column: SchemaField): never {
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

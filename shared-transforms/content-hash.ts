import type { ColumnDefinition, TableDefinition } from '../tables/spec/table-definition.ts'
import { duckdbDialect, type Dialect } from './dialect.ts'

/**
 * Per UTC day of a table: row_count, and `hash`, the sum (decimal(38,0)) of the first 60 bits of
 * md5 over each row's canonical text. A sum hangs on no order, and equal rows count as often as
 * they are there. Only content columns take part, and no doubles.
 *
 * Canonical text: the columns in their order between bars; decimals at full scale, times as epoch
 * µs, null as \N, texts as `<length>:<text>`. The same in DuckDB and in Trino.
 *
 * The day is of the table's partition column. Columns: day, row_count, hash, ordered by day.
 */
export function contentHashSql(
  definition: TableDefinition,
  relation: string,
  dialect: Dialect = duckdbDialect,
): string {
  const columns = definition.columns.filter(isHashed)
  const texts = columns.map((column) => canonicalSql(column, dialect))
  const text = texts.length === 0 ? `''` : texts.join(` || '|' || `)
  const dayColumn = definition.partition[0]?.column ?? definition.key[0] ?? 'event_ts'
  const { contentRows } = definition
  const condition = contentRows === undefined ? '' : ` WHERE ${contentRows}`
  const day = dialect.dateOfUs(dialect.epochUs(dayColumn))
  return (
    `SELECT day, count(*) AS row_count, CAST(sum(CAST(bits AS DECIMAL(38, 0))) AS DECIMAL(38, 0)) ` +
    `AS hash FROM (SELECT ${day} AS day, ${dialect.md5Bits(text)} AS bits FROM ${relation} AS r${condition}) ` +
    `GROUP BY day ORDER BY day`
  )
}

function isHashed(column: ColumnDefinition): boolean {
  return column.role === 'content' && column.type !== 'double' && column.type !== 'float'
}

function canonicalSql(column: ColumnDefinition, dialect: Dialect): string {
  const { name, type, nullAs = '\\N' } = column
  const text = canonicalTextSql(name, type, dialect)
  return column.isRequired ? text : `coalesce(${text}, '${nullAs}')`
}

function canonicalTextSql(name: string, type: string, dialect: Dialect): string {
  if (type === 'timestamptz') return `CAST(${dialect.epochUs(name)} AS VARCHAR)`
  if (type === 'string') return `CAST(length(${name}) AS VARCHAR) || ':' || ${name}`
  return `CAST(${name} AS VARCHAR)`
}

import { columnType } from '../engine/column-type.ts'
import { SluiceError } from '../errors.ts'
import type { PartitionTransform } from '../spec/partition-spec.ts'
import { transformShape } from '../spec/partition-transform.ts'
import { primitiveShape } from '../spec/primitive-type.ts'
import type { ColumnPath } from './column-path.ts'
import { murmur3OfHex, murmur3OfLong } from './murmur3-sql.ts'

const US_PER_HOUR = 3_600_000_000n
const US_PER_DAY = 24n * US_PER_HOUR

/**
 * A partition transform as SQL over a column; the same value as `applyTransform` gives, null for
 * null. Source: https://iceberg.apache.org/spec/#partition-transforms. Throws `invalid-input` for
 * a type that the transform does not take.
 */
export function transformSql(transform: PartitionTransform, column: ColumnPath): string {
  const { sql, type } = column
  const shape = transformShape(transform)
  switch (shape.kind) {
    case 'identity':
      // Of the two zeros one stands for both: they are equal, and must lie in one partition.
      return type === 'float' || type === 'double' ? `(${sql} + 0)` : sql
    case 'void':
      return `CAST(NULL AS ${columnType(type)})`
    case 'year':
      return `CAST(year(${sql}) - 1970 AS INTEGER)`
    case 'month':
      return `CAST((year(${sql}) - 1970) * 12 + month(${sql}) - 1 AS INTEGER)`
    case 'day':
      return daySql(column)
    case 'hour':
      return `CAST(${floorDivision(`epoch_us(${sql})`, US_PER_HOUR)} AS INTEGER)`
    case 'truncate':
      return truncateSql(column, shape.width)
    case 'bucket':
      return bucketSql(transform, column, shape.width)
  }
}

/**
 * A column's values in the form of partition values and bounds where the engine's own would not
 * leave it exactly: times in µs, nanoseconds whole.
 */
export function sourceSql({ sql, type }: ColumnPath): string {
  const { kind } = primitiveShape(type)
  if (kind === 'time') return `epoch_us(${sql})`
  return kind === 'timestamp_ns' ? `epoch_ns(${sql})` : sql
}

function daySql({ sql, type }: ColumnPath): string {
  if (type === 'date') return `CAST(${sql} - DATE '1970-01-01' AS INTEGER)`
  return `CAST(${floorDivision(`epoch_us(${sql})`, US_PER_DAY)} AS INTEGER)`
}

function bucketSql(transform: PartitionTransform, column: ColumnPath, count: number): string {
  const hash = hashSql(transform, column)
  return (
    `CASE WHEN ${column.sql} IS NULL THEN NULL ` +
    `ELSE CAST((${hash} & 2147483647) % ${count} AS INTEGER) END`
  )
}

/** What the spec hashes: integers, dates and times as eight bytes, all else by its own bytes. */
function hashSql(transform: PartitionTransform, { sql, type, name }: ColumnPath): string {
  const shape = primitiveShape(type)
  switch (shape.kind) {
    case 'int':
    case 'long':
      return murmur3OfLong(`CAST(${sql} AS BIGINT)`)
    case 'date':
      return murmur3OfLong(`CAST(${sql} - DATE '1970-01-01' AS BIGINT)`)
    case 'time':
    case 'timestamp':
    case 'timestamptz':
    // Nanoseconds are hashed as microseconds, so that a column may be widened.
    case 'timestamp_ns':
      return murmur3OfLong(`epoch_us(${sql})`)
    case 'decimal':
      return murmur3OfHex(decimalHex(sql))
    case 'string':
      return murmur3OfHex(`hex(${sql})`)
    case 'binary':
    case 'fixed':
      return murmur3OfHex(`hex(${sql})`)
    case 'uuid':
      return murmur3OfHex(`upper(replace(CAST(${sql} AS VARCHAR), '-', ''))`)
    default:
      throw new SluiceError(
        'invalid-input',
        `The partition transform ${transform} does not take the column ${name} of type ` +
          `${typeof type === 'string' ? type : type.type}. Nothing was written. Partition by another column or transform.`,
      )
  }
}

/** The shortest two's complement of the unscaled value, as hex: see `decimalBytes`. */
function decimalHex(sql: string): string {
  const unscaled = `CAST(replace(CAST(${sql} AS VARCHAR), '.', '') AS HUGEINT)`
  const positive = `CASE WHEN length(d) % 2 = 1 THEN '0' || d WHEN d >= '8' THEN '00' || d ELSE d END`
  const negative = `regexp_replace(d, '^(FF)+([89A-F].)', '\\2')`
  return (
    `list_transform([hex(${unscaled})], ` +
    `lambda d: CASE WHEN ${sql} < 0 THEN ${negative} ELSE ${positive} END)[1]`
  )
}

function truncateSql({ sql: column, type: source }: ColumnPath, width: number): string {
  const shape = primitiveShape(source)
  if (shape.kind === 'string') return `left(${column}, ${width})`
  if (shape.kind === 'binary') return `from_hex(left(hex(${column}), ${width} * 2))`
  const type = columnType(source)
  // Of a decimal the unscaled number is truncated: 10.65 by 50 at scale 2 is 10.50.
  const step =
    shape.kind === 'decimal' ? `CAST('${scaledText(width, shape.scale)}' AS ${type})` : width
  return `CAST(${column} - ((${column} % ${step}) + ${step}) % ${step} AS ${type})`
}

function scaledText(unscaled: number, scale: number): string {
  const digits = String(unscaled).padStart(scale + 1, '0')
  return `${digits.slice(0, digits.length - scale)}.${digits.slice(digits.length - scale)}`
}

/** The engine's // cuts toward zero; a day before 1970 needs the floor. */
function floorDivision(dividend: string, divisor: bigint): string {
  return `(${dividend} - ((${dividend} % ${divisor}) + ${divisor}) % ${divisor}) // ${divisor}`
}

import { columnType } from '../engine/column-type.ts'
import { sqlName } from '../engine/sql-text.ts'
import { SluiceError } from '../errors.ts'
import type { PartitionTransform } from '../spec/partition-spec.ts'
import { transformShape } from '../spec/partition-transform.ts'
import { primitiveShape } from '../spec/primitive-type.ts'
import type { SchemaField } from '../spec/schema.ts'

const US_PER_HOUR = 3_600_000_000n
const US_PER_DAY = 24n * US_PER_HOUR

/**
 * A partition transform as SQL over a column; the same value as `applyTransform` gives, null for
 * null. Source: https://iceberg.apache.org/spec/#partition-transforms. Throws `unsupported` for
 * bucket: the engine has no murmur3.
 */
export function transformSql(transform: PartitionTransform, field: SchemaField): string {
  const column = sqlName(field.name)
  const shape = transformShape(transform)
  switch (shape.kind) {
    case 'identity':
      return column
    case 'void':
      return `CAST(NULL AS ${columnType(field.type)})`
    case 'year':
      return `CAST(year(${column}) - 1970 AS INTEGER)`
    case 'month':
      return `CAST((year(${column}) - 1970) * 12 + month(${column}) - 1 AS INTEGER)`
    case 'day':
      return daySql(column, field)
    case 'hour':
      return `CAST(${floorDivision(`epoch_us(${column})`, US_PER_HOUR)} AS INTEGER)`
    case 'truncate':
      return truncateSql(column, field, shape.width)
    case 'bucket':
      throw new SluiceError(
        'unsupported',
        `Rows cannot be written by the partition transform ${transform} of column ${field.name}; ` +
          'nothing was written. Write to this table with another engine, or partition by ' +
          'identity, year, month, day, hour or truncate.',
      )
  }
}

function daySql(column: string, field: SchemaField): string {
  if (field.type === 'date') return `CAST(${column} - DATE '1970-01-01' AS INTEGER)`
  return `CAST(${floorDivision(`epoch_us(${column})`, US_PER_DAY)} AS INTEGER)`
}

function truncateSql(column: string, field: SchemaField, width: number): string {
  const shape = primitiveShape(field.type)
  if (shape.kind === 'string') return `left(${column}, ${width})`
  if (shape.kind === 'binary') return `from_hex(left(hex(${column}), ${width} * 2))`
  const type = columnType(field.type)
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

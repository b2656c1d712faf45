import { SluiceError } from '../errors.ts'
import type { IcebergType, PrimitiveType } from '../spec/schema.ts'
import { isOpaqueType, primitiveShape } from '../spec/primitive-type.ts'
import { sqlName } from './sql-text.ts'

const simpleTypes = {
  boolean: 'BOOLEAN',
  int: 'INTEGER',
  long: 'BIGINT',
  float: 'FLOAT',
  double: 'DOUBLE',
  date: 'DATE',
  time: 'TIME',
  timestamp: 'TIMESTAMP',
  timestamptz: 'TIMESTAMPTZ',
  timestamp_ns: 'TIMESTAMP_NS',
  string: 'VARCHAR',
  uuid: 'UUID',
  binary: 'BLOB',
  fixed: 'BLOB',
  unknown: '"NULL"',
} as const

/**
 * The engine's type for a column of an Iceberg table, as SQL text. DuckDB has no fixed-length
 * bytes: `fixed[n]` is read as BLOB; `unknown` holds nulls only. `column` names the column in
 * errors. Throws `unsupported` for a type that the engine cannot hold exactly.
 */
export function columnType(type: IcebergType, column?: string): string {
  if (typeof type === 'string') return primitiveColumnType(type, column)
  const below = (name: string) => (column === undefined ? undefined : `${column}.${name}`)
  switch (type.type) {
    case 'struct': {
      const fields = type.fields.map(
        (field) => `${sqlName(field.name)} ${columnType(field.type, below(field.name))}`,
      )
      return `STRUCT(${fields.join(', ')})`
    }
    case 'list':
      return `${columnType(type.element, below('element'))}[]`
    case 'map': {
      const key = columnType(type.key, below('key'))
      return `MAP(${key}, ${columnType(type.value, below('value'))})`
    }
  }
}

function primitiveColumnType(type: PrimitiveType, column: string | undefined): string {
  if (isOpaqueType(type)) throw notHeld(type, column, 'no value of it is read here')
  const shape = primitiveShape(type)
  if (shape.kind === 'decimal') return `DECIMAL(${shape.precision},${shape.scale})`
  if (shape.kind === 'timestamptz_ns') {
    throw notHeld(type, column, 'the engine holds a time with a zone in microseconds')
  }
  return simpleTypes[shape.kind]
}

function notHeld(type: string, column: string | undefined, reason: string): SluiceError {
  const place = column === undefined ? 'A column' : `The column ${column}`
  return new SluiceError(
    'unsupported',
    `${place} has the type ${type}: ${reason}. Nothing was read or written; ` +
      'leave the column out.',
    column === undefined ? {} : { context: { column } },
  )
}

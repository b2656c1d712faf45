import type { IcebergType, PrimitiveType } from '../spec/schema.ts'
import { primitiveShape } from '../spec/primitive-type.ts'
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
  string: 'VARCHAR',
  uuid: 'UUID',
  binary: 'BLOB',
  fixed: 'BLOB',
} as const

/**
 * The engine's type for a column of an Iceberg table, as SQL text. DuckDB has no fixed-length
 * bytes: `fixed[n]` is read as BLOB. Throws `unsupported` for a type that the engine cannot hold.
 */
export function columnType(type: IcebergType): string {
  if (typeof type === 'string') return primitiveColumnType(type)
  switch (type.type) {
    case 'struct': {
      const fields = type.fields.map((field) => `${sqlName(field.name)} ${columnType(field.type)}`)
      return `STRUCT(${fields.join(', ')})`
    }
    case 'list':
      return `${columnType(type.element)}[]`
    case 'map':
      return `MAP(${columnType(type.key)}, ${columnType(type.value)})`
  }
}

function primitiveColumnType(type: PrimitiveType): string {
  const shape = primitiveShape(type)
  if (shape.kind === 'decimal') return `DECIMAL(${shape.precision},${shape.scale})`
  return simpleTypes[shape.kind]
}

import { columnType } from '../engine/column-type.ts'
import { sqlName } from '../engine/sql-text.ts'
import { SluiceError } from '../errors.ts'
import type { IcebergType, SchemaField, StructType } from '../spec/schema.ts'
import { initialDefaultSql } from '../write/default-sql.ts'
import type { ParquetColumn } from './parquet-schema.ts'

/**
 * Whether the engine reads this column right when it is told the column's id and type alone. It
 * finds the members of a struct by NAME, at every depth: that is wrong once a member was renamed,
 * was dropped and added anew, or has a default.
 */
export function isReadByName(column: ParquetColumn, type: IcebergType): boolean {
  if (typeof type === 'string') return !needsConversion(column, type)
  if (column.kind !== type.type) return false
  switch (type.type) {
    case 'struct':
      return hasOwnNames(column) && type.fields.every((field) => isMemberByName(column, field))
    case 'list':
      return isPartByName(column.children[0], type.element)
    case 'map':
      return (
        isPartByName(column.children[0], type.key) && isPartByName(column.children[1], type.value)
      )
  }
}

/**
 * SQL that turns the value `sql` of a file's column into the type that the table's schema has now:
 * members by field id, those that the file lacks by default, types widened.
 */
export function projectColumn(sql: string, column: ParquetColumn, type: IcebergType): string {
  return project(sql, column, type, 0)
}

function project(sql: string, column: ParquetColumn, type: IcebergType, depth: number): string {
  if (typeof type === 'string') return projectPrimitive(sql, column, type)
  if (column.kind !== type.type) throw wrongKind(column, type.type)
  const part = `x${depth}`
  switch (type.type) {
    case 'struct':
      return projectStruct(sql, column, type, depth)
    case 'list': {
      const element = project(part, partOf(column, 0), type.element, depth + 1)
      return `list_transform(${sql}, lambda ${part}: ${element})`
    }
    case 'map': {
      const key = project(`${part}.key`, partOf(column, 0), type.key, depth + 1)
      const value = project(`${part}.value`, partOf(column, 1), type.value, depth + 1)
      return (
        `map_from_entries(list_transform(map_entries(${sql}), ` +
        `lambda ${part}: {'key': ${key}, 'value': ${value}}))`
      )
    }
  }
}

function projectStruct(
  sql: string,
  column: ParquetColumn,
  type: StructType,
  depth: number,
): string {
  if (!hasOwnNames(column)) {
    throw new SluiceError(
      'unsupported',
      `Two members of the column ${column.name} differ in case only, which the engine cannot ` +
        'tell apart. Nothing was read. Rename one of them and rewrite the files.',
    )
  }
  const members = type.fields.map((field) => {
    const child = column.children.find(({ fieldId }) => fieldId === field.id)
    const value =
      child === undefined
        ? initialDefaultSql(field)
        : project(`(${sql}).${sqlName(child.name)}`, child, field.type, depth)
    return `${sqlName(field.name)} := ${value}`
  })
  return `CASE WHEN ${sql} IS NULL THEN NULL ELSE struct_pack(${members.join(', ')}) END`
}

function projectPrimitive(sql: string, column: ParquetColumn, type: IcebergType): string {
  const target = columnType(type)
  if (!needsConversion(column, type)) return `CAST(${sql} AS ${target})`
  // Bytes that say nothing of themselves: a cast would escape those of a text.
  return type === 'string' ? `decode(${sql})` : `CAST(hex(${sql}) AS ${target})`
}

/** Physical types. Source: parquet.thrift of https://github.com/apache/parquet-format */
const BYTE_ARRAY = '6'
const FIXED_LEN_BYTE_ARRAY = '7'

function needsConversion(column: ParquetColumn, type: IcebergType): boolean {
  const [physical] = column.stored.split('/')
  if (column.meaning !== undefined) return false
  if (type === 'string') return physical === BYTE_ARRAY
  return type === 'uuid' && physical === FIXED_LEN_BYTE_ARRAY
}

function isMemberByName(column: ParquetColumn, field: SchemaField): boolean {
  const child = column.children.find(({ fieldId }) => fieldId === field.id)
  const namesake = column.children.find(({ name }) => sameName(name, field.name))
  if (child !== namesake) return false
  if (child === undefined) return (field['initial-default'] ?? null) === null
  return isReadByName(child, field.type)
}

function isPartByName(part: ParquetColumn | undefined, type: IcebergType): boolean {
  return part !== undefined && isReadByName(part, type)
}

function hasOwnNames(column: ParquetColumn): boolean {
  const names = new Set(column.children.map(({ name }) => name.toLowerCase()))
  return names.size === column.children.length
}

/** The engine knows no case in names. */
function sameName(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase()
}

function partOf(column: ParquetColumn, index: number): ParquetColumn {
  const part = column.children[index]
  if (part === undefined) throw wrongKind(column, 'list or map')
  return part
}

function wrongKind(column: ParquetColumn, wanted: string): SluiceError {
  return new SluiceError(
    'corrupt-data',
    `The column ${column.name} of a data file is a ${column.kind} where the table's schema has ` +
      `a ${wanted}. Nothing was read. Rewrite the file with the engine that made it.`,
  )
}

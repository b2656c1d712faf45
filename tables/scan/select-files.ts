import { columnType } from '../engine/column-type.ts'
import { sqlName, sqlPath, sqlString } from '../engine/sql-text.ts'
import { SluiceError } from '../errors.ts'
import type { IcebergType, SchemaField } from '../spec/schema.ts'
import { defaultText, initialDefaultSql } from '../write/default-sql.ts'
import { readingFile } from '../write/reading-file.ts'
import { checkNames } from './file-layout.ts'
import type { FileLayout } from './file-layout.ts'
import type { ParquetColumn } from './parquet-schema.ts'
import { isReadByName, projectColumn } from './project-column.ts'

/** One file to be read. */
export interface SourceFile {
  readonly location: string
  /** What the engine opens. */
  readonly path: string
  /** Undefined where the file is known to have field ids and all of its partition's columns. */
  readonly layout: FileLayout | undefined
  /** SQL of the values of identity partition columns, which the file itself may lack. */
  readonly partitionValues: ReadonlyMap<number, string>
  /** Its columns have the names and the types of the table's, now as when it was written. */
  readonly hasTableNames?: boolean
}

/** An outermost field, with the type that is wanted of it, and the name that it gets. */
export interface ReadColumn extends SchemaField {
  readonly column: string
}

export function readColumn(field: SchemaField, column = `c${field.id}`): ReadColumn {
  return { ...field, column }
}

/**
 * SELECTs that together give every row of the files: each column by its name, in the field's type,
 * and `filename` and `file_row_number` where `withPlace` asks for them. Most files are read by
 * field id by the engine itself, in one SELECT; the others by expressions that follow their layout.
 */
export function selectFiles(
  files: readonly SourceFile[],
  fields: readonly ReadColumn[],
  withPlace: boolean,
): readonly string[] {
  const plain: SourceFile[] = []
  const others = new Map<string, SourceFile[]>()
  // The engine is told each id once: a struct that is wanted in two types is taken apart here.
  const isOnce = new Set(fields.map(({ id }) => id)).size === fields.length
  for (const file of files) {
    const key =
      isOnce && fields.every((field) => isReadByEngine(file, field))
        ? undefined
        : `${file.layout?.idsFrom} ${missingFields(file, fields).join()} ${file.layout?.key}`
    if (key === undefined) plain.push(file)
    else others.set(key, [...(others.get(key) ?? []), file])
  }
  const selects = [...others.values()].map((group) => selectByLayout(group, fields, withPlace))
  return plain.length === 0 ? selects : [selectByIds(plain, fields, withPlace), ...selects]
}

/** Whether reading the field by its id and type gives what the table means. */
export function isReadByEngine(
  { layout, partitionValues }: SourceFile,
  field: SchemaField,
): boolean {
  if (layout === undefined) return true
  if (layout.idsFrom !== 'file') return false
  const column = columnOf(layout, field)
  if (column !== undefined) return isReadByName(column, field.type)
  return !partitionValues.has(field.id) && isPlainDefault(field)
}

/** Defaults of structs are made of those of their members, which the engine's option cannot say. */
function isPlainDefault({ type, ...field }: SchemaField): boolean {
  return typeof type === 'string' || (field['initial-default'] ?? null) === null
}

function selectByIds(
  files: readonly SourceFile[],
  fields: readonly ReadColumn[],
  withPlace: boolean,
): string {
  if (!withPlace && fields.length > 0 && files.every((file) => file.hasTableNames === true)) {
    const named = fields.map(({ name, column }) => `${sqlName(name)} AS ${column}`)
    return `SELECT ${named.join(', ')} FROM ${readParquet(files, '')}`
  }
  const columns = [...fields.map(({ column }) => column), ...placeColumns(withPlace)]
  const entries = fields.map(
    (field) =>
      `${field.id}: {name: '${field.column}', ` +
      `type: ${sqlString(columnType(field.type, field.name))}, default_value: ${defaultOption(field)}}`,
  )
  const schema = entries.length === 0 ? '' : `, schema = MAP {${entries.join(', ')}}`
  return `SELECT ${listOf(columns)} FROM ${readParquet(files, schema)}`
}

function selectByLayout(
  files: readonly SourceFile[],
  fields: readonly ReadColumn[],
  withPlace: boolean,
): string {
  const [first] = files
  if (first?.layout === undefined) throw new RangeError('a group of files has no layout')
  const { layout, location } = first
  checkNames(layout.columns, location)
  const missing = missingFields(first, fields)
  const columns = fields.map((field) => {
    const column = columnOf(layout, field)
    const name = field.column
    if (column === undefined) {
      return `${missing.includes(field.id) ? `parts.${partName(field.id)}` : initialDefaultSql(field)} AS ${name}`
    }
    checkNested(layout, field.type, location)
    const source = `source.${sqlName(column.name)}`
    const value = readingFile(location, () => projectColumn(source, column, field.type))
    return `${value} AS ${name}`
  })
  const join = missing.length === 0 ? '' : ` JOIN ${partitionTable(files, missing)}`
  const place = placeColumns(withPlace).map((name) => `source.${name}`)
  const inner = `SELECT *, filename, file_row_number FROM ${readParquet(files, '')}`
  return `SELECT ${listOf([...columns, ...place])} FROM (${inner}) AS source${join}`
}

function readParquet(files: readonly SourceFile[], schema: string): string {
  const paths = `[${files.map(({ path }) => sqlPath(path)).join(', ')}]`
  return `read_parquet(${paths}, hive_partitioning = false${schema})`
}

/** The partition values of each file. */
function partitionTable(files: readonly SourceFile[], fieldIds: readonly number[]): string {
  const rows = files.map(({ path, partitionValues }) => {
    const values = fieldIds.map((id) => partitionValues.get(id) ?? 'NULL')
    return `(${[sqlString(path), ...values].join(', ')})`
  })
  const names = ['path', ...fieldIds.map(partName)]
  return `(VALUES ${rows.join(', ')}) AS parts(${names.join(', ')}) ON parts.path = source.filename`
}

/** Fields whose values come from the partition: an engine may leave such columns out of files. */
function missingFields(file: SourceFile, fields: readonly SchemaField[]): readonly number[] {
  const { layout, partitionValues } = file
  if (layout === undefined) return []
  const missing = fields.filter(
    (field) => partitionValues.has(field.id) && columnOf(layout, field) === undefined,
  )
  return missing.map(({ id }) => id)
}

function partName(fieldId: number): string {
  return `p${fieldId}`
}

function columnOf({ columns }: FileLayout, field: SchemaField): ParquetColumn | undefined {
  return columns.find(({ fieldId }) => fieldId === field.id)
}

/** By position nothing is known of what is nested; the Java library reads nulls without a word. */
function checkNested({ idsFrom }: FileLayout, type: IcebergType, location: string): void {
  if (idsFrom !== 'position' || typeof type === 'string') return
  throw new SluiceError(
    'unsupported',
    `The file ${location} has no field ids, and the table no name mapping, so the members of its ` +
      'nested columns are not known. Nothing was read. Set the table property ' +
      'schema.name-mapping.default.',
  )
}

function defaultOption(field: SchemaField): string {
  const value = field['initial-default'] ?? null
  return value === null ? 'NULL' : sqlString(defaultText(field.type, value))
}

function placeColumns(withPlace: boolean): readonly string[] {
  return withPlace ? ['filename', 'file_row_number'] : []
}

/** A SELECT must name something: rows count even where no column is asked for. */
function listOf(columns: readonly string[]): string {
  return columns.length === 0 ? 'NULL AS nothing' : columns.join(', ')
}

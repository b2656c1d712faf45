import { columnType } from '../engine/column-type.ts'
import { sqlName, sqlString, sqlStrings } from '../engine/sql-text.ts'
import { SluiceError } from '../errors.ts'
import type { FileIO } from '../file-io/file-io.ts'
import type { SchemaField } from '../spec/schema.ts'
import { FILE_PATH_FIELD_ID, POSITION_FIELD_ID } from '../write/write-position-deletes.ts'
import type { ScanPlan, ScanTask } from './plan-scan.ts'

export interface ScanSqlOptions {
  /** By default all columns of the plan's schema, in its order. */
  readonly columns?: readonly string[]
  /** Adds `_file` (the location as the manifest says it) and `_pos` (row in the file, from 0). */
  readonly withPosition?: boolean
}

/** Files fetched at once where the store is not the local disk. */
const FETCH_AT_ONCE = 16

/**
 * A SELECT over the files of a plan, for use as a subquery: columns by field id in the schema's
 * types (absent in old files = null), deleted rows left out. The caller filters: a plan prunes
 * files, not rows. Without files it is a typed SELECT of no rows.
 */
export async function scanSql(
  plan: ScanPlan,
  fileIO: FileIO,
  options: ScanSqlOptions = {},
): Promise<string> {
  const fields = chooseFields(plan, options.columns)
  if (plan.tasks.length === 0) return emptySelect(fields, options.withPosition ?? false)
  const paths = await localPaths(plan.tasks, fileIO)
  const touched = plan.tasks.filter((task) => task.deletes.length > 0)
  const untouched = plan.tasks.filter((task) => task.deletes.length === 0)
  const parts: string[] = []
  if (untouched.length > 0) parts.push(selectFiles(untouched, paths, fields, options))
  if (touched.length > 0) parts.push(selectFiles(touched, paths, fields, options))
  return parts.join(' UNION ALL ')
}

type LocalPaths = ReadonlyMap<string, string>

/** One SELECT over data files that all have deletes, or that all have none. */
function selectFiles(
  tasks: readonly ScanTask[],
  paths: LocalPaths,
  fields: readonly SchemaField[],
  options: ScanSqlOptions,
): string {
  const hasDeletes = tasks.some((task) => task.deletes.length > 0)
  const withPosition = options.withPosition ?? false
  const columns = fields.map((field) => `data.${sqlName(field.name)}`)
  if (withPosition) columns.push('names.location AS "_file"', 'data.file_row_number AS "_pos"')
  const files = sqlStrings(tasks.map((task) => pathOf(paths, task.file.filePath)))
  const needsPlace = withPosition || hasDeletes
  const virtual = needsPlace ? ', filename, file_row_number' : ''
  const data =
    `(SELECT *${virtual} FROM read_parquet(${files}, hive_partitioning = false, ` +
    `schema = ${fieldIdSchema(fields)})) AS data`
  const names = withPosition
    ? ` JOIN ${locationTable(tasks, paths)} ON names.path = data.filename`
    : ''
  const deletes = hasDeletes
    ? ` ANTI JOIN ${deletedRows(tasks, paths)} ` +
      'ON deleted.path = data.filename AND deleted.pos = data.file_row_number'
    : ''
  return `SELECT ${columns.join(', ')} FROM ${data}${names}${deletes}`
}

/**
 * The rows that delete files take out, as local path and position. A delete file counts only for
 * the data files that the plan paired it with: another file of the same name may be newer.
 */
function deletedRows(tasks: readonly ScanTask[], paths: LocalPaths): string {
  const pairs = tasks.flatMap((task) =>
    task.deletes.map((deletes) => {
      const texts = [deletes.filePath, task.file.filePath].map((file) => pathOf(paths, file))
      return `(${[...texts, task.file.filePath].map(sqlString).join(', ')})`
    }),
  )
  const files = [...new Set(tasks.flatMap((task) => task.deletes.map((file) => file.filePath)))]
  return (
    '(SELECT pairs.data_path AS path, rows.pos FROM ' +
    `(SELECT *, filename FROM read_parquet(${sqlStrings(files.map((file) => pathOf(paths, file)))}, ` +
    `hive_partitioning = false, schema = MAP {` +
    `${FILE_PATH_FIELD_ID}: {name: 'file_path', type: 'VARCHAR', default_value: NULL}, ` +
    `${POSITION_FIELD_ID}: {name: 'pos', type: 'BIGINT', default_value: NULL}})) AS rows ` +
    `JOIN (VALUES ${pairs.join(', ')}) AS pairs(delete_path, data_path, location) ` +
    'ON rows.filename = pairs.delete_path AND rows.file_path = pairs.location) AS deleted'
  )
}

function locationTable(tasks: readonly ScanTask[], paths: LocalPaths): string {
  const rows = tasks.map(({ file }) => {
    return `(${sqlString(pathOf(paths, file.filePath))}, ${sqlString(file.filePath)})`
  })
  return `(VALUES ${rows.join(', ')}) AS names(path, location)`
}

function fieldIdSchema(fields: readonly SchemaField[]): string {
  const entries = fields.map(
    (field) =>
      `${field.id}: {name: ${sqlString(field.name)}, ` +
      `type: ${sqlString(columnType(field.type))}, default_value: NULL}`,
  )
  return `MAP {${entries.join(', ')}}`
}

function emptySelect(fields: readonly SchemaField[], withPosition: boolean): string {
  const columns = fields.map(
    (field) => `CAST(NULL AS ${columnType(field.type)}) AS ${sqlName(field.name)}`,
  )
  if (withPosition)
    columns.push('CAST(NULL AS VARCHAR) AS "_file"', 'CAST(NULL AS BIGINT) AS "_pos"')
  return `SELECT ${columns.join(', ')} WHERE false`
}

function chooseFields(
  plan: ScanPlan,
  columns: readonly string[] | undefined,
): readonly SchemaField[] {
  if (columns === undefined) return plan.schema.fields
  return columns.map((name) => {
    const field = plan.schema.fields.find((candidate) => candidate.name === name)
    if (field !== undefined) return field
    throw new SluiceError('invalid-input', `There is no column ${name} to read; nothing was read.`)
  })
}

async function localPaths(tasks: readonly ScanTask[], fileIO: FileIO): Promise<LocalPaths> {
  const locations = new Set<string>()
  for (const task of tasks) {
    locations.add(task.file.filePath)
    for (const deletes of task.deletes) locations.add(deletes.filePath)
  }
  const paths = new Map<string, string>()
  const all = [...locations]
  for (let from = 0; from < all.length; from += FETCH_AT_ONCE) {
    await Promise.all(
      all.slice(from, from + FETCH_AT_ONCE).map(async (location) => {
        paths.set(location, await fileIO.localPath(location))
      }),
    )
  }
  return paths
}

function pathOf(paths: LocalPaths, location: string): string {
  const path = paths.get(location)
  if (path === undefined) throw new RangeError(`${location} was not fetched`)
  return path
}

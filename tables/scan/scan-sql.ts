import { columnType } from '../engine/column-type.ts'
import { sqlName, sqlString } from '../engine/sql-text.ts'
import { SluiceError } from '../errors.ts'
import type { FileIO } from '../file-io/file-io.ts'
import { lineageFields } from '../spec/lineage-fields.ts'
import type { SchemaField } from '../spec/schema.ts'
import { deletedRowsSql } from './deleted-rows.ts'
import { partitionKey } from './delete-index.ts'
import { equalityAntiJoin, equalityFields, groupEqualityDeletes } from './equality-deletes.ts'
import type { EqualityGroup } from './equality-deletes.ts'
import type { ScanPlan, ScanTask } from './plan-scan.ts'
import { readSources } from './read-sources.ts'
import type { ScanSources } from './read-sources.ts'
import { readColumn, selectFiles } from './select-files.ts'
import type { ReadColumn, SourceFile } from './select-files.ts'

export interface ScanSqlOptions {
  /** By default all columns of the plan's schema, in its order. */
  readonly columns?: readonly string[]
  /** Adds `_file` (the location as the manifest says it) and `_pos` (row in the file, from 0). */
  readonly withPosition?: boolean
  /**
   * Adds `_row_id` and `_last_updated_sequence_number`, the lineage of rows in format version 3:
   * null for files that were written before the table had it.
   */
  readonly withLineage?: boolean
}

/**
 * A SELECT over the files of a plan, for use as a subquery: columns by field id in the schema's
 * types (absent in old files = the value of the partition, the default, or null), rows that
 * position deletes, deletion vectors or equality deletes took out left out. The caller filters: a
 * plan prunes files, not rows. Without files it is a typed SELECT of no rows.
 */
export async function scanSql(
  plan: ScanPlan,
  fileIO: FileIO,
  options: ScanSqlOptions = {},
): Promise<string> {
  const fields = chooseFields(plan, options.columns)
  if (plan.tasks.length === 0) return emptySelect(fields, options)
  const wanted = options.withLineage === true ? [...fields, ...lineageFields] : fields
  const asked = wanted.map((field) => readColumn(field))
  const groups = groupEqualityDeletes(plan, plan.tasks, asked)
  const readFields = [...asked, ...equalityFields(groups, asked)]
  const sources = await readSources(plan, fileIO, readFields)
  const scan = { fields, asked, groups, sources, options }
  // Files without deletes are spared the joins.
  const parts = [
    plan.tasks.filter((task) => task.deletes.length === 0),
    plan.tasks.filter((task) => task.deletes.length > 0 && task.equalityDeletes.length === 0),
    plan.tasks.filter((task) => task.equalityDeletes.length > 0),
  ]
  const selects = parts.filter((tasks) => tasks.length > 0)
  return selects.map((tasks) => selectTasks(tasks, scan)).join(' UNION ALL ')
}

interface Scan {
  readonly fields: readonly SchemaField[]
  /** The fields and, where they are asked for, those of the lineage. */
  readonly asked: readonly ReadColumn[]
  readonly groups: readonly EqualityGroup[]
  readonly sources: ScanSources
  readonly options: ScanSqlOptions
}

/** One SELECT over tasks that all have equality deletes, or that all have none. */
function selectTasks(tasks: readonly ScanTask[], scan: Scan): string {
  const { sources, options } = scan
  const withPosition = options.withPosition ?? false
  const withLineage = options.withLineage ?? false
  const applied = new Set(tasks.flatMap((task) => task.equalityDeletes.map((one) => one.file)))
  const groups = scan.groups.filter(({ deletes }) => deletes.some(({ file }) => applied.has(file)))
  const readFields = [...scan.asked, ...equalityFields(groups, scan.asked)]
  const placed = placeDeletes(tasks, sources)
  const needsNames = withPosition || withLineage || groups.length > 0
  const files = tasks.map((task) => sourceOf(sources.data, task.file.filePath))
  const rows = selectFiles(files, readFields, needsNames || placed.length > 0)
  const scopeOf = createScopes()
  const names = needsNames ? ` JOIN ${namesTable(tasks, sources, scopeOf)}` : ''
  const deleted =
    placed.length === 0
      ? ''
      : ` ANTI JOIN (${deletedRowsSql(placed, sources.deletes)}) AS deleted ` +
        'ON deleted.path = data.filename AND deleted.pos = data.file_row_number'
  const equality = groups.map((group, index) =>
    equalityAntiJoin(group, `equal${index}`, sources.deletes, scopeOf),
  )
  const columns = [
    ...scan.fields.map((field) => `data.${readColumn(field).column} AS ${sqlName(field.name)}`),
    ...(withPosition ? ['names.location AS "_file"', 'data.file_row_number AS "_pos"'] : []),
    ...(withLineage ? lineageColumns() : []),
  ]
  return (
    `SELECT ${columns.join(', ')} FROM (${rows.join(' UNION ALL ')}) AS data` +
    `${names}${deleted}${equality.join('')}`
  )
}

/**
 * A row keeps the numbers that a rewrite wrote down; else its id is counted from the file's first,
 * and it was last updated by the commit that added the file. A file without a first row id has no
 * lineage, whatever its columns say. Source: https://iceberg.apache.org/spec/#row-lineage
 */
function lineageColumns(): readonly string[] {
  const [rowId, lastUpdated] = lineageFields.map((field) => readColumn(field).column)
  return [
    'CASE WHEN names.first_row_id IS NULL THEN NULL ELSE ' +
      `coalesce(data.${rowId}, names.first_row_id + data.file_row_number) END AS "_row_id"`,
    'CASE WHEN names.first_row_id IS NULL THEN NULL ELSE ' +
      `coalesce(data.${lastUpdated}, names.seq) END AS "_last_updated_sequence_number"`,
  ]
}

function placeDeletes(tasks: readonly ScanTask[], sources: ScanSources) {
  const placed = tasks.map((task) => ({
    path: sourceOf(sources.data, task.file.filePath).path,
    location: task.file.filePath,
    positionDeletes: task.deletes.filter((one) => one.content === 'position-deletes'),
    blocks: task.deletes.some((one) => one.content === 'deletion-vector')
      ? (sources.vectors.get(task.file.filePath) ?? [])
      : [],
  }))
  return placed.filter((one) => one.positionDeletes.length > 0 || one.blocks.length > 0)
}

/** What the joins must know of a file: location, sequence number, partition, first row id. */
function namesTable(
  tasks: readonly ScanTask[],
  sources: ScanSources,
  scopeOf: (key: string) => number,
): string {
  const rows = tasks.map(({ file, dataSequenceNumber }) => {
    const { path } = sourceOf(sources.data, file.filePath)
    const scope = scopeOf(partitionKey(file.specId, file.partition))
    const firstRowId = `CAST(${file.firstRowId ?? 'NULL'} AS BIGINT)`
    const texts = [path, file.filePath].map(sqlString).join(', ')
    return `(${texts}, CAST(${dataSequenceNumber} AS BIGINT), ${scope}, ${firstRowId})`
  })
  return (
    `(VALUES ${rows.join(', ')}) AS names(path, location, seq, scope, first_row_id) ` +
    'ON names.path = data.filename'
  )
}

/** A small number for each partition, in the order in which they are met. */
function createScopes(): (key: string) => number {
  const scopes = new Map<string, number>()
  return (key) => {
    const scope = scopes.get(key) ?? scopes.size
    scopes.set(key, scope)
    return scope
  }
}

function emptySelect(fields: readonly SchemaField[], options: ScanSqlOptions): string {
  const columns = fields.map(
    (field) => `CAST(NULL AS ${columnType(field.type, field.name)}) AS ${sqlName(field.name)}`,
  )
  if (options.withPosition === true)
    columns.push('CAST(NULL AS VARCHAR) AS "_file"', 'CAST(NULL AS BIGINT) AS "_pos"')
  if (options.withLineage === true)
    columns.push(...lineageFields.map(({ name }) => `CAST(NULL AS BIGINT) AS "${name}"`))
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

function sourceOf(sources: ReadonlyMap<string, SourceFile>, location: string): SourceFile {
  const source = sources.get(location)
  if (source === undefined) throw new RangeError(`${location} was not fetched`)
  return source
}

import { sqlName, sqlString } from '../engine/sql-text.ts'
import { SluiceError } from '../errors.ts'
import type { EqualityDelete } from '../spec/manifest.ts'
import type { SchemaField } from '../spec/schema.ts'
import { isGlobal, partitionKey } from './delete-index.ts'
import type { LiveDelete } from './delete-index.ts'
import type { ScanPlan, ScanTask } from './plan-scan.ts'
import { readColumn, selectFiles } from './select-files.ts'
import type { ReadColumn, SourceFile } from './select-files.ts'

/** A column by whose value rows are deleted. */
interface EqualityColumn {
  /** What is read of the data: the column that is asked for anyway, else nothing but the one. */
  readonly inData: ReadColumn
  /** What is read of a delete file, which may have no more than the column. */
  readonly inDeletes: ReadColumn
  /** Names from the outermost column to it, without the first. */
  readonly path: readonly string[]
}

/** Equality deletes of one set of columns, either for all partitions or each for its own. */
export interface EqualityGroup {
  readonly columns: readonly EqualityColumn[]
  readonly isGlobal: boolean
  readonly deletes: readonly LiveDelete<EqualityDelete>[]
}

/**
 * The equality deletes of tasks by the columns that they compare. `asked` is read anyway. A column that was dropped since
 * is still compared, with the type that it had last.
 * Throws `corrupt-data` for a delete file that names no column or one that no schema has.
 */
export function groupEqualityDeletes(
  plan: ScanPlan,
  tasks: readonly ScanTask[],
  asked: readonly ReadColumn[],
): readonly EqualityGroup[] {
  const live = new Map<string, LiveDelete<EqualityDelete>>()
  for (const task of tasks) for (const one of task.equalityDeletes) live.set(one.file.filePath, one)
  const groups = new Map<string, LiveDelete<EqualityDelete>[]>()
  for (const one of live.values()) {
    const ids = [...one.file.equalityIds].sort((a, b) => a - b)
    const scope = isGlobal(one.file, plan.metadata['partition-specs']) ? 'all' : 'own'
    const key = `${scope} ${ids.join()}`
    groups.set(key, [...(groups.get(key) ?? []), one])
  }
  return [...groups].map(([key, deletes]) => ({
    columns: columnsOf(plan, deletes, asked),
    isGlobal: key.startsWith('all'),
    deletes,
  }))
}

/** What must be read of the data for the groups, beside what is asked for. */
export function equalityFields(
  groups: readonly EqualityGroup[],
  asked: readonly ReadColumn[],
): readonly ReadColumn[] {
  const extra = new Map<string, ReadColumn>()
  for (const { inData } of groups.flatMap(({ columns }) => columns)) {
    if (!asked.includes(inData)) extra.set(inData.column, inData)
  }
  return [...extra.values()]
}

/**
 * An anti join that leaves out the rows of `data` which the group deletes. `names` has the data
 * sequence number `seq` of each file and, as `scope`, a number for its partition. Null equals null.
 * Of equal delete rows only the newest counts.
 */
export function equalityAntiJoin(
  group: EqualityGroup,
  alias: string,
  sources: ReadonlyMap<string, SourceFile>,
  scopeOf: (specKey: string) => number,
): string {
  const files = group.deletes.map((one) => {
    const source = sources.get(one.file.filePath)
    if (source === undefined) throw new RangeError(`${one.file.filePath} was not fetched`)
    return { ...one, source }
  })
  const rows = files.map(({ file, sequenceNumber, source }) => {
    const scope = group.isGlobal ? 0 : scopeOf(partitionKey(file.specId, file.partition))
    return `(${sqlString(source.path)}, ${sequenceNumber}, ${scope})`
  })
  const keys = group.columns.map((column, index) => ({
    inDeletes: valueOf('rows', column.inDeletes, column.path),
    inData: valueOf('data', column.inData, column.path),
    name: `k${index}`,
  }))
  const read = group.columns.map(({ inDeletes }) => inDeletes)
  const opened = files.map(({ source }) => source)
  const selects = selectFiles(opened, read, true).join(' UNION ALL ')
  const columns = keys.map(({ inDeletes, name }) => `${inDeletes} AS ${name}`).join(', ')
  const conditions = [
    ...keys.map(({ inData, name }) => `${alias}.${name} IS NOT DISTINCT FROM ${inData}`),
    ...(group.isGlobal ? [] : [`${alias}.scope = names.scope`]),
    `${alias}.seq > names.seq`,
  ]
  return (
    ` ANTI JOIN (SELECT ${columns}, files.scope, max(files.seq) AS seq FROM (${selects}) AS rows ` +
    `JOIN (VALUES ${rows.join(', ')}) AS files(path, seq, scope) ON files.path = rows.filename ` +
    `GROUP BY ALL) AS ${alias} ON ${conditions.join(' AND ')}`
  )
}

function columnsOf(
  plan: ScanPlan,
  [first]: readonly LiveDelete<EqualityDelete>[],
  asked: readonly ReadColumn[],
): readonly EqualityColumn[] {
  if (first === undefined || first.file.equalityIds.length === 0) {
    throw corrupt(first?.file.filePath ?? '', 'names no column to compare')
  }
  return [...first.file.equalityIds]
    .sort((a, b) => a - b)
    .map((id) => findColumn(plan, id, asked) ?? unknownColumn(first.file.filePath, id))
}

/** In what is asked for, else in the schema that is read, else in the newest that has it. */
function findColumn(
  plan: ScanPlan,
  fieldId: number,
  asked: readonly ReadColumn[],
): EqualityColumn | undefined {
  const schemas = [plan.schema, ...plan.metadata.schemas.toReversed()]
  const fields = [asked, ...schemas.map((schema) => schema.fields)].flat()
  for (const field of fields) {
    const found = pruneTo(field, fieldId)
    if (found === undefined) continue
    const inDeletes = readColumn(found.pruned, `e${fieldId}`)
    const held = asked.find((one) => one === field)
    return { inData: held ?? inDeletes, inDeletes, path: found.path }
  }
  return undefined
}

/** Only structs are gone into: the format forbids columns inside of lists and maps here. */
function pruneTo(
  field: SchemaField,
  fieldId: number,
): { readonly pruned: SchemaField; readonly path: readonly string[] } | undefined {
  if (field.id === fieldId) return { pruned: field, path: [] }
  const { type } = field
  if (typeof type === 'string' || type.type !== 'struct') return undefined
  for (const member of type.fields) {
    const found = pruneTo(member, fieldId)
    if (found === undefined) continue
    const pruned = { ...field, type: { ...type, fields: [found.pruned] } }
    return { pruned, path: [member.name, ...found.path] }
  }
  return undefined
}

function valueOf(table: string, { column }: ReadColumn, path: readonly string[]): string {
  return path.reduce((sql, name) => `(${sql}).${sqlName(name)}`, `${table}.${column}`)
}

function unknownColumn(filePath: string, id: number): never {
  throw corrupt(filePath, `compares field ${id}, which no schema of the table has`)
}

function corrupt(filePath: string, fact: string): SluiceError {
  return new SluiceError(
    'corrupt-data',
    `The equality delete file ${filePath} ${fact}. Nothing was read. ` +
      'Compact the table with the engine that wrote it.',
    { context: { file: filePath } },
  )
}

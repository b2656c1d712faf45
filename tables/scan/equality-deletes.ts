import { sqlName, sqlString } from '../engine/sql-text.ts'
import { SluiceError } from '../errors.ts'
import type { EqualityDelete } from '../spec/manifest.ts'
import { fieldsById } from '../spec/schema-fields.ts'
import type { SchemaField } from '../spec/schema.ts'
import { isGlobal, partitionKey } from './delete-index.ts'
import type { LiveDelete } from './delete-index.ts'
import type { ScanPlan, ScanTask } from './plan-scan.ts'
import { fieldColumn, selectFiles } from './select-files.ts'
import type { SourceFile } from './select-files.ts'

/** A column by whose value rows are deleted. */
interface EqualityColumn {
  /** The outermost column of the data that holds it. */
  readonly field: SchemaField
  /** The same with nothing in it but the column: a delete file has no more. */
  readonly deleteField: SchemaField
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
 * The equality deletes of tasks by the columns that they compare. A column that was dropped since
 * is still compared, with the type that it had last.
 * Throws `corrupt-data` for a delete file that names no column or one that no schema has.
 */
export function groupEqualityDeletes(
  plan: ScanPlan,
  tasks: readonly ScanTask[],
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
    columns: columnsOf(plan, deletes),
    isGlobal: key.startsWith('all'),
    deletes,
  }))
}

/** Fields that must be read of the data for the groups, beside those that are asked for. */
export function equalityFields(
  groups: readonly EqualityGroup[],
  asked: readonly SchemaField[],
): readonly SchemaField[] {
  const fields = new Map<number, SchemaField>()
  for (const { columns } of groups) {
    for (const { field, deleteField } of columns) {
      const known = asked.find(({ id }) => id === field.id) ?? fields.get(field.id)
      if (known === undefined) fields.set(field.id, field)
      else checkHolds(known, deleteField)
    }
  }
  return [...fields.values()]
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
    inDeletes: valueOf('rows', column.deleteField, column.path),
    inData: valueOf('data', column.field, column.path),
    name: `k${index}`,
  }))
  const fields = distinctFields(group.columns)
  const selects = selectFiles(
    files.map(({ source }) => source),
    fields,
    true,
  ).join(' UNION ALL ')
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
): readonly EqualityColumn[] {
  if (first === undefined || first.file.equalityIds.length === 0) {
    throw corrupt(first?.file.filePath ?? '', 'names no column to compare')
  }
  return [...first.file.equalityIds]
    .sort((a, b) => a - b)
    .map((id) => findColumn(plan, id) ?? unknownColumn(first.file.filePath, id))
}

/** In the schema that is read, else in the newest that has it. */
function findColumn(plan: ScanPlan, fieldId: number): EqualityColumn | undefined {
  const schemas = [plan.schema, ...plan.metadata.schemas.toReversed()]
  const schema = schemas.find((candidate) => fieldsById(candidate).has(fieldId))
  for (const field of schema?.fields ?? []) {
    const found = pruneTo(field, fieldId)
    if (found !== undefined) return { field, ...found }
  }
  return undefined
}

/** Only structs are gone into: the format forbids columns inside of lists and maps here. */
function pruneTo(
  field: SchemaField,
  fieldId: number,
): { readonly deleteField: SchemaField; readonly path: readonly string[] } | undefined {
  if (field.id === fieldId) return { deleteField: field, path: [] }
  const { type } = field
  if (typeof type === 'string' || type.type !== 'struct') return undefined
  for (const member of type.fields) {
    const found = pruneTo(member, fieldId)
    if (found === undefined) continue
    const pruned = { ...field, type: { ...type, fields: [found.deleteField] } }
    return { deleteField: pruned, path: [member.name, ...found.path] }
  }
  return undefined
}

/** Two columns inside of one outermost column are read of the delete file together. */
function distinctFields(columns: readonly EqualityColumn[]): readonly SchemaField[] {
  const fields = new Map<number, SchemaField>()
  for (const { deleteField } of columns) {
    const known = fields.get(deleteField.id)
    fields.set(deleteField.id, known === undefined ? deleteField : merge(known, deleteField))
  }
  return [...fields.values()]
}

function merge(one: SchemaField, other: SchemaField): SchemaField {
  if (typeof one.type === 'string' || one.type.type !== 'struct') return one
  if (typeof other.type === 'string' || other.type.type !== 'struct') return one
  const fields = [...one.type.fields]
  for (const member of other.type.fields) {
    const at = fields.findIndex(({ id }) => id === member.id)
    const held = fields[at]
    if (held === undefined) fields.push(member)
    else fields[at] = merge(held, member)
  }
  return { ...one, type: { type: 'struct', fields } }
}

function valueOf(table: string, field: SchemaField, path: readonly string[]): string {
  return path.reduce(
    (sql, name) => `(${sql}).${sqlName(name)}`,
    `${table}.${fieldColumn(field.id)}`,
  )
}

/** A member that was dropped from a struct which is read now has no place in it. */
function checkHolds(read: SchemaField, wanted: SchemaField): void {
  const held = fieldsById({ type: 'struct', fields: [read] })
  for (const [id] of fieldsById({ type: 'struct', fields: [wanted] })) {
    if (held.has(id)) continue
    throw new SluiceError(
      'unsupported',
      `Equality deletes compare field ${id}, a member of ${read.name} that was dropped since. ` +
        'Nothing was read. Read the other columns, or compact the table with the engine that ' +
        'wrote the deletes.',
    )
  }
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

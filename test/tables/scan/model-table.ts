import type {
  DataFile,
  DeleteFile,
  DeletionVector,
  PositionDelete,
} from '../../../tables/spec/manifest.ts'
import { contentKey } from '../../../tables/spec/content-key.ts'
import { NAME_MAPPING_PROPERTY, serializeNameMapping } from '../../../tables/spec/name-mapping.ts'
import { childFields, findFieldById } from '../../../tables/spec/schema-fields.ts'
import type { Schema, SchemaField } from '../../../tables/spec/schema.ts'
import { currentSchema } from '../../../tables/write/current-layout.ts'
import { readDeletedPositions } from '../../../tables/scan/read-deleted-positions.ts'
import type { VectorDeletes } from '../../../tables/write/write-deletion-vectors.ts'
import { writeDeletionVectors } from '../../../tables/write/write-deletion-vectors.ts'
import { writePositionDeletes } from '../../../tables/write/write-position-deletes.ts'
import type { Workshop } from '../write/sample-table.ts'
import { writeEqualityDelete, writeForeignFile } from './foreign-files.ts'
import type { GrowingTable } from './growing-table.ts'
import { changeSchema } from './model-schema.ts'
import type { FieldChange } from './model-schema.ts'
import { drawStruct, readStruct, rowsSql } from './model-values.ts'
import type { ModelStruct, ModelValue } from './model-values.ts'

export type ModelStep =
  | { readonly kind: 'append'; readonly seed: number; readonly rowCount: number }
  | { readonly kind: 'delete-places'; readonly seed: number }
  | {
      readonly kind: 'delete-values'
      readonly seed: number
      readonly ids: readonly number[]
      /** Rows that the same commit adds: its deletes leave them alone. */
      readonly rowCount: number
    }
  | { readonly kind: 'evolve'; readonly change: FieldChange; readonly pick: number }

interface ModelRow {
  readonly file: DataFile
  readonly position: number
  readonly values: ModelStruct
}

/** A table and, beside it, what its rows must be: kept in memory, without a file or a name. */
export interface ModelTable {
  readonly table: GrowingTable
  apply(step: ModelStep): Promise<void>
  /** The rows as the schema has them now, in the form of `comparableRows`. */
  expected(): readonly string[]
}

/** Without `hasIds` half of the data files carry no field ids, and the table has a name mapping. */
export function createModelTable(shop: Workshop, table: GrowingTable, hasIds: boolean): ModelTable {
  let rows: readonly ModelRow[] = []
  let nextFieldId = 16
  const held = new Map<string, readonly (PositionDelete | DeletionVector)[]>()
  const mapping: NamedField[] = []
  const schemaNow = (): Schema => currentSchema(table.metadata)

  const append = async (
    rowCount: number,
    random: () => number,
    deletes: readonly DeleteFile[] = [],
  ): Promise<void> => {
    if (rowCount === 0) {
      await table.commit({ deletes })
      return
    }
    const { fields } = schemaNow()
    const values = Array.from({ length: rowCount }, () => drawStruct(fields, random))
    const file = await writeForeignFile(shop, {
      location: `${table.metadata.location}/data/d`,
      fields,
      query: rowsSql(fields, values),
      hasIds: hasIds || random() < 0.5,
    })
    await table.commit({ data: [file], deletes })
    rows = [...rows, ...values.map((each, position) => ({ file, position, values: each }))]
  }

  /** As the format version says: position deletes, or vectors that take in those before. */
  const deletePlaces = async (random: () => number): Promise<void> => {
    const gone = new Set(rows.filter(() => random() < 0.3))
    const byFile = new Map<DataFile, bigint[]>()
    for (const { file, position } of gone) {
      byFile.set(file, [...(byFile.get(file) ?? []), BigInt(position)])
    }
    const deletes = [...byFile].map(([file, positions]) => {
      return { file, positions, before: held.get(file.filePath) ?? [] }
    })
    const { metadata } = table
    if (metadata['format-version'] === 2) {
      await table.commit({ deletes: await writePositionDeletes(shop, metadata, deletes) })
    } else {
      const merged: VectorDeletes[] = []
      for (const { file, positions, before } of deletes) {
        merged.push({ file, positions, held: await readDeletedPositions(shop, file, before) })
      }
      const vectors = await writeDeletionVectors(shop, metadata, merged)
      const removed = deletes.flatMap(({ before }) => before.map(contentKey))
      await table.commit({ deletes: vectors, removed })
      for (const vector of vectors) held.set(vector.referencedDataFile, [vector])
    }
    rows = rows.filter((row) => !gone.has(row))
  }

  /** Columns that are no longer there are left out; with none left nothing is deleted. */
  const deleteValues = async (
    ids: readonly number[],
    rowCount: number,
    random: () => number,
  ): Promise<void> => {
    const schema = schemaNow()
    const wanted = ids.filter((id) => findFieldById(schema, id) !== undefined)
    if (wanted.length === 0) return
    const fields = schema.fields.flatMap((field) => keepOnly(field, wanted))
    const targets = Array.from({ length: 3 }, () => drawStruct(fields, random))
    const file = await writeEqualityDelete(shop, {
      location: `${table.metadata.location}/data/e`,
      fields,
      query: rowsSql(fields, targets),
      equalityIds: wanted,
    })
    rows = rows.filter(
      ({ values }) =>
        !targets.some((target) =>
          wanted.every((id) => leafOf(fields, values, id) === leafOf(fields, target, id)),
        ),
    )
    await append(rowCount, random, [file])
  }

  const learnNames = (): void => {
    if (hasIds) return
    addNames(mapping, schemaNow().fields)
    const text = serializeNameMapping(mapping)
    const properties = { ...table.metadata.properties, [NAME_MAPPING_PROPERTY]: text }
    table.metadata = { ...table.metadata, properties }
  }

  const evolve = (change: FieldChange, pick: number): void => {
    const { metadata } = table
    const changed = changeSchema(schemaNow(), change, pick, {
      nextId: nextFieldId,
      reusesNames: hasIds,
      withDefaults: metadata['format-version'] === 3,
    })
    table.metadata = {
      ...metadata,
      schemas: [...metadata.schemas, changed],
      'current-schema-id': changed['schema-id'],
      'last-column-id': nextFieldId,
    }
    nextFieldId += 1
    learnNames()
  }

  learnNames()
  return {
    table,
    expected: () => comparableRows(rows.map(({ values }) => readStruct(schemaNow(), values))),
    apply: async (step) => {
      if (step.kind === 'append') await append(step.rowCount, randomOf(step.seed))
      else if (step.kind === 'delete-places') await deletePlaces(randomOf(step.seed))
      else if (step.kind === 'delete-values') {
        await deleteValues(step.ids, step.rowCount, randomOf(step.seed))
      } else evolve(step.change, step.pick)
    },
  }
}

/** Rows without order: members by name, bigint as number. */
export function comparableRows(rows: readonly Readonly<Record<string, unknown>>[]): string[] {
  const exact = (_: string, value: unknown): unknown => {
    if (typeof value === 'bigint') return Number(value)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
  }
  return rows.map((row) => JSON.stringify(row, exact)).sort()
}

/** The same numbers for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return ((state >> 8) % 10_000) / 10_000
  }
}

/** The field with nothing in it but the wanted ones; none where it holds none. */
function keepOnly(field: SchemaField, wanted: readonly number[]): readonly SchemaField[] {
  if (wanted.includes(field.id)) return [field]
  const { type } = field
  if (typeof type === 'string' || type.type !== 'struct') return []
  const fields = type.fields.flatMap((member) => keepOnly(member, wanted))
  return fields.length === 0 ? [] : [{ ...field, type: { ...type, fields } }]
}

/** The value of a field that may lie in structs: null where one of them is. */
function leafOf(
  fields: readonly SchemaField[],
  values: ModelStruct,
  id: number,
): ModelValue | undefined {
  for (const field of fields) {
    const value = values.members.get(field.id)
    if (field.id === id) return value === undefined ? defaultOf(field) : value
    const { type } = field
    // The column may stand behind a struct that does not hold it.
    if (typeof type === 'string' || type.type !== 'struct') continue
    if (keepOnly(field, [id]).length === 0) continue
    if (value === undefined || value === null) return null
    return leafOf(type.fields, value as ModelStruct, id)
  }
  return undefined
}

function defaultOf(field: SchemaField): ModelValue {
  const value = field['initial-default']
  return typeof value === 'string' || typeof value === 'number' ? value : null
}

interface NamedField {
  readonly 'field-id': number
  readonly names: string[]
  readonly fields: NamedField[]
}

/** A mapping keeps every name that a field ever had, and fields that were dropped. */
function addNames(mapping: NamedField[], fields: readonly SchemaField[]): void {
  for (const field of fields) {
    let known = mapping.find((one) => one['field-id'] === field.id)
    if (known === undefined) {
      known = { 'field-id': field.id, names: [], fields: [] }
      mapping.push(known)
    }
    if (!known.names.includes(field.name)) known.names.push(field.name)
    addNames(known.fields, childFields(field.type))
  }
}

import { columnType } from '../../../tables/engine/column-type.ts'
import { sqlName, sqlString } from '../../../tables/engine/sql-text.ts'
import type { IcebergType, SchemaField, StructType } from '../../../tables/spec/schema.ts'

/** A value of the model: structs by field id, so that no name can lead astray. */
export type ModelValue = null | number | string | readonly ModelValue[] | ModelStruct | ModelMap
export interface ModelStruct {
  readonly members: ReadonlyMap<number, ModelValue>
}
export interface ModelMap {
  readonly entries: readonly (readonly [ModelValue, ModelValue])[]
}

/**
 * The reference: what a value reads as under today's type. A member that was not there when the
 * value was written has its default; one that is no longer there is gone.
 */
export function readValue(type: IcebergType, value: ModelValue): unknown {
  if (value === null || typeof type === 'string') return value
  switch (type.type) {
    case 'struct':
      return readStruct(type, value as ModelStruct)
    case 'list':
      return (value as readonly ModelValue[]).map((item) => readValue(type.element, item))
    case 'map':
      return (value as ModelMap).entries.map(([key, item]) => ({
        key: readValue(type.key, key),
        value: readValue(type.value, item),
      }))
  }
}

export function readStruct(
  type: StructType,
  value: ModelStruct,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    type.fields.map((field) => {
      const held = value.members.get(field.id)
      if (held === undefined) return [field.name, field['initial-default'] ?? null]
      return [field.name, readValue(field.type, held)]
    }),
  )
}

/** Values for a type out of few, so that deletes by value find rows. `random` gives [0, 1). */
export function drawValue(type: IcebergType, random: () => number): ModelValue {
  if (random() < 0.2) return null
  if (type === 'string') return ['a', 'b', ''][Math.floor(random() * 3)] ?? null
  if (typeof type === 'string') return Math.floor(random() * 4)
  switch (type.type) {
    case 'struct':
      return drawStruct(type.fields, random)
    case 'list':
      return drawMany(random).map(() => drawValue(type.element, random))
    case 'map':
      return {
        entries: drawMany(random).map((index) => [`k${index}`, drawValue(type.value, random)]),
      }
  }
}

export function drawStruct(fields: readonly SchemaField[], random: () => number): ModelStruct {
  return { members: new Map(fields.map(({ id, type }) => [id, drawValue(type, random)])) }
}

function drawMany(random: () => number): readonly number[] {
  return Array.from({ length: Math.floor(random() * 3) }, (_, index) => index)
}

/** A query of rows, with the names and types that the fields have now. */
export function rowsSql(fields: readonly SchemaField[], rows: readonly ModelStruct[]): string {
  const names = fields.map(({ name }) => sqlName(name)).join(', ')
  const tuples = rows.map(
    ({ members }) =>
      `(${fields.map(({ id, type }) => valueSql(type, members.get(id) ?? null)).join(', ')})`,
  )
  return `SELECT * FROM (VALUES ${tuples.join(', ')}) AS t(${names})`
}

function valueSql(type: IcebergType, value: ModelValue): string {
  return `CAST(${literal(type, value)} AS ${columnType(type)})`
}

function literal(type: IcebergType, value: ModelValue): string {
  if (value === null) return 'NULL'
  if (typeof value === 'number') return String(value)
  if (typeof value === 'string') return sqlString(value)
  if (typeof type === 'string') throw new RangeError('a nested value has a plain type')
  switch (type.type) {
    case 'struct': {
      const { members } = value as ModelStruct
      const parts = type.fields.map(
        (field) =>
          `${sqlName(field.name)} := ${valueSql(field.type, members.get(field.id) ?? null)}`,
      )
      return `struct_pack(${parts.join(', ')})`
    }
    case 'list':
      return `[${(value as readonly ModelValue[]).map((item) => valueSql(type.element, item)).join(', ')}]`
    case 'map': {
      const { entries } = value as ModelMap
      const keys = entries.map(([key]) => valueSql(type.key, key))
      const values = entries.map(([, item]) => valueSql(type.value, item))
      return `map([${keys.join(', ')}], [${values.join(', ')}])`
    }
  }
}

import {
  DuckDBArrayType,
  DuckDBDecimalType,
  DuckDBListType,
  DuckDBMapType,
  DuckDBStructType,
  DuckDBTypeId,
} from '@duckdb/node-api'
import type { DuckDBType } from '@duckdb/node-api'

/**
 * What a column of a result holds, whichever engine computed it; its values are `RowValue`s.
 * `text` stands for every type whose values come out as text (UUID, INTERVAL, ENUM, BIT and so on),
 * `huge-int` for whole numbers beyond 64 bits, `opaque` for what has no type of its own.
 */
export type ValueType =
  | {
      readonly kind: 'null' | 'boolean' | 'float' | 'double' | 'text' | 'bytes' | 'date' | 'time'
    }
  | { readonly kind: 'int'; readonly bits: 8 | 16 | 32 | 64; readonly isSigned: boolean }
  | { readonly kind: 'huge-int' }
  | { readonly kind: 'decimal'; readonly precision: number; readonly scale: number }
  /** Counted since 1970: bigint in the unit. With a zone it is UTC. */
  | { readonly kind: 'timestamp'; readonly unit: 'us' | 'ns'; readonly hasZone: boolean }
  | { readonly kind: 'list'; readonly element: ValueType }
  | { readonly kind: 'struct'; readonly fields: readonly ValueField[] }
  | { readonly kind: 'map'; readonly key: ValueType; readonly value: ValueType }
  | { readonly kind: 'opaque'; readonly name: string }

export interface ValueField {
  readonly name: string
  readonly type: ValueType
}

const simpleTypes: ReadonlyMap<DuckDBTypeId, ValueType> = new Map([
  [DuckDBTypeId.SQLNULL, { kind: 'null' }],
  [DuckDBTypeId.BOOLEAN, { kind: 'boolean' }],
  [DuckDBTypeId.TINYINT, { kind: 'int', bits: 8, isSigned: true }],
  [DuckDBTypeId.SMALLINT, { kind: 'int', bits: 16, isSigned: true }],
  [DuckDBTypeId.INTEGER, { kind: 'int', bits: 32, isSigned: true }],
  [DuckDBTypeId.BIGINT, { kind: 'int', bits: 64, isSigned: true }],
  [DuckDBTypeId.UTINYINT, { kind: 'int', bits: 8, isSigned: false }],
  [DuckDBTypeId.USMALLINT, { kind: 'int', bits: 16, isSigned: false }],
  [DuckDBTypeId.UINTEGER, { kind: 'int', bits: 32, isSigned: false }],
  [DuckDBTypeId.UBIGINT, { kind: 'int', bits: 64, isSigned: false }],
  [DuckDBTypeId.HUGEINT, { kind: 'huge-int' }],
  [DuckDBTypeId.UHUGEINT, { kind: 'huge-int' }],
  [DuckDBTypeId.FLOAT, { kind: 'float' }],
  [DuckDBTypeId.DOUBLE, { kind: 'double' }],
  [DuckDBTypeId.BLOB, { kind: 'bytes' }],
  [DuckDBTypeId.DATE, { kind: 'date' }],
  [DuckDBTypeId.TIME, { kind: 'time' }],
  [DuckDBTypeId.TIMESTAMP, { kind: 'timestamp', unit: 'us', hasZone: false }],
  [DuckDBTypeId.TIMESTAMP_S, { kind: 'timestamp', unit: 'us', hasZone: false }],
  [DuckDBTypeId.TIMESTAMP_MS, { kind: 'timestamp', unit: 'us', hasZone: false }],
  [DuckDBTypeId.TIMESTAMP_NS, { kind: 'timestamp', unit: 'ns', hasZone: false }],
  [DuckDBTypeId.TIMESTAMP_TZ, { kind: 'timestamp', unit: 'us', hasZone: true }],
  [DuckDBTypeId.VARCHAR, { kind: 'text' }],
  [DuckDBTypeId.BIGNUM, { kind: 'text' }],
  [DuckDBTypeId.BIT, { kind: 'text' }],
  [DuckDBTypeId.ENUM, { kind: 'text' }],
  [DuckDBTypeId.INTERVAL, { kind: 'text' }],
  [DuckDBTypeId.TIME_TZ, { kind: 'text' }],
  [DuckDBTypeId.UUID, { kind: 'text' }],
] as const)

/** The engine's type in our words. */
export function valueTypeOf(type: DuckDBType): ValueType {
  if (type instanceof DuckDBDecimalType) {
    return { kind: 'decimal', precision: type.width, scale: type.scale }
  }
  if (type instanceof DuckDBListType || type instanceof DuckDBArrayType) {
    return { kind: 'list', element: valueTypeOf(type.valueType) }
  }
  if (type instanceof DuckDBMapType) {
    return { kind: 'map', key: valueTypeOf(type.keyType), value: valueTypeOf(type.valueType) }
  }
  if (type instanceof DuckDBStructType) {
    const fields = type.entryNames.map((name, index) => ({
      name,
      type: valueTypeOf(type.entryTypes[index] ?? type),
    }))
    return structType(fields, String(type))
  }
  return simpleTypes.get(type.typeId) ?? { kind: 'opaque', name: String(type) }
}

/** A struct; members that share a name, as those without one do, cannot be told apart. */
export function structType(fields: readonly ValueField[], name: string): ValueType {
  const names = new Set(fields.map((field) => field.name))
  return names.size === fields.length && !names.has('')
    ? { kind: 'struct', fields }
    : { kind: 'opaque', name }
}

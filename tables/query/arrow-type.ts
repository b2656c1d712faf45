import {
  Binary,
  Bool,
  DateDay,
  Decimal,
  Field,
  Float32,
  Float64,
  Int16,
  Int32,
  Int64,
  Int8,
  List,
  Map_,
  Null,
  Struct,
  TimeMicrosecond,
  TimestampMicrosecond,
  TimestampNanosecond,
  Uint16,
  Uint32,
  Uint64,
  Uint8,
  Utf8,
} from 'apache-arrow'
import type { DataType } from 'apache-arrow'
import type { ValueType } from '../engine/value-type.ts'
import { SluiceError } from '../errors.ts'

/** Digits of the widest decimal that Arrow's 128 bits and the engine have. */
export const DECIMAL_DIGITS_MAX = 38

const DECIMAL_BITS = 128

/**
 * The Arrow type that holds a column's values exactly. Whole numbers beyond 64 bits are
 * decimal(38, 0); times with a zone are UTC.
 * @throws SluiceError `unsupported` for a union, and for a struct whose members share a name.
 */
export function arrowTypeOf(type: ValueType, column: string): DataType {
  switch (type.kind) {
    case 'null':
      return new Null()
    case 'boolean':
      return new Bool()
    case 'int':
      return intType(type)
    case 'huge-int':
      return new Decimal(0, DECIMAL_DIGITS_MAX, DECIMAL_BITS)
    case 'decimal':
      return new Decimal(type.scale, type.precision, DECIMAL_BITS)
    case 'float':
      return new Float32()
    case 'double':
      return new Float64()
    case 'text':
      return new Utf8()
    case 'bytes':
      return new Binary()
    case 'date':
      return new DateDay()
    case 'time':
      return new TimeMicrosecond()
    case 'timestamp': {
      const zone = type.hasZone ? 'UTC' : null
      return type.unit === 'us' ? new TimestampMicrosecond(zone) : new TimestampNanosecond(zone)
    }
    default:
      return nestedType(type, column)
  }
}

function intType({ bits, isSigned }: Extract<ValueType, { kind: 'int' }>): DataType {
  switch (bits) {
    case 8:
      return isSigned ? new Int8() : new Uint8()
    case 16:
      return isSigned ? new Int16() : new Uint16()
    case 32:
      return isSigned ? new Int32() : new Uint32()
    case 64:
      return isSigned ? new Int64() : new Uint64()
  }
}

function nestedType(
  type: Extract<ValueType, { kind: 'list' | 'struct' | 'map' | 'opaque' }>,
  column: string,
): DataType {
  const field = (name: string, member: ValueType, isNullable = true): Field<DataType> =>
    new Field(name, arrowTypeOf(member, column), isNullable)
  switch (type.kind) {
    case 'list':
      return new List(field('item', type.element))
    case 'struct':
      return new Struct(type.fields.map((each) => field(each.name, each.type)))
    case 'map': {
      // The key of a map is never null, and Arrow wants its schema to say so.
      const entry = new Struct<{ key: DataType; value: DataType }>([
        field('key', type.key, false),
        field('value', type.value),
      ])
      return new Map_(
        new Field<Struct<{ key: DataType; value: DataType }>>('entries', entry, false),
      )
    }
    case 'opaque':
      throw new SluiceError(
        'unsupported',
        `The column ${column} holds ${type.name}, which has no type in Arrow or Parquet here. ` +
          'Nothing was written. CAST it to VARCHAR, or name the members of the struct.',
        { context: { column } },
      )
  }
}

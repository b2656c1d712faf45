import { SluiceError } from '../errors.ts'
import { decimalByteLength, primitiveShape } from '../spec/primitive-type.ts'
import type { PrimitiveType } from '../spec/schema.ts'

/** Avro schema JSON with Iceberg's attributes. A library would drop them, so we keep our own. */
export type AvroSchema = string | AvroRecord | AvroArray | AvroPrimitive | readonly AvroSchema[]

export interface AvroRecord {
  readonly type: 'record'
  readonly name: string
  readonly fields: readonly AvroField[]
}

export interface AvroField {
  readonly name: string
  readonly type: AvroSchema
  readonly default?: null
  readonly doc?: string
  readonly 'field-id'?: number
  /** The true name, where Avro does not allow it as a name. */
  readonly 'iceberg-field-name'?: string
}

export interface AvroArray {
  readonly type: 'array'
  readonly items: AvroSchema
  readonly 'element-id'?: number
  /** `map` marks a map with keys that are no text: an array of (key, value) records. */
  readonly logicalType?: 'map'
}

export interface AvroPrimitive {
  readonly type: string
  readonly logicalType?: string
  readonly name?: string
  readonly size?: number
  readonly precision?: number
  readonly scale?: number
  readonly 'adjust-to-utc'?: boolean
}

export function requiredField(fieldId: number, name: string, type: AvroSchema): AvroField {
  return { name, type, 'field-id': fieldId }
}

/** A union with null, null first, as the specification asks for it. */
export function optionalField(fieldId: number, name: string, type: AvroSchema): AvroField {
  return { name, type: ['null', type], default: null, 'field-id': fieldId }
}

/** A map from field ids to values. */
export function avroIntMap(keyId: number, valueId: number, value: AvroSchema): AvroArray {
  const fields = [requiredField(keyId, 'key', 'int'), requiredField(valueId, 'value', value)]
  const items: AvroRecord = { type: 'record', name: `k${keyId}_v${valueId}`, fields }
  return { type: 'array', items, logicalType: 'map' }
}

export function avroList(elementId: number, items: AvroSchema): AvroArray {
  return { type: 'array', items, 'element-id': elementId }
}

/** The Avro form of a primitive. Source: https://iceberg.apache.org/spec/#avro */
export function avroTypeOf(type: PrimitiveType): AvroSchema {
  const shape = primitiveShape(type)
  switch (shape.kind) {
    case 'boolean':
    case 'int':
    case 'long':
    case 'float':
    case 'double':
    case 'string':
      return shape.kind
    case 'binary':
      return 'bytes'
    case 'date':
      return { type: 'int', logicalType: 'date' }
    case 'time':
      return { type: 'long', logicalType: 'time-micros' }
    case 'timestamp':
    case 'timestamptz':
      return {
        type: 'long',
        logicalType: 'timestamp-micros',
        'adjust-to-utc': shape.kind === 'timestamptz',
      }
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return {
        type: 'long',
        logicalType: 'timestamp-nanos',
        'adjust-to-utc': shape.kind === 'timestamptz_ns',
      }
    case 'unknown':
      return 'null'
    case 'uuid':
      return { type: 'fixed', name: 'uuid_fixed', size: 16, logicalType: 'uuid' }
    case 'fixed':
      return { type: 'fixed', name: `fixed_${shape.length}`, size: shape.length }
    case 'decimal': {
      const { precision, scale } = shape
      const size = decimalByteLength(precision)
      const name = `decimal_${precision}_${scale}`
      return { type: 'fixed', name, size, logicalType: 'decimal', precision, scale }
    }
  }
}

/** Avro takes letters, digits and `_` only; others become `_x` and their code in hex. */
export function avroName(name: string): string {
  const escaped = name.replace(
    /[^A-Za-z0-9_]/g,
    (letter) => `_x${letter.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return /^[0-9]/.test(escaped) ? `_${escaped}` : escaped
}

/** The branch of a union that is not null, or the type itself. */
export function withoutNull(type: AvroSchema): AvroSchema {
  if (!isUnion(type)) return type
  const branches = type.filter((branch) => branch !== 'null')
  const [only] = branches
  if (branches.length === 1 && only !== undefined) return only
  throw new SluiceError(
    'unsupported',
    'An Avro file has a union of several types, which no Iceberg manifest has. It was not read.',
  )
}

export function isUnion(type: AvroSchema): type is readonly AvroSchema[] {
  return Array.isArray(type)
}

/** Ids by the names that the specification writes: `filePath` is `file_path`. */
export function namedIds(
  ids: Readonly<Record<string, number>>,
): readonly (readonly [string, number])[] {
  return Object.entries(ids).map(([name, id]) => [
    name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    id,
  ])
}

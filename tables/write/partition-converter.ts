import { SluiceError } from '../errors.ts'
import type { PartitionTuple, PartitionValue } from '../spec/partition-spec.ts'
import { decimalFromBytes, fixedDecimalBytes, uuidBytes, uuidText } from '../spec/single-value.ts'
import type { AvroValues } from './avro-codec.ts'
import { avroName, withoutNull } from './avro-schema.ts'
import type { AvroField, AvroPrimitive } from './avro-schema.ts'

/** Partition tuples to and from the partition record of a manifest. */
export interface PartitionConverter {
  toAvro(tuple: PartitionTuple): AvroValues
  fromAvro(record: AvroValues): PartitionTuple
}

interface FieldConverter {
  readonly avroName: string
  readonly name: string
  readonly toAvro: (value: PartitionValue) => unknown
  readonly fromAvro: (value: unknown) => PartitionValue
}

/**
 * `names` gives the name of each partition field id in the spec; without one the name in the file
 * counts.
 */
export function partitionConverter(
  fields: readonly AvroField[],
  names: ReadonlyMap<number, string>,
): PartitionConverter {
  const namedTypes = collectNamedTypes(fields)
  const converters = fields.map((field) => fieldConverter(field, names, namedTypes))
  return {
    toAvro: (tuple) => {
      const record: Record<string, unknown> = {}
      for (const { avroName, name, toAvro } of converters) {
        const value = tuple[name]
        if (value === undefined) throw missingValue(name)
        record[avroName] = value === null ? null : toAvro(value)
      }
      return record
    },
    fromAvro: (record) => {
      const tuple: Record<string, PartitionValue> = {}
      for (const { avroName, name, fromAvro } of converters) {
        const value = record[avroName]
        tuple[name] = value === null || value === undefined ? null : fromAvro(value)
      }
      return tuple
    },
  }
}

type NamedTypes = ReadonlyMap<string, AvroPrimitive>

/** The second decimal of one precision and scale only names the type of the first. */
function collectNamedTypes(fields: readonly AvroField[]): NamedTypes {
  const namedTypes = new Map<string, AvroPrimitive>()
  for (const field of fields) {
    const type = withoutNull(field.type) as AvroPrimitive | string
    if (typeof type !== 'string' && type.name !== undefined) namedTypes.set(type.name, type)
  }
  return namedTypes
}

function fieldConverter(
  field: AvroField,
  names: ReadonlyMap<number, string>,
  namedTypes: NamedTypes,
): FieldConverter {
  const fieldId = field['field-id']
  const known =
    fieldId === undefined
      ? [...names.values()].find((name) => avroName(name) === field.name)
      : names.get(fieldId)
  const name = known ?? field['iceberg-field-name'] ?? field.name
  const written = withoutNull(field.type) as AvroPrimitive | string
  const type = typeof written === 'string' ? (namedTypes.get(written) ?? written) : written
  return { avroName: field.name, name, ...valueConverter(type) }
}

function valueConverter(type: AvroPrimitive | string): Pick<FieldConverter, 'toAvro' | 'fromAvro'> {
  const kind = typeof type === 'string' ? type : type.type
  if (kind === 'long') {
    return {
      toAvro: (value) => (typeof value === 'number' ? BigInt(value) : value),
      fromAvro: (value) => value as bigint,
    }
  }
  if (kind === 'int') {
    return {
      toAvro: (value) => (typeof value === 'bigint' ? Number(value) : value),
      fromAvro: (value) => value as number,
    }
  }
  const logicalType = typeof type === 'string' ? undefined : type.logicalType
  if (logicalType === 'decimal') {
    const precision = (type as AvroPrimitive).precision ?? 38
    return {
      toAvro: (value) => fixedDecimalBytes(precision, BigInt(value as bigint | number)),
      fromAvro: (value) => decimalFromBytes(value as Uint8Array),
    }
  }
  if (logicalType === 'uuid') {
    return {
      toAvro: (value) => uuidBytes(String(value)),
      fromAvro: (value) => uuidText(value as Uint8Array),
    }
  }
  return {
    toAvro: (value) => (value instanceof Uint8Array ? Buffer.from(value) : value),
    fromAvro: (value) => value as PartitionValue,
  }
}

function missingValue(name: string): SluiceError {
  return new SluiceError(
    'invalid-input',
    `A file's partition tuple has no value for ${name}. The manifest was not made; ` +
      'give every field of the partition spec a value or null.',
  )
}

import { SluiceError } from '../errors.ts'
import type { PartitionValue } from './partition-spec.ts'
import { decimalByteLength, primitiveShape } from './primitive-type.ts'
import type { IcebergType } from './schema.ts'

/**
 * Single-value binary, the form of bounds and of partition summaries.
 * Values are: boolean; number for int, date (days), float, double; bigint for long, time,
 * timestamps (µs since 1970; `_ns` types ns) and decimals (unscaled); text for string and uuid; bytes for fixed
 * and binary. Source: https://iceberg.apache.org/spec/#binary-single-value-serialization
 */
export type SingleValue = NonNullable<PartitionValue>

/** Throws `invalid-input` where the value is not one of the type. */
export function toSingleValue(type: IcebergType, value: SingleValue): Uint8Array {
  const shape = primitiveShape(type)
  switch (shape.kind) {
    case 'boolean':
      return Uint8Array.of(booleanOf(type, value) ? 1 : 0)
    case 'int':
    case 'date':
      return int32Bytes(type, value)
    case 'long':
    case 'time':
    case 'timestamp':
    case 'timestamptz':
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return int64Bytes(integerOf(type, value))
    case 'float':
    case 'double':
      return floatBytes(shape.kind, floatOf(type, value))
    case 'decimal':
      return decimalBytes(integerOf(type, value))
    case 'string':
      return Buffer.from(textOf(type, value), 'utf8')
    case 'uuid':
      return uuidBytes(textOf(type, value))
    case 'fixed':
    case 'binary':
      return bytesOf(type, value)
    case 'unknown':
      throw mismatch(type, value)
  }
}

/**
 * Bounds written before a type was widened keep their form: 4 bytes of an int in a long column, of
 * a float in a double column, of a date in a timestamp column. Throws `corrupt-data` for any other
 * length. Source: https://iceberg.apache.org/spec/#schema-evolution
 */
export function fromSingleValue(type: IcebergType, bytes: Uint8Array): SingleValue {
  const shape = primitiveShape(type)
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  switch (shape.kind) {
    case 'boolean':
      return expectLength(type, buffer, 1)[0] !== 0
    case 'int':
    case 'date':
      return expectLength(type, buffer, 4).readInt32LE(0)
    case 'long':
    case 'time':
    case 'timestamp':
    case 'timestamptz':
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return int64Of(type, shape.kind, buffer)
    case 'float':
      return expectLength(type, buffer, 4).readFloatLE(0)
    case 'double':
      if (buffer.length === 4) return buffer.readFloatLE(0)
      return expectLength(type, buffer, 8).readDoubleLE(0)
    case 'decimal':
      return decimalOf(type, buffer)
    case 'string':
      return buffer.toString('utf8')
    case 'uuid':
      return uuidText(expectLength(type, buffer, 16))
    case 'fixed':
    case 'binary':
      return bytes
    case 'unknown':
      throw badLength(type, buffer, 'no value at all')
  }
}

/** What one int or one day is, of a type that a four-byte column may have been widened to. */
const widenedUnits: Readonly<Partial<Record<string, bigint>>> = {
  long: 1n,
  timestamp: 86_400_000_000n,
  timestamp_ns: 86_400_000_000_000n,
}

function int64Of(type: IcebergType, kind: string, buffer: Buffer): bigint {
  const unit = widenedUnits[kind]
  if (unit !== undefined && buffer.length === 4) return BigInt(buffer.readInt32LE(0)) * unit
  return expectLength(type, buffer, 8).readBigInt64LE(0)
}

/**
 * The shortest big-endian two's complement. A negative value needs the bits of its complement:
 * -128 fits into one byte, while 128 needs two.
 */
export function decimalBytes(unscaled: bigint): Uint8Array {
  const bits = (unscaled < 0n ? ~unscaled : unscaled).toString(2)
  return twosComplement(unscaled, Math.floor(bits === '0' ? 1 : bits.length / 8 + 1))
}

/** A decimal as Avro and Parquet hold it: all the bytes that its precision can need. */
export function fixedDecimalBytes(precision: number, unscaled: bigint): Uint8Array {
  return twosComplement(unscaled, decimalByteLength(precision))
}

/** Two's complement, big-endian, of any length, as an unscaled decimal. */
export function decimalFromBytes(bytes: Uint8Array): bigint {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
  return hex === '' ? 0n : BigInt.asIntN(bytes.byteLength * 8, BigInt(`0x${hex}`))
}

export function uuidBytes(text: string): Uint8Array {
  const hex = text.replaceAll('-', '')
  if (!/^[0-9a-fA-F]{32}$/.test(hex)) {
    throw new SluiceError('invalid-input', `"${text}" is not a UUID. Nothing was written.`)
  }
  return Buffer.from(hex, 'hex')
}

export function uuidText(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString('hex')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

/** Eight bytes, little-endian: long, time and timestamps, and what bucket hashes of integers. */
export function int64Bytes(value: bigint): Uint8Array {
  if (BigInt.asIntN(64, value) !== value) {
    throw new SluiceError('invalid-input', `${value} does not fit 64 bits. Nothing was written.`)
  }
  const buffer = Buffer.alloc(8)
  buffer.writeBigInt64LE(value)
  return buffer
}

function twosComplement(value: bigint, length: number): Uint8Array {
  const bits = length * 8
  if (BigInt.asIntN(bits, value) !== value) {
    throw new SluiceError(
      'invalid-input',
      `The unscaled decimal ${value} does not fit ${length} bytes. Nothing was written.`,
    )
  }
  const hex = BigInt.asUintN(bits, value).toString(16)
  return Buffer.from(hex.padStart(length * 2, '0'), 'hex')
}

function int32Bytes(type: IcebergType, value: SingleValue): Uint8Array {
  const integer = Number(integerOf(type, value))
  if ((integer | 0) !== integer) throw mismatch(type, value)
  const buffer = Buffer.alloc(4)
  buffer.writeInt32LE(integer)
  return buffer
}

function floatBytes(kind: 'float' | 'double', value: number): Uint8Array {
  const buffer = Buffer.alloc(kind === 'float' ? 4 : 8)
  if (kind === 'float') buffer.writeFloatLE(value)
  else buffer.writeDoubleLE(value)
  return buffer
}

function decimalOf(type: IcebergType, buffer: Buffer): bigint {
  if (buffer.length === 0) throw badLength(type, buffer, 'at least 1')
  return decimalFromBytes(buffer)
}

function integerOf(type: IcebergType, value: SingleValue): bigint {
  if (typeof value === 'bigint') return value
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value)
  throw mismatch(type, value)
}

function floatOf(type: IcebergType, value: SingleValue): number {
  if (typeof value === 'number') return value
  throw mismatch(type, value)
}

function booleanOf(type: IcebergType, value: SingleValue): boolean {
  if (typeof value === 'boolean') return value
  throw mismatch(type, value)
}

function textOf(type: IcebergType, value: SingleValue): string {
  if (typeof value === 'string') return value
  throw mismatch(type, value)
}

function bytesOf(type: IcebergType, value: SingleValue): Uint8Array {
  if (value instanceof Uint8Array) {
    const shape = primitiveShape(type)
    if (shape.kind !== 'fixed' || shape.length === value.length) return value
  }
  throw mismatch(type, value)
}

function expectLength(type: IcebergType, buffer: Buffer, length: number): Buffer {
  if (buffer.length !== length) throw badLength(type, buffer, String(length))
  return buffer
}

function badLength(type: IcebergType, buffer: Buffer, expected: string): SluiceError {
  return new SluiceError(
    'corrupt-data',
    `A ${typeName(type)} value has ${buffer.length} bytes where ${expected} are due. ` +
      'It was not read; the file that holds it was written wrongly.',
  )
}

function mismatch(type: IcebergType, value: SingleValue): SluiceError {
  return new SluiceError(
    'invalid-input',
    `A value of type ${typeof value} is no ${typeName(type)} value. Nothing was written.`,
  )
}

function typeName(type: IcebergType): string {
  return typeof type === 'string' ? type : type.type
}

import avro from 'avsc'
import type { Schema as AvscSchema, Type } from 'avsc'
import { SluiceError } from '../errors.ts'
import { isUnion } from './avro-schema.ts'
import type { AvroField, AvroSchema } from './avro-schema.ts'
import { createAvroCheck } from './check-avro-records.ts'

/** One record as Avro names it. Longs are numbers, but for those said to be 64-bit (bigint). */
export type AvroValues = Readonly<Record<string, unknown>>

/** Turns the records of one Avro schema into bytes and back. */
export interface AvroCodec {
  /** Throws `invalid-input` for a record that does not fit the schema. */
  encode(records: readonly AvroValues[]): Uint8Array
  /**
   * Throws `corrupt-data` where the bytes do not hold `count` whole records. Bytes that a checksum
   * has verified need no second look at their lengths.
   */
  decode(bytes: Uint8Array, count: number, isVerified?: boolean): readonly AvroValues[]
}

/** The library doubles negative numbers in a double, which is exact down to here only. */
const NUMBER_MIN = -(2 ** 52)

/**
 * A number for a field of type long. Throws `invalid-input` for one that would be written as
 * another number: the library itself refuses only large positive ones.
 */
export function exactLong(value: number): number {
  if (Number.isSafeInteger(value) && value >= NUMBER_MIN) return value
  throw new SluiceError(
    'invalid-input',
    `${value} cannot be written as a count or a size. No file was made; correct the number.`,
  )
}

/** Longs of 64 significant bits, which a double would round: snapshot ids, times of partitions. */
const bigLong = avro.types.LongType.__with({
  fromBuffer: (buffer: Buffer) => buffer.readBigInt64LE(0),
  toBuffer: (value: bigint) => {
    const buffer = Buffer.alloc(8)
    buffer.writeBigInt64LE(value)
    return buffer
  },
  fromJSON: (value: number | string) => BigInt(value),
  toJSON: (value: bigint) => value.toString(),
  isValid: (value: unknown) => typeof value === 'bigint' && BigInt.asIntN(64, value) === value,
  compare: (a: bigint, b: bigint) => (a === b ? 0 : a < b ? -1 : 1),
})

/**
 * A codec for a schema. `isBigLong` says which fields hold longs as `bigint`; all others are
 * numbers, to be checked by `exactLong` before they are written.
 */
export function createAvroCodec(
  schema: AvroSchema,
  isBigLong: (field: AvroField) => boolean,
): AvroCodec {
  const type = avro.Type.forSchema(codecSchema(schema, isBigLong) as AvscSchema, {
    wrapUnions: false,
    omitRecordMethods: true,
  })
  const check = createAvroCheck(schema)
  return {
    encode: (records) => encodeRecords(type, records),
    decode: (bytes, count, isVerified = false) =>
      decodeRecords(type, bytes, count, isVerified ? undefined : check),
  }
}

/** The same binary form with `bigLong` in place; defaults go, since every field is present. */
function codecSchema(schema: AvroSchema, isBigLong: (field: AvroField) => boolean): unknown {
  if (typeof schema === 'string') return schema
  if (isUnion(schema)) return schema.map((branch) => codecSchema(branch, isBigLong))
  if ('fields' in schema) {
    const fields = schema.fields.map((field) => ({
      name: field.name,
      type: isBigLong(field) ? withBigLongs(field.type) : codecSchema(field.type, isBigLong),
    }))
    return { ...schema, fields }
  }
  if ('items' in schema) return { ...schema, items: codecSchema(schema.items, isBigLong) }
  return schema
}

function withBigLongs(type: AvroSchema): unknown {
  if (isUnion(type)) return type.map(withBigLongs)
  const name = typeof type === 'string' ? type : type.type
  return name === 'long' ? bigLong : type
}

/** Grows to the largest file met. Encoding is synchronous, so one is enough. */
let scratch = Buffer.allocUnsafe(1 << 18)

function encodeRecords(type: Type, records: readonly AvroValues[]): Uint8Array {
  let position = 0
  try {
    for (const record of records) {
      let end = type.encode(record, scratch, position)
      while (end < 0) {
        const larger = Buffer.allocUnsafe(scratch.length * 2 - end)
        scratch.copy(larger, 0, 0, position)
        scratch = larger
        end = type.encode(record, scratch, position)
      }
      position = end
    }
  } catch (error) {
    throw new SluiceError(
      'invalid-input',
      'A record does not fit its Avro schema. No file was made; correct the record.',
      { cause: error },
    )
  }
  return Buffer.from(scratch.subarray(0, position))
}

function decodeRecords(
  type: Type,
  bytes: Uint8Array,
  count: number,
  check: ((bytes: Buffer, count: number) => void) | undefined,
): readonly AvroValues[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const records: AvroValues[] = []
  let position = 0
  try {
    check?.(buffer, count)
    for (let index = 0; index < count; index += 1) {
      const decoded: { value: AvroValues; offset: number } = type.decode(buffer, position)
      const { value, offset } = decoded
      if (offset < 0) throw new Error(`record ${index} of ${count} is cut off`)
      records.push(value)
      position = offset
    }
    if (position !== buffer.length) throw new Error(`${buffer.length - position} bytes are left`)
  } catch (error) {
    throw new SluiceError(
      'corrupt-data',
      'An Avro block does not hold the records that its header promises. None was used; ' +
        'restore the file from a copy.',
      { cause: error },
    )
  }
  return records
}

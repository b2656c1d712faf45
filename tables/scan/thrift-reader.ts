import { isUtf8 } from 'node:buffer'

/** Fields of a struct in Thrift's compact form, by field id. Only what a Parquet footer needs. */
export type ThriftStruct = ReadonlyMap<number, ThriftValue>
export type ThriftValue = number | boolean | string | readonly ThriftValue[] | ThriftStruct

const types = {
  stop: 0,
  true: 1,
  false: 2,
  byte: 3,
  i16: 4,
  i32: 5,
  i64: 6,
  double: 7,
  binary: 8,
  list: 9,
  set: 10,
  map: 11,
  struct: 12,
} as const

/** Deeper than any footer nests. */
const DEPTH_MAX = 32
/** What a varint of 64 bits takes. */
const VARINT_BYTES_MAX = 10

/**
 * Reads one struct up to and with the field `lastFieldId`; what follows is not looked at. Throws
 * RangeError where the bytes end early or are no such struct.
 * Source: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
 */
export function readThriftStruct(bytes: Uint8Array, lastFieldId: number): ThriftStruct {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return readStruct({ view, offset: 0 }, 0, lastFieldId)
}

interface Cursor {
  readonly view: DataView
  offset: number
}

function readStruct(cursor: Cursor, depth: number, lastFieldId = Infinity): ThriftStruct {
  if (depth > DEPTH_MAX) throw new RangeError('a struct is nested too deeply')
  const fields = new Map<number, ThriftValue>()
  let fieldId = 0
  for (;;) {
    const header = nextByte(cursor)
    const type = header & 0x0f
    if (type === types.stop) return fields
    const step = header >> 4
    fieldId = step === 0 ? readZigZag(cursor) : fieldId + step
    fields.set(fieldId, readValue(cursor, type, depth, true))
    if (fieldId >= lastFieldId) return fields
  }
}

/** A boolean field has its value in the type; one in a list takes a byte. */
function readValue(cursor: Cursor, type: number, depth: number, isField: boolean): ThriftValue {
  switch (type) {
    case types.true:
    case types.false:
      return isField ? type === types.true : nextByte(cursor) === 1
    case types.byte:
      return nextByte(cursor)
    case types.i16:
    case types.i32:
    case types.i64:
      return readZigZag(cursor)
    case types.double:
      cursor.offset += 8
      return cursor.view.getFloat64(cursor.offset - 8, true)
    case types.binary:
      return readText(cursor)
    case types.list:
    case types.set:
      return readList(cursor, depth)
    case types.map:
      return readMap(cursor, depth)
    case types.struct:
      return readStruct(cursor, depth + 1)
    default:
      throw new RangeError(`a field has the type ${type}, which does not exist`)
  }
}

function readList(cursor: Cursor, depth: number): readonly ThriftValue[] {
  const header = nextByte(cursor)
  const count = header >> 4 === 15 ? readVarint(cursor) : header >> 4
  checkCount(cursor, count)
  return Array.from({ length: count }, () => readValue(cursor, header & 0x0f, depth + 1, false))
}

/** Keys and values in turns: no field that we use is a map. */
function readMap(cursor: Cursor, depth: number): readonly ThriftValue[] {
  const count = readVarint(cursor)
  if (count === 0) return []
  checkCount(cursor, count)
  const header = nextByte(cursor)
  return Array.from({ length: 2 * count }, (_, index) =>
    readValue(cursor, index % 2 === 0 ? header >> 4 : header & 0x0f, depth + 1, false),
  )
}

function readText(cursor: Cursor): string {
  const length = readVarint(cursor)
  checkCount(cursor, length)
  const { buffer, byteOffset } = cursor.view
  const bytes = Buffer.from(buffer, byteOffset + cursor.offset, length)
  if (!isUtf8(bytes)) throw new RangeError('a text is not UTF-8')
  cursor.offset += length
  return bytes.toString('utf8')
}

/** Nothing takes less than a byte: a count beyond the rest is refused before room is made for it. */
function checkCount(cursor: Cursor, count: number): void {
  if (cursor.offset + count <= cursor.view.byteLength) return
  throw new RangeError('a count reaches beyond the end')
}

function readZigZag(cursor: Cursor): number {
  const value = readVarint(cursor)
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2
}

/** Above 2^53 a value is rounded: no field that we use is that large. */
function readVarint(cursor: Cursor): number {
  let value = 0
  let unit = 1
  for (let index = 0; index < VARINT_BYTES_MAX; index += 1) {
    const byte = nextByte(cursor)
    value += (byte & 0x7f) * unit
    if (byte < 0x80) return value
    unit *= 128
  }
  throw new RangeError('a number does not end')
}

function nextByte(cursor: Cursor): number {
  cursor.offset += 1
  return cursor.view.getUint8(cursor.offset - 1)
}

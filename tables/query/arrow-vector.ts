import { Data } from 'apache-arrow'
import type { DataType } from 'apache-arrow'
import type { RowValue } from '../engine/row-value.ts'
import type { ValueType } from '../engine/value-type.ts'
import { SluiceError } from '../errors.ts'
import { DECIMAL_DIGITS_MAX } from './arrow-type.ts'
import { daysOfDateText, usOfClockText } from './date-text.ts'

type Values = readonly RowValue[]

/** Arrow's buffers of one column, as far as its type has them. */
interface Buffers {
  readonly data?: ArrayBufferView
  readonly offsets?: Int32Array
  readonly children?: Data[]
}

/**
 * The values of one column as Arrow's buffers. They are laid out here, not by the package's own
 * builders, because those take times and decimals as JS numbers.
 */
export function arrowVector(valueType: ValueType, type: DataType, values: Values): Data {
  const nullCount = values.reduce<number>((count, value) => count + (value === null ? 1 : 0), 0)
  const { data, offsets, children = [] } = buffersOf(valueType, type, values)
  // In the order of the package's BufferType: offsets, data, validity.
  const buffers = {
    ...(offsets === undefined ? {} : { 0: offsets }),
    ...(data === undefined ? {} : { 1: data }),
    ...(nullCount === 0 ? {} : { 2: bitsWhere(values, (value) => value !== null) }),
  }
  return new Data(type, 0, values.length, nullCount, buffers, children)
}

function buffersOf(valueType: ValueType, type: DataType, values: Values): Buffers {
  const { length } = values
  switch (valueType.kind) {
    case 'null':
      return {}
    case 'boolean':
      return { data: bitsWhere(values, (value) => value === true) }
    case 'int':
      return { data: fill(intArray(valueType, length), values, (value) => value) }
    case 'float':
      return { data: fill(new Float32Array(length), values, (value) => value) }
    case 'double':
      return { data: fill(new Float64Array(length), values, (value) => value) }
    case 'date':
      return { data: fill(new Int32Array(length), values, (value) => daysOfDateText(text(value))) }
    case 'time':
      return {
        data: fill(new BigInt64Array(length), values, (value) => usOfClockText(text(value))),
      }
    case 'timestamp':
      return { data: fill(new BigInt64Array(length), values, (value) => value) }
    case 'huge-int':
    case 'decimal':
      return { data: decimals(values) }
    case 'text':
    case 'bytes':
      return bytesOf(values)
    default:
      return nestedBuffers(valueType, type, values)
  }
}

function nestedBuffers(
  valueType: Extract<ValueType, { kind: 'list' | 'struct' | 'map' | 'opaque' }>,
  type: DataType,
  values: Values,
): Buffers {
  switch (valueType.kind) {
    case 'list': {
      const { offsets, items } = flatten(values)
      return { offsets, children: [arrowVector(valueType.element, childType(type, 0), items)] }
    }
    case 'map': {
      const { offsets, items } = flatten(values)
      const fields = [
        { name: 'key', type: valueType.key },
        { name: 'value', type: valueType.value },
      ]
      const entries = arrowVector({ kind: 'struct', fields }, childType(type, 0), items)
      return { offsets, children: [entries] }
    }
    case 'struct': {
      const children = valueType.fields.map((field, index) => {
        const members = values.map((value) => memberOf(value, field.name))
        return arrowVector(field.type, childType(type, index), members)
      })
      return { children }
    }
    case 'opaque':
      throw new RangeError(`${valueType.name} has no Arrow type`)
  }
}

/** The type of a member; the two types were made from each other, so there is one. */
function childType(type: DataType, index: number): DataType {
  const child = type.children[index]?.type as DataType | undefined
  if (child === undefined) throw new RangeError(`a type has no child ${index}`)
  return child
}

function text(value: RowValue): string {
  return typeof value === 'string' ? value : (value as bigint | number).toString()
}

function memberOf(value: RowValue, name: string): RowValue {
  if (value === null || typeof value !== 'object') return null
  return (value as Readonly<Record<string, RowValue>>)[name] ?? null
}

/** One bit a value, the lowest bit of a byte first. */
function bitsWhere(values: Values, isSet: (value: RowValue) => boolean): Uint8Array {
  const bits = new Uint8Array(Math.ceil(values.length / 8))
  values.forEach((value, index) => {
    if (isSet(value)) bits[index >> 3] = (bits[index >> 3] ?? 0) | (1 << (index & 7))
  })
  return bits
}

type IntArray =
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array

function intArray(
  { bits, isSigned }: Extract<ValueType, { kind: 'int' }>,
  length: number,
): IntArray {
  switch (bits) {
    case 8:
      return isSigned ? new Int8Array(length) : new Uint8Array(length)
    case 16:
      return isSigned ? new Int16Array(length) : new Uint16Array(length)
    case 32:
      return isSigned ? new Int32Array(length) : new Uint32Array(length)
    case 64:
      return isSigned ? new BigInt64Array(length) : new BigUint64Array(length)
  }
}

/** A null leaves the zero that the array was made with. */
function fill<A extends IntArray | Float32Array | Float64Array>(
  target: A,
  values: Values,
  numberOf: (value: RowValue) => RowValue,
): A {
  values.forEach((value, index) => {
    if (value !== null) target[index] = numberOf(value) as never
  })
  return target
}

/** 128 bits a value, two's complement, the lowest word first; the package wants words of 32 bits. */
function decimals(values: Values): Uint32Array {
  const words = new BigUint64Array(values.length * 2)
  values.forEach((value, index) => {
    if (value === null) return
    const unscaled = BigInt(text(value).replace('.', ''))
    checkDigits(unscaled)
    words[2 * index] = BigInt.asUintN(64, unscaled)
    words[2 * index + 1] = BigInt.asUintN(64, unscaled >> 64n)
  })
  return new Uint32Array(words.buffer)
}

const UNSCALED_END = 10n ** BigInt(DECIMAL_DIGITS_MAX)

function checkDigits(unscaled: bigint): void {
  if (unscaled < UNSCALED_END && unscaled > -UNSCALED_END) return
  throw new SluiceError(
    'unsupported',
    `The number ${unscaled} has more than ${DECIMAL_DIGITS_MAX} digits. The result was not written to its end. ` +
      'CAST its column to VARCHAR or DOUBLE.',
  )
}

/** Texts as UTF-8, bytes as they are, one after the other. */
function bytesOf(values: Values): Buffers {
  const offsets = new Int32Array(values.length + 1)
  const pieces: Uint8Array[] = []
  let length = 0
  values.forEach((value, index) => {
    if (value !== null) {
      const piece = value instanceof Uint8Array ? value : Buffer.from(text(value), 'utf8')
      pieces.push(piece)
      length += piece.length
    }
    offsets[index + 1] = length
  })
  return { offsets, data: Buffer.concat(pieces, length) }
}

/** The items of all lists in one, and where each list ends. */
function flatten(values: Values): { readonly offsets: Int32Array; readonly items: Values } {
  const offsets = new Int32Array(values.length + 1)
  const items: RowValue[] = []
  values.forEach((value, index) => {
    if (Array.isArray(value)) for (const item of value as Values) items.push(item)
    offsets[index + 1] = items.length
  })
  return { offsets, items }
}

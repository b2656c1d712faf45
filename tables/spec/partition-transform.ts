import { SluiceError } from '../errors.ts'
import { murmur3 } from './murmur3.ts'
import type { PartitionTransform, PartitionValue } from './partition-spec.ts'
import { isOpaqueType, primitiveShape } from './primitive-type.ts'
import type { IcebergType, PrimitiveType } from './schema.ts'
import { int64Bytes, toSingleValue } from './single-value.ts'

/** A partition transform taken apart. */
export type TransformShape =
  | { readonly kind: 'identity' | 'year' | 'month' | 'day' | 'hour' | 'void' }
  | { readonly kind: 'bucket' | 'truncate'; readonly width: number }

const US_PER_HOUR = 3_600_000_000n
const US_PER_DAY = 24n * US_PER_HOUR
const NS_PER_US = 1000n
const plainTransforms: readonly string[] = ['identity', 'year', 'month', 'day', 'hour', 'void']

/** Throws `unsupported` for a transform that this version does not know. */
export function transformShape(transform: PartitionTransform): TransformShape {
  if (plainTransforms.includes(transform)) {
    return { kind: transform as 'identity' | 'year' | 'month' | 'day' | 'hour' | 'void' }
  }
  const match = /^(bucket|truncate)\[([1-9]\d*)\]$/.exec(transform)
  if (match === null) {
    throw new SluiceError(
      'unsupported',
      `The partition transform ${transform} is not known here. Nothing was written with it; ` +
        'give the table a partition spec of known transforms.',
    )
  }
  return { kind: match[1] as 'bucket' | 'truncate', width: Number(match[2]) }
}

/** The type of a partition value. Day is a date, as the reference writes it. */
export function transformResultType(
  transform: PartitionTransform,
  sourceType: IcebergType,
): PrimitiveType {
  switch (transformShape(transform).kind) {
    case 'year':
    case 'month':
    case 'hour':
    case 'bucket':
      return 'int'
    case 'day':
      return 'date'
    default:
      primitiveShape(sourceType)
      return sourceType as PrimitiveType
  }
}

/**
 * One column value as a partition value; null stays null. Values are those of `SingleValue`.
 * Throws `invalid-input` where the transform does not take the type.
 * Source: https://iceberg.apache.org/spec/#partition-transforms
 */
export function applyTransform(
  transform: PartitionTransform,
  type: IcebergType,
  value: PartitionValue,
): PartitionValue {
  const shape = transformShape(transform)
  if (value === null || shape.kind === 'void') return null
  switch (shape.kind) {
    case 'identity':
      return value
    case 'bucket':
      return (murmur3(hashBytes(transform, type, value)) & 0x7fffffff) % shape.width
    case 'truncate':
      return truncate(transform, shape.width, type, value)
    default:
      return timePart(transform, shape.kind, type, value)
  }
}

const notHashed: readonly string[] = ['boolean', 'float', 'double', 'unknown']
const truncated: readonly string[] = ['int', 'long', 'decimal', 'string', 'binary']
const instants: readonly string[] = ['timestamp', 'timestamptz', 'timestamp_ns', 'timestamptz_ns']

/** True where the transform takes values of the type (spec: table of partition transforms). */
export function isTransformable(transform: PartitionTransform, type: IcebergType): boolean {
  if (typeof type !== 'string') return false
  const { kind } = transformShape(transform)
  if (kind === 'void') return true
  if (isOpaqueType(type)) return false
  const source = primitiveShape(type).kind
  switch (kind) {
    case 'identity':
      return source !== 'unknown'
    case 'bucket':
      return !notHashed.includes(source)
    case 'truncate':
      return truncated.includes(source)
    case 'hour':
      return instants.includes(source)
    default:
      return source === 'date' || instants.includes(source)
  }
}

/** What the spec hashes: integers, dates and times all as eight bytes, so that int may widen. */
function hashBytes(
  transform: PartitionTransform,
  type: IcebergType,
  value: NonNullable<PartitionValue>,
): Uint8Array {
  switch (primitiveShape(type).kind) {
    case 'boolean':
    case 'float':
    case 'double':
      throw notTaken(transform, type)
    case 'int':
    case 'date':
      return int64Bytes(integerOf(transform, type, value))
    case 'timestamp_ns':
    case 'timestamptz_ns':
      // Hashed in µs, so that a timestamp and its nanosecond twin share a bucket.
      return int64Bytes(floorDivide(integerOf(transform, type, value), NS_PER_US))
    default:
      return toSingleValue(type, value)
  }
}

function truncate(
  transform: PartitionTransform,
  width: number,
  type: IcebergType,
  value: NonNullable<PartitionValue>,
): PartitionValue {
  switch (primitiveShape(type).kind) {
    case 'int':
      return Number(floorToMultiple(integerOf(transform, type, value), BigInt(width)))
    case 'long':
    case 'decimal':
      return floorToMultiple(integerOf(transform, type, value), BigInt(width))
    case 'string':
      if (typeof value === 'string') return truncateText(value, width)
      throw notTaken(transform, type)
    case 'binary':
      if (value instanceof Uint8Array) return value.slice(0, width)
      throw notTaken(transform, type)
    default:
      throw notTaken(transform, type)
  }
}

/** By code points: a surrogate pair is never cut apart. */
function truncateText(text: string, width: number): string {
  return text.length <= width ? text : Array.from(text).slice(0, width).join('')
}

function timePart(
  transform: PartitionTransform,
  kind: 'year' | 'month' | 'day' | 'hour',
  type: IcebergType,
  value: NonNullable<PartitionValue>,
): number {
  const source = primitiveShape(type).kind
  const integer = integerOf(transform, type, value)
  if (source === 'date' && kind !== 'hour') return dayPart(kind, Number(integer))
  const us = microsOf(source, integer)
  if (us === undefined) throw notTaken(transform, type)
  if (kind === 'hour') return Number(floorDivide(us, US_PER_HOUR))
  return dayPart(kind, Number(floorDivide(us, US_PER_DAY)))
}

/** Undefined for a type that is no timestamp. */
function microsOf(source: string, integer: bigint): bigint | undefined {
  if (source === 'timestamp' || source === 'timestamptz') return integer
  const isNano = source === 'timestamp_ns' || source === 'timestamptz_ns'
  return isNano ? floorDivide(integer, NS_PER_US) : undefined
}

function dayPart(kind: 'year' | 'month' | 'day', days: number): number {
  if (kind === 'day') return days
  const { year, month } = civilOf(days)
  return kind === 'year' ? year - 1970 : (year - 1970) * 12 + month - 1
}

/**
 * Year, month 1-12 and day of month of a day number since 1970-01-01 (proleptic Gregorian).
 * Counts years from March, so that the leap day is a year's last.
 */
export function civilOf(days: number): { year: number; month: number; day: number } {
  const sinceMarch0000 = days + 719_468
  const era = Math.floor(sinceMarch0000 / 146_097)
  const dayOfEra = sinceMarch0000 - era * 146_097
  const leapDays =
    Math.floor(dayOfEra / 1460) - Math.floor(dayOfEra / 36_524) + Math.floor(dayOfEra / 146_096)
  const yearOfEra = Math.floor((dayOfEra - leapDays) / 365)
  const yearStart = 365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100)
  const dayOfYear = dayOfEra - yearStart
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153)
  const day = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day }
}

/** Rounds towards minus infinity: one microsecond before 1970 is the day before it. */
function floorDivide(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor
  return value % divisor < 0n ? quotient - 1n : quotient
}

function floorToMultiple(value: bigint, width: bigint): bigint {
  return floorDivide(value, width) * width
}

function integerOf(
  transform: PartitionTransform,
  type: IcebergType,
  value: NonNullable<PartitionValue>,
): bigint {
  if (typeof value === 'bigint') return value
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value)
  throw notTaken(transform, type)
}

function notTaken(transform: PartitionTransform, type: IcebergType): SluiceError {
  return new SluiceError(
    'invalid-input',
    `The partition transform ${transform} does not take this value of type ` +
      `${typeof type === 'string' ? type : type.type}. Nothing was written.`,
  )
}

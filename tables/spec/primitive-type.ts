import { SluiceError } from '../errors.ts'
import type { IcebergType, OpaqueType, PrimitiveType } from './schema.ts'

type PlainKind = Exclude<PrimitiveType, OpaqueType | `decimal(${string}` | `fixed[${string}`>

/** A primitive type taken apart. */
export type PrimitiveShape =
  | { readonly kind: PlainKind }
  | { readonly kind: 'decimal'; readonly precision: number; readonly scale: number }
  | { readonly kind: 'fixed'; readonly length: number }

const plainKinds: readonly string[] = [
  'boolean',
  'int',
  'long',
  'float',
  'double',
  'date',
  'time',
  'timestamp',
  'timestamptz',
  'timestamp_ns',
  'timestamptz_ns',
  'string',
  'uuid',
  'binary',
  'unknown',
] satisfies PlainKind[]

const decimalForm = /^decimal\(\s*(\d+)\s*,\s*(\d+)\s*\)$/
const opaqueForm = /^(variant|(geometry|geography)(\s*\(.*\))?)$/
const fixedForm = /^fixed\[\s*(\d+)\s*\]$/

/** Few distinct types exist, and every bound and partition value asks for one. */
const shapes = new Map<string, PrimitiveShape>()

export function isPrimitiveType(type: IcebergType): type is PrimitiveType {
  return typeof type === 'string'
}

/** True for a type that schemas may have, while no value of it is read or written here. */
export function isOpaqueType(type: string): type is OpaqueType {
  return opaqueForm.test(type)
}

/**
 * Takes a type apart. Throws `unsupported` for one whose values are not read or written here:
 * variant, geometry, geography, and what is no type of format versions 1 to 3.
 */
export function primitiveShape(type: IcebergType): PrimitiveShape {
  if (typeof type !== 'string') {
    throw new SluiceError('unsupported', `A ${type.type} is no primitive type. Nothing was read.`)
  }
  const known = shapes.get(type)
  if (known !== undefined) return known
  const shape = parseShape(type)
  if (shape === undefined) throw unknownType(type)
  shapes.set(type, shape)
  return shape
}

/**
 * One spelling a type: `decimal(18,8)` becomes `decimal(18, 8)`, as the reference writes it.
 * Throws `unsupported` for a type that format versions 1 to 3 do not have.
 */
export function normalizePrimitiveType(type: PrimitiveType): PrimitiveType {
  const shape = parseShape(type)
  if (shape?.kind === 'decimal') return `decimal(${shape.precision}, ${shape.scale})`
  if (shape?.kind === 'fixed') return `fixed[${shape.length}]`
  if (shape !== undefined) return shape.kind
  if (isOpaqueType(type)) return type
  throw unknownType(type)
}

/** As `normalizePrimitiveType`; a type that is not known here stays as it is. */
export function normalizeTypeName(type: string): PrimitiveType {
  const isKnown = parseShape(type) !== undefined
  return isKnown ? normalizePrimitiveType(type as PrimitiveType) : (type as PrimitiveType)
}

/** The first format version that has the type. */
export function formatVersionOf(type: IcebergType): 1 | 3 {
  const kinds: readonly string[] = ['timestamp_ns', 'timestamptz_ns', 'unknown']
  return typeof type === 'string' && (kinds.includes(type) || isOpaqueType(type)) ? 3 : 1
}

function unknownType(type: string): SluiceError {
  return new SluiceError(
    'unsupported',
    `The column type ${type} is not known here, so its values cannot be read or written. ` +
      'Leave the column out, or give it another type.',
  )
}

/** Bytes that hold every unscaled value of a precision (spec: Avro and Parquet fixed decimals). */
export function decimalByteLength(precision: number): number {
  const largest = 10n ** BigInt(precision) - 1n
  return Math.floor(largest.toString(2).length / 8) + 1
}

function parseShape(type: string): PrimitiveShape | undefined {
  if (plainKinds.includes(type)) return { kind: type as PlainKind }
  const decimal = decimalForm.exec(type)
  if (decimal !== null) {
    const precision = Number(decimal[1])
    const scale = Number(decimal[2])
    const isValid = precision >= 1 && precision <= 38 && scale <= precision
    return isValid ? { kind: 'decimal', precision, scale } : undefined
  }
  const fixed = fixedForm.exec(type)
  return fixed === null ? undefined : { kind: 'fixed', length: Number(fixed[1]) }
}

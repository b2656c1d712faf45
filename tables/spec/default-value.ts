import { isOpaqueType, primitiveShape } from './primitive-type.ts'
import type { IcebergType, ListType, MapType, PrimitiveType } from './schema.ts'

const time = String.raw`\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?`
const nanoTime = String.raw`\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?`
const date = String.raw`[+-]?\d{4,}-\d{2}-\d{2}`

/** The forms of the types whose JSON form is a text. */
const textForms: Readonly<Partial<Record<string, RegExp>>> = {
  date: new RegExp(`^${date}$`),
  time: new RegExp(`^${time}$`),
  timestamp: new RegExp(`^${date}T${time}$`),
  timestamptz: new RegExp(String.raw`^${date}T${time}\+00:00$`),
  timestamp_ns: new RegExp(`^${date}T${nanoTime}$`),
  timestamptz_ns: new RegExp(String.raw`^${date}T${nanoTime}\+00:00$`),
  uuid: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
  binary: /^([0-9a-f]{2})*$/i,
  string: /^/,
}

/**
 * True for null and for a value in the JSON single-value form of the type, as default values have
 * it. A struct's own default has no fields: theirs are their own.
 * Source: https://iceberg.apache.org/spec/#json-single-value-serialization
 */
export function isDefaultValue(type: IcebergType, value: unknown): boolean {
  if (value === null || value === undefined) return true
  if (typeof type === 'string') return isPrimitiveDefault(type, value)
  switch (type.type) {
    case 'struct':
      return typeof value === 'object' && Object.keys(value).length === 0 && !Array.isArray(value)
    case 'list':
      return isListDefault(type, value)
    case 'map':
      return isMapDefault(type, value)
  }
}

function isPrimitiveDefault(type: PrimitiveType, value: unknown): boolean {
  if (isOpaqueType(type)) return false
  const shape = primitiveShape(type)
  switch (shape.kind) {
    case 'boolean':
      return typeof value === 'boolean'
    case 'int':
      return typeof value === 'number' && (value | 0) === value
    case 'long':
      return isLong(value)
    case 'float':
    case 'double':
      return typeof value === 'number' || typeof value === 'bigint'
    case 'decimal':
      return typeof value === 'string' && fitsDecimal(value, shape.precision, shape.scale)
    case 'fixed':
      return isText(value, textForms['binary']) && value.length === shape.length * 2
    case 'unknown':
      return false
    default:
      return isText(value, textForms[shape.kind])
  }
}

function isText(value: unknown, form: RegExp | undefined): value is string {
  return typeof value === 'string' && form?.test(value) === true
}

function isLong(value: unknown): boolean {
  if (typeof value === 'bigint') return BigInt.asIntN(64, value) === value
  return Number.isSafeInteger(value)
}

/** The digits after the point say the scale, so they must be as many as the type has. */
function fitsDecimal(text: string, precision: number, scale: number): boolean {
  const match = /^-?(\d+)(?:\.(\d+))?$/.exec(text)
  if (match === null) return false
  const [, whole = '', fraction = ''] = match
  return fraction.length === scale && whole.replace(/^0+/, '').length <= precision - scale
}

function isListDefault(type: ListType, value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.every(
      (item) => isPresent(type['element-required'], item) && isDefaultValue(type.element, item),
    )
  )
}

function isMapDefault(type: MapType, value: unknown): boolean {
  const { keys, values } = value as { readonly keys?: unknown; readonly values?: unknown }
  if (!Array.isArray(keys) || !Array.isArray(values) || keys.length !== values.length) return false
  return (
    keys.every((key) => isPresent(true, key) && isDefaultValue(type.key, key)) &&
    values.every(
      (item) => isPresent(type['value-required'], item) && isDefaultValue(type.value, item),
    )
  )
}

function isPresent(isRequired: boolean, value: unknown): boolean {
  return !isRequired || (value !== null && value !== undefined)
}

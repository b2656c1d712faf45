import { SluiceError } from '../../tables/errors.ts'
import { normalizeTypeName } from '../../tables/spec/primitive-type.ts'
import type { IcebergType } from '../../tables/spec/schema.ts'

/**
 * A column's type from text, as Spark and Trino users write them: `long`, `decimal(18,8)`,
 * `list<string>`, `map<string, long>`, `struct<bid: double, ask: double>`. What is inside of
 * another type may be null. Field ids are the table's to give.
 * @throws SluiceError `invalid-input`
 */
export function parseType(text: string): IcebergType {
  const [type, rest] = readType(text.trim())
  if (rest.trim() !== '') throw noType(text)
  return type
}

/** The type at the start of a text, and the text behind it. */
function readType(text: string): readonly [IcebergType, string] {
  const nested = /^(list|array|map|struct|row)\s*<(.*)$/s.exec(text)
  if (nested === null) return readPrimitive(text)
  const inner = nested[2] ?? ''
  switch (nested[1]) {
    case 'map': {
      const [key, afterKey] = readType(inner.trimStart())
      const [value, rest] = readType(expect(afterKey, ',', text))
      const ids = { 'key-id': 0, 'value-id': 0, 'value-required': false }
      return [{ type: 'map', key, value, ...ids }, expect(rest, '>', text)]
    }
    case 'struct':
    case 'row':
      return readStruct(inner, text)
    default: {
      const [element, rest] = readType(inner.trimStart())
      const ids = { 'element-id': 0, 'element-required': false }
      return [{ type: 'list', element, ...ids }, expect(rest, '>', text)]
    }
  }
}

function readStruct(inner: string, whole: string): readonly [IcebergType, string] {
  const fields: { id: number; name: string; required: boolean; type: IcebergType }[] = []
  let rest = inner
  for (;;) {
    const named = /^\s*([A-Za-z_]\w*)\s*[:\s]\s*(.*)$/s.exec(rest)
    if (named?.[1] === undefined) throw noType(whole)
    const [type, behind] = readType(named[2] ?? '')
    fields.push({ id: 0, name: named[1], required: false, type })
    if (!behind.trimStart().startsWith(',')) {
      return [{ type: 'struct', fields }, expect(behind, '>', whole)]
    }
    rest = expect(behind, ',', whole)
  }
}

/** Names of other engines for the same types. */
const synonyms: Readonly<Record<string, string>> = {
  bigint: 'long',
  integer: 'int',
  real: 'float',
  varchar: 'string',
  text: 'string',
  bool: 'boolean',
  varbinary: 'binary',
}

const primitives =
  /^(boolean|int|long|float|double|date|time|timestamp|timestamptz|timestamp_ns|timestamptz_ns|string|uuid|binary|fixed\[\d+\]|decimal\(\d+,\d+\))$/

function readPrimitive(text: string): readonly [IcebergType, string] {
  const found = /^[a-z_]+(?:\s*\(\s*\d+\s*,\s*\d+\s*\)|\[\s*\d+\s*\])?/i.exec(text)?.[0]
  if (found === undefined) throw noType(text)
  const name = found.toLowerCase().replaceAll(/\s/g, '')
  const usual = synonyms[name] ?? name
  if (!primitives.test(usual)) throw noType(found)
  return [normalizeTypeName(usual), text.slice(found.length)]
}

function expect(text: string, sign: string, whole: string): string {
  const rest = text.trimStart()
  if (!rest.startsWith(sign)) throw noType(whole)
  return rest.slice(1).trimStart()
}

function noType(text: string): SluiceError {
  return new SluiceError(
    'invalid-input',
    `'${text}' is no type. Nothing was changed. Types are boolean, int, long, float, double, ` +
      'decimal(p,s), date, time, timestamp, timestamptz, string, uuid, binary, fixed[n], and ' +
      'list<…>, map<…, …>, struct<name: …> of them.',
  )
}

import type { RowValue } from '../engine/row-value.ts'
import { SluiceError } from '../errors.ts'

/** A type as Trino's answers spell it out, beside its text. */
export interface TrinoType {
  /** Without parameters: `timestamp with time zone`, `array`. */
  readonly rawType: string
  readonly arguments: readonly TrinoTypeArgument[]
}

export type TrinoTypeArgument =
  | { readonly kind: 'TYPE'; readonly value: TrinoType }
  | { readonly kind: 'LONG' | 'VARIABLE'; readonly value: unknown }
  | {
      readonly kind: 'NAMED_TYPE'
      readonly value: {
        readonly fieldName?: { readonly name: string }
        readonly typeSignature: TrinoType
      }
    }

/** From JSON (integers beyond 2^53 as bigint) to a value of ours. */
export type TrinoDecoder = (json: unknown) => RowValue

/**
 * The decoder of a column. Values come out as the engine's own do (`RowValue`): BIGINT is bigint,
 * smaller integers and floats are numbers, DECIMAL its exact text, TIMESTAMP with and without zone
 * bigint µs since 1970 UTC (finer digits are cut), DATE `YYYY-MM-DD`, VARBINARY bytes, a MAP a list
 * of `{key, value}`, all others their text.
 */
export function trinoDecoder(type: TrinoType): TrinoDecoder {
  const decode = decoderOf(type)
  return (json) => (json === null || json === undefined ? null : decode(json))
}

function decoderOf({ rawType, arguments: parameters }: TrinoType): TrinoDecoder {
  switch (rawType) {
    case 'bigint':
      return (json) => BigInt(json as number | bigint | string)
    case 'tinyint':
    case 'smallint':
    case 'integer':
    case 'real':
    case 'double':
      // The last two say "NaN", "Infinity"; keys of maps are always texts.
      return Number
    case 'boolean':
      return (json) => json === true || json === 'true'
    case 'varbinary':
      return (json) => new Uint8Array(Buffer.from(String(json), 'base64'))
    case 'timestamp':
    case 'timestamp with time zone':
      return (json) => timestampUs(String(json))
    case 'array':
      return arrayDecoder(typesOf(parameters))
    case 'map':
      return mapDecoder(typesOf(parameters))
    case 'row':
      return rowDecoder(parameters)
    default:
      return (json) => (typeof json === 'string' ? json : JSON.stringify(json))
  }
}

function typesOf(parameters: readonly TrinoTypeArgument[]): TrinoDecoder[] {
  return parameters.flatMap((each) => (each.kind === 'TYPE' ? [trinoDecoder(each.value)] : []))
}

function arrayDecoder([element]: readonly TrinoDecoder[]): TrinoDecoder {
  if (element === undefined) throw withoutParameters('array')
  return (json) => (json as readonly unknown[]).map(element)
}

function mapDecoder([key, value]: readonly TrinoDecoder[]): TrinoDecoder {
  if (key === undefined || value === undefined) throw withoutParameters('map')
  return (json) =>
    Object.entries(json as Record<string, unknown>).map(([name, member]) => ({
      key: key(name),
      value: value(member),
    }))
}

/** A row is a JSON list in the order of its fields; a field without a name gets its number. */
function rowDecoder(parameters: readonly TrinoTypeArgument[]): TrinoDecoder {
  const fields = parameters.flatMap((each, index) => {
    if (each.kind === 'TYPE') return [[`field${index}`, trinoDecoder(each.value)] as const]
    if (each.kind !== 'NAMED_TYPE') return []
    const { fieldName, typeSignature } = each.value
    return [[fieldName?.name ?? `field${index}`, trinoDecoder(typeSignature)] as const]
  })
  return (json) => {
    const values = json as readonly unknown[]
    return Object.fromEntries(fields.map(([name, decode], index) => [name, decode(values[index])]))
  }
}

const timestampForm =
  /^([+-]?\d{4,6})-(\d{2})-(\d{2}) (\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,12}))?(?: (.+))?$/

/** µs since 1970 of `2026-11-20 14:30:00.000001 UTC`. */
function timestampUs(text: string): bigint {
  const match = timestampForm.exec(text)
  const [, year = '', month, day, hour, minute, second, fraction = '', zone = 'UTC'] = match ?? []
  const date = new Date(0)
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day))
  date.setUTCHours(Number(hour), Number(minute), Number(second))
  const offset = zoneOffsetMinutes(zone)
  if (match === null || Number.isNaN(date.getTime()) || offset === undefined) {
    throw new SluiceError(
      'unsupported',
      `The time "${text}" of Trino's answer cannot be read. No row was returned. Select it ` +
        `AT TIME ZONE 'UTC', or CAST it to varchar.`,
    )
  }
  const us = BigInt(date.getTime()) * 1000n + BigInt(fraction.slice(0, 6).padEnd(6, '0'))
  return us - BigInt(offset) * 60_000_000n
}

/** Minutes east of UTC; undefined for a named zone, whose offset hangs on the date. */
function zoneOffsetMinutes(zone: string): number | undefined {
  if (zone === 'UTC' || zone === 'Z') return 0
  const match = /^([+-])(\d{2}):(\d{2})$/.exec(zone)
  if (match === null) return undefined
  const minutes = Number(match[2]) * 60 + Number(match[3])
  return match[1] === '-' ? -minutes : minutes
}

function withoutParameters(rawType: string): SluiceError {
  return new SluiceError(
    'corrupt-data',
    `Trino's answer has the type ${rawType} without its parameters. No row was returned. Look ` +
      'which version of Trino answers, and whether a proxy changes its answers.',
  )
}

import type { RowValue } from '../engine/row-value.ts'
import { SluiceError } from '../errors.ts'
import { timeText } from '../spec/time-text.ts'

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

/** What becomes of a time: µs since 1970, and whether its type has a zone. */
type TimeForm = (us: bigint, hasZone: boolean) => RowValue

/**
 * The decoder of a column. Values come out as the engine's own do (`RowValue`): BIGINT is bigint,
 * smaller integers and floats are numbers, DECIMAL its exact text, TIMESTAMP with and without zone
 * bigint µs since 1970 UTC (finer digits are cut), DATE `YYYY-MM-DD`, VARBINARY bytes, a MAP a list
 * of `{key, value}`, all others their text.
 */
export function trinoDecoder(type: TrinoType, timeForm: TimeForm = (us) => us): TrinoDecoder {
  const decode = decoderOf(type, timeForm)
  return (json) => (json === null || json === undefined ? null : decode(json))
}

/**
 * For a person or a file, as `toResultValue` has it of DuckDB: times are ISO texts with
 * microseconds, `…Z` where the column has a zone.
 */
export function trinoResultDecoder(type: TrinoType): TrinoDecoder {
  return trinoDecoder(type, (us, hasZone) => `${timeText(us)}${hasZone ? 'Z' : ''}`)
}

function decoderOf(type: TrinoType, timeForm: TimeForm): TrinoDecoder {
  const { rawType, arguments: parameters } = type
  switch (rawType) {
    case 'bigint':
      return (json) => BigInt(json as number | bigint | string)
    case 'tinyint':
    case 'smallint':
    case 'integer':
    case 'double':
      // The last two say "NaN", "Infinity"; keys of maps are always texts.
      return Number
    case 'real':
      // Written with as few digits as tell it from its neighbours; the value itself has more.
      return (json) => Math.fround(Number(json))
    case 'boolean':
      return (json) => json === true || json === 'true'
    case 'varbinary':
      return (json) => new Uint8Array(Buffer.from(String(json), 'base64'))
    case 'timestamp':
    case 'timestamp with time zone':
      return (json) => timeForm(timestampUs(String(json)), rawType !== 'timestamp')
    case 'time':
      // The engine writes no digits of the second that say nothing.
      return (json) =>
        String(json)
          .replace(/(\.\d*?)0+$/, '$1')
          .replace(/\.$/, '')
    case 'array':
      return arrayDecoder(typesOf(parameters, timeForm))
    case 'map':
      return mapDecoder(typesOf(parameters, timeForm))
    case 'row':
      return rowDecoder(parameters, timeForm)
    default:
      return (json) => (typeof json === 'string' ? json : JSON.stringify(json))
  }
}

function typesOf(parameters: readonly TrinoTypeArgument[], timeForm: TimeForm): TrinoDecoder[] {
  return parameters.flatMap((each) =>
    each.kind === 'TYPE' ? [trinoDecoder(each.value, timeForm)] : [],
  )
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
function rowDecoder(parameters: readonly TrinoTypeArgument[], timeForm: TimeForm): TrinoDecoder {
  const fields = parameters.flatMap((each, index) => {
    if (each.kind === 'TYPE') {
      return [[`field${index}`, trinoDecoder(each.value, timeForm)] as const]
    }
    if (each.kind !== 'NAMED_TYPE') return []
    const { fieldName, typeSignature } = each.value
    return [[fieldName?.name ?? `field${index}`, trinoDecoder(typeSignature, timeForm)] as const]
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

const engineNames: Readonly<Record<string, string>> = {
  integer: 'INTEGER',
  real: 'FLOAT',
  varbinary: 'BLOB',
}

/** A type in the engine's words, as far as they say how a value is to be shown. */
export function resultTypeOf({ rawType, arguments: parameters }: TrinoType): string {
  const name = engineNames[rawType] ?? rawType.toUpperCase()
  if (rawType !== 'decimal') return name
  return `${name}(${parameters.map(({ value }) => String(value)).join(',')})`
}

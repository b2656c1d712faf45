import { structType } from '../engine/value-type.ts'
import type { ValueField, ValueType } from '../engine/value-type.ts'
import type { TrinoType } from './trino-value.ts'

const simpleTypes: Readonly<Record<string, ValueType>> = {
  unknown: { kind: 'null' },
  boolean: { kind: 'boolean' },
  tinyint: { kind: 'int', bits: 8, isSigned: true },
  smallint: { kind: 'int', bits: 16, isSigned: true },
  integer: { kind: 'int', bits: 32, isSigned: true },
  bigint: { kind: 'int', bits: 64, isSigned: true },
  real: { kind: 'float' },
  double: { kind: 'double' },
  varbinary: { kind: 'bytes' },
  date: { kind: 'date' },
  time: { kind: 'time' },
  timestamp: { kind: 'timestamp', unit: 'us', hasZone: false },
  'timestamp with time zone': { kind: 'timestamp', unit: 'us', hasZone: true },
}

/** What the values of `trinoDecoder` are, in the words of our engine's results. */
export function trinoValueType({ rawType, arguments: parameters }: TrinoType): ValueType {
  const types = parameters.flatMap((each) => (each.kind === 'TYPE' ? [each.value] : []))
  const [first, second] = types.map(trinoValueType)
  if (rawType === 'decimal') {
    const [precision = 38, scale = 0] = parameters.map(({ value }) => Number(value))
    return { kind: 'decimal', precision, scale }
  }
  if (rawType === 'array' && first !== undefined) return { kind: 'list', element: first }
  if (rawType === 'map' && first !== undefined && second !== undefined) {
    return { kind: 'map', key: first, value: second }
  }
  if (rawType === 'row') return structType(fieldsOf(parameters), 'row')
  return simpleTypes[rawType] ?? { kind: 'text' }
}

/** A field without a name has its number, as in the values. */
function fieldsOf(parameters: TrinoType['arguments']): readonly ValueField[] {
  return parameters.flatMap((each, index) => {
    if (each.kind === 'TYPE') return [{ name: `field${index}`, type: trinoValueType(each.value) }]
    if (each.kind !== 'NAMED_TYPE') return []
    const { fieldName, typeSignature } = each.value
    return [{ name: fieldName?.name ?? `field${index}`, type: trinoValueType(typeSignature) }]
  })
}

import { sqlName } from '../engine/sql-text.ts'
import type { DataFile } from '../spec/manifest.ts'
import type { IcebergType, PrimitiveType, Schema } from '../spec/schema.ts'
import { toSingleValue } from '../spec/single-value.ts'
import type { SingleValue } from '../spec/single-value.ts'
import type { MetricsMode } from './metrics-mode.ts'
import { parseStatistic } from './parse-statistic.ts'
import {
  truncateBytesLower,
  truncateBytesUpper,
  truncateTextLower,
  truncateTextUpper,
} from './truncate-bound.ts'
import { uuidBounds } from './uuid-bounds.ts'

/** DuckDB's RETURN_STATS of one file: by quoted column path, texts by statistic. */
export type FileStatistics = ReadonlyMap<string, ReadonlyMap<string, string>>

export type ColumnMetrics = Pick<
  DataFile,
  | 'columnSizes'
  | 'valueCounts'
  | 'nullValueCounts'
  | 'nanValueCounts'
  | 'lowerBounds'
  | 'upperBounds'
>

/** A primitive column of the file, nested ones too. */
export interface Leaf {
  readonly fieldId: number
  /** As the engine names it: `"order"."price"`. */
  readonly path: string
  readonly type: PrimitiveType
  /** Below a list or map: its values are no rows, so it is counted and has no bounds. */
  readonly isRepeated: boolean
}

/** What the engine does not say of a float column that holds NaN. */
export interface NanFacts {
  readonly nanCount: number
  /** Of all other values; undefined where there are none. */
  readonly low: number | undefined
}

export interface MetricsRequest {
  readonly schema: Schema
  readonly statistics: FileStatistics
  readonly modeOf: (fieldId: number) => MetricsMode
  /** By field id; a float column that is not in it and may hold NaN gets no bounds. */
  readonly nanFacts: ReadonlyMap<number, NanFacts>
}

/**
 * Sizes, counts and bounds by field id, as much as each column's mode asks for. Value counts
 * include nulls and NaN. A bound that cannot be said is left out: of infinite times, texts with no
 * larger prefix, uuids of both signs, above floats with NaN.
 */
export function columnMetrics(request: MetricsRequest): ColumnMetrics {
  const metrics = {
    columnSizes: new Map<number, number>(),
    valueCounts: new Map<number, number>(),
    nullValueCounts: new Map<number, number>(),
    nanValueCounts: new Map<number, number>(),
    lowerBounds: new Map<number, Uint8Array>(),
    upperBounds: new Map<number, Uint8Array>(),
  }
  for (const leaf of leavesOf(request.schema)) {
    const found = request.statistics.get(leaf.path)
    if (found === undefined) continue
    const set = (target: Map<number, number>, name: string): void => {
      const text = found.get(name)
      if (text !== undefined) target.set(leaf.fieldId, Number(text))
    }
    set(metrics.columnSizes, 'column_size_bytes')
    const mode = request.modeOf(leaf.fieldId)
    if (mode.kind === 'none') continue
    set(metrics.valueCounts, 'num_values')
    set(metrics.nullValueCounts, 'null_count')
    if (leaf.isRepeated) continue
    const range = valueRange(leaf, found, request.nanFacts.get(leaf.fieldId))
    if (range?.nanCount !== undefined) metrics.nanValueCounts.set(leaf.fieldId, range.nanCount)
    if (range === undefined || mode.kind === 'counts') continue
    const { lower, upper } = boundsOf(leaf.type, range, mode)
    if (lower !== undefined) metrics.lowerBounds.set(leaf.fieldId, toSingleValue(leaf.type, lower))
    if (upper !== undefined) metrics.upperBounds.set(leaf.fieldId, toSingleValue(leaf.type, upper))
  }
  return metrics
}

/** Float columns of rows whose statistics leave open how many NaN there are. */
export function leavesWithNan(schema: Schema, statistics: FileStatistics): readonly Leaf[] {
  return leavesOf(schema).filter((leaf) => {
    const found = statistics.get(leaf.path)
    const isOpen = found !== undefined && found.get('has_nan') !== 'false'
    return isOpen && isFloatType(leaf.type) && !leaf.isRepeated
  })
}

interface LeafRange {
  readonly min: SingleValue | undefined
  readonly max: SingleValue | undefined
  readonly nanCount?: number
}

/** Undefined where nothing is known of the values. */
function valueRange(
  { type }: Leaf,
  found: ReadonlyMap<string, string>,
  nan: NanFacts | undefined,
): LeafRange | undefined {
  // SQL sorts NaN above every number: an upper bound would hide it from readers that do not ask
  // how many there are.
  if (nan !== undefined) return { min: nan.low, max: undefined, nanCount: nan.nanCount }
  const parse = (text: string | undefined): SingleValue | undefined =>
    text === undefined ? undefined : parseStatistic(type, text)
  const range = { min: parse(found.get('min')), max: parse(found.get('max')) }
  if (!isFloatType(type)) return range
  return found.get('has_nan') === 'false' ? { ...range, nanCount: 0 } : undefined
}

function boundsOf(type: PrimitiveType, { min, max }: LeafRange, mode: MetricsMode) {
  if (type === 'uuid') return uuidBounds(min, max)
  const length = mode.kind === 'truncate' ? mode.length : Number.MAX_SAFE_INTEGER
  return { lower: lowerBound(type, min, length), upper: upperBound(max, length) }
}

function lowerBound(
  type: PrimitiveType,
  value: SingleValue | undefined,
  length: number,
): SingleValue | undefined {
  if (typeof value === 'string') return truncateTextLower(value, length)
  if (value instanceof Uint8Array) return truncateBytesLower(value, length)
  // The engine keeps one of two zeros; the spec wants the one that bounds both.
  return value === 0 && isFloatType(type) ? -0 : value
}

function upperBound(value: SingleValue | undefined, length: number): SingleValue | undefined {
  if (typeof value === 'string') return truncateTextUpper(value, length)
  if (value instanceof Uint8Array) return truncateBytesUpper(value, length)
  return value === 0 ? 0 : value
}

function isFloatType(type: PrimitiveType): boolean {
  return type === 'float' || type === 'double'
}

/** Every primitive column of a schema, nested ones too. */
function leavesOf(schema: Schema): readonly Leaf[] {
  const known = leavesBySchema.get(schema)
  if (known !== undefined) return known
  const leaves: Leaf[] = []
  for (const field of schema.fields) {
    collectLeaves(field.id, sqlName(field.name), field.type, false, leaves)
  }
  leavesBySchema.set(schema, leaves)
  return leaves
}

/** Walked once a schema: a live table writes a file each second. */
const leavesBySchema = new WeakMap<Schema, readonly Leaf[]>()

function collectLeaves(
  fieldId: number,
  path: string,
  type: IcebergType,
  isRepeated: boolean,
  leaves: Leaf[],
): void {
  if (typeof type === 'string') {
    leaves.push({ fieldId, path, type, isRepeated })
    return
  }
  switch (type.type) {
    case 'struct':
      for (const field of type.fields) {
        collectLeaves(field.id, `${path}.${sqlName(field.name)}`, field.type, isRepeated, leaves)
      }
      return
    case 'list':
      collectLeaves(type['element-id'], `${path}."element"`, type.element, true, leaves)
      return
    case 'map':
      collectLeaves(type['key-id'], `${path}."key"`, type.key, true, leaves)
      collectLeaves(type['value-id'], `${path}."value"`, type.value, true, leaves)
  }
}

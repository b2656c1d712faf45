import { sqlName } from '../engine/sql-text.ts'
import type { DataFile } from '../spec/manifest.ts'
import type { IcebergType, PrimitiveType, Schema } from '../spec/schema.ts'
import { toSingleValue } from '../spec/single-value.ts'
import type { SingleValue } from '../spec/single-value.ts'
import { parseStatistic } from './parse-statistic.ts'
import {
  truncateBytesLower,
  truncateBytesUpper,
  truncateTextLower,
  truncateTextUpper,
} from './truncate-bound.ts'

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

interface Leaf {
  readonly fieldId: number
  readonly path: string
  readonly type: PrimitiveType
  /** Below a list or map: its values are not rows, so it has a size and nothing else. */
  readonly isRepeated: boolean
}

/**
 * Sizes, counts and bounds by field id. Value counts include nulls and NaN. A bound that cannot
 * be said exactly is left out: of floats that hold NaN (the engine does not count them, and SQL
 * sorts NaN above every number), infinite times, uuids, texts with no larger prefix.
 */
export function columnMetrics(schema: Schema, statistics: FileStatistics): ColumnMetrics {
  const columnSizes = new Map<number, number>()
  const valueCounts = new Map<number, number>()
  const nullValueCounts = new Map<number, number>()
  const nanValueCounts = new Map<number, number>()
  const lowerBounds = new Map<number, Uint8Array>()
  const upperBounds = new Map<number, Uint8Array>()
  for (const leaf of leavesOf(schema)) {
    const found = statistics.get(leaf.path)
    if (found === undefined) continue
    const set = (target: Map<number, number>, name: string): void => {
      const text = found.get(name)
      if (text !== undefined) target.set(leaf.fieldId, Number(text))
    }
    set(columnSizes, 'column_size_bytes')
    if (leaf.isRepeated) continue
    set(valueCounts, 'num_values')
    set(nullValueCounts, 'null_count')
    const isFloating = leaf.type === 'float' || leaf.type === 'double'
    if (isFloating) {
      if (found.get('has_nan') !== 'false') continue
      nanValueCounts.set(leaf.fieldId, 0)
    }
    const lower = lowerBound(leaf.type, found.get('min'))
    const upper = upperBound(leaf.type, found.get('max'))
    if (lower !== undefined) lowerBounds.set(leaf.fieldId, toSingleValue(leaf.type, lower))
    if (upper !== undefined) upperBounds.set(leaf.fieldId, toSingleValue(leaf.type, upper))
  }
  return {
    columnSizes,
    valueCounts,
    nullValueCounts,
    nanValueCounts,
    lowerBounds,
    upperBounds,
  }
}

function lowerBound(type: PrimitiveType, text: string | undefined): SingleValue | undefined {
  const value = text === undefined ? undefined : parseStatistic(type, text)
  if (typeof value === 'string') return truncateTextLower(value)
  if (value instanceof Uint8Array) return truncateBytesLower(value)
  // The engine keeps one of two zeros; the spec wants the one that bounds both.
  return value === 0 && isFloatType(type) ? -0 : value
}

function upperBound(type: PrimitiveType, text: string | undefined): SingleValue | undefined {
  const value = text === undefined ? undefined : parseStatistic(type, text)
  if (typeof value === 'string') return truncateTextUpper(value)
  if (value instanceof Uint8Array) return truncateBytesUpper(value)
  return value === 0 ? 0 : value
}

function isFloatType(type: PrimitiveType): boolean {
  return type === 'float' || type === 'double'
}

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

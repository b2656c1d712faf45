import {
  DuckDBArrayValue,
  DuckDBBitValue,
  DuckDBBlobValue,
  DuckDBListValue,
  DuckDBMapValue,
  DuckDBStructValue,
  DuckDBTimestampMillisecondsValue,
  DuckDBTimestampNanosecondsValue,
  DuckDBTimestampSecondsValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  DuckDBUnionValue,
} from '@duckdb/node-api'
import type { DuckDBValue } from '@duckdb/node-api'

/** One row by column name. */
export interface RowStruct {
  readonly [name: string]: RowValue
}

/**
 * A value that leaves the engine, exact: BIGINT and wider are bigint, INT and floats number,
 * DECIMAL its exact text at full scale, TIMESTAMP and TIMESTAMPTZ bigint µs since 1970 UTC, DATE
 * `YYYY-MM-DD`, BLOB bytes, TIME, INTERVAL and UUID their text; a MAP is a list of `{key, value}`.
 */
export type RowValue =
  null | boolean | number | bigint | string | Uint8Array | readonly RowValue[] | RowStruct

/** The engine's value as ours. Two infinite timestamps are the largest and smallest bigint µs. */
export function toRowValue(value: DuckDBValue): RowValue {
  if (value === null || typeof value !== 'object') return value
  if (value instanceof DuckDBTimestampTZValue || value instanceof DuckDBTimestampValue) {
    return value.micros
  }
  if (value instanceof DuckDBListValue || value instanceof DuckDBArrayValue) {
    return value.items.map(toRowValue)
  }
  if (value instanceof DuckDBStructValue) {
    return Object.fromEntries(
      Object.entries(value.entries).map(([name, entry]) => [name, toRowValue(entry)]),
    )
  }
  if (value instanceof DuckDBMapValue) {
    return value.entries.map((entry) => ({
      key: toRowValue(entry.key),
      value: toRowValue(entry.value),
    }))
  }
  if (value instanceof DuckDBBlobValue) return value.bytes
  if (value instanceof DuckDBUnionValue) return toRowValue(value.value)
  if (value instanceof DuckDBTimestampMillisecondsValue) return value.millis * 1000n
  if (value instanceof DuckDBTimestampSecondsValue) return value.seconds * 1_000_000n
  if (value instanceof DuckDBTimestampNanosecondsValue) return floorDivide(value.nanos, 1000n)
  if (value instanceof DuckDBBitValue) return value.toString()
  return value.toString()
}

function floorDivide(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor
  return dividend < 0n && quotient * divisor !== dividend ? quotient - 1n : quotient
}

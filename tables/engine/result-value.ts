import {
  DuckDBListValue,
  DuckDBArrayValue,
  DuckDBStructValue,
  DuckDBMapValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
} from '@duckdb/node-api'
import type { DuckDBValue } from '@duckdb/node-api'
import { toRowValue } from './row-value.ts'
import type { RowValue } from './row-value.ts'
import { timeText } from '../spec/time-text.ts'

const INFINITY_US = 2n ** 63n - 1n

/**
 * A value for a person or a file: as `RowValue`, but timestamps are ISO texts with microseconds,
 * `…Z` where the column has a zone (it is always UTC).
 */
export function toResultValue(value: DuckDBValue): RowValue {
  if (value instanceof DuckDBTimestampTZValue) return timestampText(value.micros, 'Z')
  if (value instanceof DuckDBTimestampValue) return timestampText(value.micros, '')
  if (value instanceof DuckDBListValue || value instanceof DuckDBArrayValue) {
    return value.items.map(toResultValue)
  }
  if (value instanceof DuckDBStructValue) {
    return Object.fromEntries(
      Object.entries(value.entries).map(([name, entry]) => [name, toResultValue(entry)]),
    )
  }
  if (value instanceof DuckDBMapValue) {
    return value.entries.map((entry) => ({
      key: toResultValue(entry.key),
      value: toResultValue(entry.value),
    }))
  }
  return toRowValue(value)
}

function timestampText(us: bigint, zone: string): string {
  if (us === INFINITY_US) return 'infinity'
  if (us === -INFINITY_US) return '-infinity'
  return `${timeText(us)}${zone}`
}

import {
  DuckDBListValue,
  DuckDBArrayValue,
  DuckDBStructValue,
  DuckDBMapValue,
  DuckDBTimestampNanosecondsValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
} from '@duckdb/node-api'
import type { DuckDBValue } from '@duckdb/node-api'
import { toRowValue } from './row-value.ts'
import type { RowValue } from './row-value.ts'
import { timeText } from '../spec/time-text.ts'

const INFINITY_US = 2n ** 63n - 1n

/**
 * A value for a person or a text: as `RowValue`, but timestamps are ISO texts with microseconds,
 * `…Z` where the column has a zone (it is always UTC).
 */
export const toResultValue = withLeaves((value) => {
  if (value instanceof DuckDBTimestampTZValue) return timestampText(value.micros, 'Z')
  if (value instanceof DuckDBTimestampValue) return timestampText(value.micros, '')
  return undefined
})

/** A value for a typed file: as `RowValue`, but TIMESTAMP_NS is bigint ns since 1970. */
export const toExactValue = withLeaves((value) =>
  value instanceof DuckDBTimestampNanosecondsValue ? value.nanos : undefined,
)

/** As `toRowValue`, also within lists, structs and maps, but for what the leaf says itself. */
function withLeaves(
  leaf: (value: DuckDBValue) => RowValue | undefined,
): (value: DuckDBValue) => RowValue {
  const convert = (value: DuckDBValue): RowValue => {
    if (value === null || typeof value !== 'object') return value
    if (value instanceof DuckDBListValue || value instanceof DuckDBArrayValue) {
      return value.items.map(convert)
    }
    if (value instanceof DuckDBStructValue) {
      return Object.fromEntries(
        Object.entries(value.entries).map(([name, entry]) => [name, convert(entry)]),
      )
    }
    if (value instanceof DuckDBMapValue) {
      return value.entries.map(({ key, value }) => ({ key: convert(key), value: convert(value) }))
    }
    return leaf(value) ?? toRowValue(value)
  }
  return convert
}

function timestampText(us: bigint, zone: string): string {
  if (us === INFINITY_US) return 'infinity'
  if (us === -INFINITY_US) return '-infinity'
  return `${timeText(us)}${zone}`
}

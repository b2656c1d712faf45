import { duckdbDialect, type Dialect } from './dialect.ts'
import { framedColumns } from './frame.ts'
import type { Kind } from './kind.ts'

/**
 * Rows of a kind's bronze table: every routed message of the kind exactly once. Messages that
 * were decoded come from `decoded`, whose first row of each holds the whole message and the event
 * time that could be read; the ignored ones come from `routed`.
 */
export function bronzeSql(
  kind: Kind,
  input: { readonly routed: string; readonly decoded: string },
  _dialect: Dialect = duckdbDialect,
): string {
  const framed = framedColumns.join(', ')
  return (
    `SELECT ${framed}, event_ts, coalesce(received_ts, event_ts, ingested_ts) AS partition_ts, ` +
    `is_ignored, format FROM (` +
    `SELECT ${framed}, event_ts, false AS is_ignored, format FROM ${input.decoded} AS d ` +
    `WHERE source_row = 0 AND kind = '${kind}' UNION ALL ` +
    `SELECT ${framed}, CAST(NULL AS TIMESTAMP WITH TIME ZONE) AS event_ts, is_ignored, format ` +
    `FROM ${input.routed} AS r WHERE is_ignored AND kind = '${kind}')`
  )
}

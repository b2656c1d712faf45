import { content, contentOrNull, lineage, lineageOrNull } from '../tables/spec/column-definition.ts'
import type { ViewDefinition } from '../tables/spec/view-definition.ts'

const columns = [
  content(1, 'venue', 'string', 'Exchange, as in silver.quotes.'),
  content(2, 'venue_symbol', 'string', "The venue's own name of the instrument."),
  content(3, 'instrument_id', 'string', 'Canonical id from the config, else venue:venue_symbol.'),
  content(4, 'event_ts', 'timestamptz', 'Time at the venue, else of receipt; UTC, microseconds.'),
  contentOrNull(5, 'bid_price', 'decimal(18, 8)', 'Best bid; null: unchanged or no bid.'),
  contentOrNull(6, 'bid_quantity', 'decimal(28, 8)', 'Units at the best bid; null: not told.'),
  contentOrNull(7, 'ask_price', 'decimal(18, 8)', 'Best ask; null: unchanged or no ask.'),
  contentOrNull(8, 'ask_quantity', 'decimal(28, 8)', 'Units at the best ask; null: not told.'),
  content(9, 'is_rounded', 'boolean', 'A number had more than 8 decimals: half away from zero.'),
  contentOrNull(10, 'quote_id', 'string', "The venue's id or update number; null: it gives none."),
  contentOrNull(11, 'quote_seq', 'long', "The venue's running number; null where it runs none."),
  lineageOrNull(12, 'received_ts', 'timestamptz', 'Arrival at our edge, UTC; null where unknown.'),
  lineage(13, 'ingested_ts', 'timestamptz', 'Time of the cut that took it in, UTC.'),
]

const names = columns.map(({ name }) => name).join(', ')

/**
 * The order of the law for quotes of one window (order key), newest first: event time, the venue's
 * running number, its id; the place in the source only where there is no id.
 */
const newestFirst =
  'event_ts DESC, quote_seq DESC NULLS LAST, CASE WHEN quote_id IS NOT NULL THEN quote_id ELSE ' +
  "source || ':' || lpad(CAST(source_partition AS VARCHAR), 10, '0') || ':' || " +
  "lpad(CAST(source_offset AS VARCHAR), 20, '0') || ':' || " +
  "lpad(CAST(source_row AS VARCHAR), 10, '0') END DESC"

const sql =
  `SELECT ${names} FROM (SELECT ${names}, row_number() OVER (PARTITION BY venue, venue_symbol ` +
  `ORDER BY ${newestFirst}) AS place FROM silver.quotes) AS q WHERE place = 1`

/** One row is a whole update as the venue told it: a side that it did not tell stays null. */
export const latestQuotes: ViewDefinition = {
  name: 'gold.latest_quotes',
  doc: 'One row is the newest quote of one venue symbol: last by event time, number and id.',
  columns,
  sql: { trino: sql, duckdb: sql },
}

import { content, contentOrNull, lineage, lineageOrNull } from '../tables/spec/column-definition.ts'
import type { TableDefinition } from '../tables/spec/table-definition.ts'

/** Quotes over 1m, 5m, 1h and 1d in UTC. Spreads count rows that carry both sides only. */
export const spreads: TableDefinition = {
  name: 'gold.spreads',
  doc: 'One row is the quotes of one instrument over a step of time: last sides and spreads.',
  columns: [
    content(1, 'step', 'string', "Length of the window: '1m', '5m', '1h' or '1d', UTC."),
    content(2, 'venue', 'string', 'Exchange, as in silver.quotes.'),
    content(3, 'venue_symbol', 'string', "The venue's own name of the instrument."),
    content(4, 'instrument_id', 'string', 'Canonical id from the config, else venue:venue_symbol.'),
    content(5, 'open_ts', 'timestamptz', 'Start of the window, inclusive, UTC.'),
    content(6, 'close_ts', 'timestamptz', 'End of the window, exclusive, UTC.'),
    contentOrNull(7, 'bid_price', 'decimal(18, 8)', 'Last bid told in the window; null: none was.'),
    contentOrNull(8, 'ask_price', 'decimal(18, 8)', 'Last ask told in the window; null: none was.'),
    contentOrNull(9, 'mid', 'decimal(18, 8)', 'Half of last bid + last ask; null without both.'),
    contentOrNull(10, 'min_spread', 'decimal(18, 8)', 'Lowest ask - bid; null: no row had both.'),
    contentOrNull(11, 'avg_spread', 'decimal(18, 8)', 'Mean of ask - bid; null: no row had both.'),
    contentOrNull(12, 'max_spread', 'decimal(18, 8)', 'Highest ask - bid; null: no row had both.'),
    content(13, 'quote_count', 'long', 'Number of quotes.'),
    content(14, 'both_sides_count', 'long', 'Number of quotes that carry both sides.'),
    content(15, 'crossed_count', 'long', 'Number of quotes with both sides and bid > ask.'),
    content(16, 'sum_spread', 'decimal(38, 8)', 'Sum of ask - bid: merge column of avg_spread.'),
    lineageOrNull(17, 'bid_key', 'string', 'Order key of the last bid; null: none was told.'),
    lineageOrNull(18, 'ask_key', 'string', 'Order key of the last ask; null: none was told.'),
    lineage(19, 'is_sealed', 'boolean', 'The end of the window is behind the watermark.'),
    lineage(20, 'revision', 'int', 'How often the row was repaired after it was sealed, from 0.'),
  ],
  key: ['step', 'venue', 'venue_symbol', 'open_ts'],
  partition: [{ column: 'open_ts', transform: 'month' }],
  sort: ['step', 'venue_symbol', 'open_ts'],
}

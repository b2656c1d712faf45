import { content, contentOrNull, lineage } from '../tables/spec/column-definition.ts'
import type { TableDefinition } from '../tables/spec/table-definition.ts'

/**
 * Bars over 1m, 5m, 1h and 1d in UTC, with the columns that merge: sums, and the order keys of
 * open and close, so that a late row merges into what is committed.
 */
export const bars: TableDefinition = {
  name: 'gold.bars',
  doc: 'One row is one bar of one instrument: open, high, low, close, volume over a step of time.',
  columns: [
    content(1, 'step', 'string', "Length of the window: '1m', '5m', '1h' or '1d', UTC."),
    content(2, 'venue', 'string', 'Exchange, as in silver.trades.'),
    content(3, 'venue_symbol', 'string', "The venue's own name of the instrument."),
    content(4, 'instrument_id', 'string', 'Canonical id from the config, else venue:venue_symbol.'),
    content(5, 'open_ts', 'timestamptz', 'Start of the window, inclusive, UTC.'),
    content(6, 'close_ts', 'timestamptz', 'End of the window, exclusive, UTC.'),
    content(7, 'open', 'decimal(18, 8)', 'Price of the first trade by order key.'),
    content(8, 'high', 'decimal(18, 8)', 'Highest price.'),
    content(9, 'low', 'decimal(18, 8)', 'Lowest price.'),
    content(10, 'close', 'decimal(18, 8)', 'Price of the last trade by order key.'),
    content(11, 'volume', 'decimal(38, 8)', 'Sum of quantity, units.'),
    content(12, 'notional', 'decimal(38, 16)', 'Sum of price x quantity, quote currency.'),
    contentOrNull(13, 'vwap', 'decimal(18, 8)', 'notional / volume; null where volume is 0.'),
    content(14, 'trade_count', 'long', 'Number of trades.'),
    content(15, 'avg_price', 'decimal(18, 8)', 'Mean of the prices, each trade counting once.'),
    contentOrNull(
      16,
      'price_stddev',
      'double',
      'Sample deviation; null below 2, or a price > 1e7.',
    ),
    content(
      17,
      'buy_volume',
      'decimal(38, 8)',
      "Sum of quantity where taker_side is 'buy', units.",
    ),
    content(18, 'sell_volume', 'decimal(38, 8)', "Sum of quantity where it is 'sell', units."),
    content(19, 'sum_price', 'decimal(38, 8)', 'Sum of the prices: merge column of avg_price.'),
    contentOrNull(20, 'sum_price_sq', 'decimal(38, 16)', 'Sum of squares; null: a price > 1e7.'),
    lineage(21, 'open_key', 'string', 'Order key of the first trade: merge column of open.'),
    lineage(22, 'close_key', 'string', 'Order key of the last trade: merge column of close.'),
    lineage(23, 'is_sealed', 'boolean', 'The end of the window is behind the watermark.'),
    lineage(24, 'revision', 'int', 'How often the bar was repaired after it was sealed, from 0.'),
  ],
  key: ['step', 'venue', 'venue_symbol', 'open_ts'],
  partition: [{ column: 'open_ts', transform: 'month' }],
  sort: ['step', 'venue_symbol', 'open_ts'],
}

import { content, contentOrNull, lineage, lineageOrNull } from '../tables/spec/column-definition.ts'
import type { TableDefinition } from '../tables/spec/table-definition.ts'

/**
 * Bars over 1m, 5m, 1h and 1d, whole steps in UTC (a day is a UTC day, whatever the venue's), with the
 * columns that merge: sums, and the order keys of open and close, so that a late row merges into
 * what is committed.
 *
 * A window of which a trade is known is made of trades alone; one of which only klines are known is
 * made of the venue's one-minute klines, with null for what they do not tell.
 */
export const bars: TableDefinition = {
  name: 'gold.bars',
  doc: 'One row is one bar of one instrument: open, high, low, close, volume over a step in UTC.',
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
    contentOrNull(12, 'notional', 'decimal(38, 16)', 'Sum of price x quantity; null: not told.'),
    contentOrNull(
      13,
      'vwap',
      'decimal(18, 8)',
      'notional / volume; null where volume is 0 or notional null.',
    ),
    contentOrNull(14, 'trade_count', 'long', 'Number of trades; null: not told.'),
    contentOrNull(
      15,
      'avg_price',
      'decimal(18, 8)',
      'Mean of the prices, each trade counting once; null in a bar of klines.',
    ),
    contentOrNull(
      16,
      'price_stddev',
      'double',
      'Sample deviation; null below 2, or a price > 1e7.',
    ),
    contentOrNull(
      17,
      'buy_volume',
      'decimal(38, 8)',
      "Sum of quantity where taker_side is 'buy', units; null: not told.",
    ),
    contentOrNull(
      18,
      'sell_volume',
      'decimal(38, 8)',
      "Sum of quantity where it is 'sell', units; null: not told.",
    ),
    contentOrNull(19, 'sum_price', 'decimal(38, 8)', 'Sum of the prices; null in a bar of klines.'),
    contentOrNull(20, 'sum_price_sq', 'decimal(38, 16)', 'Sum of squares; null: a price > 1e7.'),
    lineage(21, 'open_key', 'string', 'Order key of the first trade, or start of the first kline.'),
    lineage(22, 'close_key', 'string', 'Order key of the last trade, or start of the last kline.'),
    lineage(23, 'is_sealed', 'boolean', 'The end of the window is behind the watermark.'),
    lineage(24, 'revision', 'int', 'How often the bar was repaired after it was sealed, from 0.'),
    lineageOrNull(
      25,
      'bar_source',
      'string',
      "'trades', or 'klines' where no trade is known; null: written before it was kept, of trades.",
    ),
    lineageOrNull(
      26,
      'known_cut',
      'long',
      'Cut that made this version of the sealed bar; null: open, or sealed before layout 3.',
    ),
    {
      ...contentOrNull(
        27,
        'is_complete',
        'boolean',
        'False: an open gap of silver.gaps touches the window; null: true, of layout 3 or older.',
      ),
      nullAs: 'true',
    },
  ],
  key: ['step', 'venue', 'venue_symbol', 'open_ts'],
  partition: [{ column: 'open_ts', transform: 'month' }],
  sort: ['step', 'venue_symbol', 'open_ts'],
}

import { content, contentOrNull, lineage, lineageOrNull } from '../tables/spec/column-definition.ts'
import type { TableDefinition } from '../tables/spec/table-definition.ts'

/**
 * Klines, which are bars as a venue made them itself: typed, exact and each once. A minute in which
 * nobody traded has a row where the venue writes one, with volume 0, and none where it does not. A
 * month is a partition: a day of a symbol has no more than 1,440 rows.
 */
export const klines: TableDefinition = {
  name: 'silver.klines',
  doc: 'One row is one kline, a bar as the venue itself gave it, typed and without duplicates.',
  columns: [
    content(
      1,
      'venue',
      'string',
      'Exchange; spot, futures and other streams are venues of their own.',
    ),
    content(2, 'venue_symbol', 'string', "The venue's own name of the instrument."),
    content(3, 'instrument_id', 'string', 'Canonical id from the config, else venue:venue_symbol.'),
    content(4, 'kline_id', 'string', 'What a kline is known by: step:open_ts in microseconds.'),
    content(5, 'step', 'string', "Length of the kline: '1m'."),
    content(6, 'event_ts', 'timestamptz', 'The same as open_ts: every row of silver has a time.'),
    content(7, 'open_ts', 'timestamptz', 'Start of the kline, inclusive, UTC; a whole step.'),
    content(8, 'close_ts', 'timestamptz', 'End of the kline, exclusive, UTC.'),
    content(9, 'open', 'decimal(18, 8)', 'First price.'),
    content(10, 'high', 'decimal(18, 8)', 'Highest price.'),
    content(11, 'low', 'decimal(18, 8)', 'Lowest price.'),
    content(12, 'close', 'decimal(18, 8)', 'Last price.'),
    content(13, 'volume', 'decimal(28, 8)', 'Units traded, >= 0.'),
    contentOrNull(
      14,
      'notional',
      'decimal(28, 8)',
      'Traded in the quote currency; null: not told.',
    ),
    contentOrNull(15, 'trade_count', 'long', 'Number of trades; null: not told.'),
    contentOrNull(16, 'buy_volume', 'decimal(28, 8)', 'Units that takers bought; null: not told.'),
    contentOrNull(
      17,
      'buy_notional',
      'decimal(28, 8)',
      'The same in quote currency; null: not told.',
    ),
    content(18, 'is_rounded', 'boolean', 'A number had more than 8 decimals: half away from zero.'),
    lineage(19, 'source', 'string', 'Where the message came from, as in bronze.'),
    lineage(20, 'source_partition', 'int', 'Kafka partition; 0 for a log and for a file.'),
    lineage(21, 'source_offset', 'long', 'Kafka offset, or the line number of a file, from 0.'),
    lineage(22, 'source_row', 'int', 'Row within the message, from 0.'),
    lineageOrNull(
      23,
      'received_ts',
      'timestamptz',
      'Arrival at our edge, UTC; null where unknown.',
    ),
    lineage(24, 'ingested_ts', 'timestamptz', 'Time of the cut that took it in, UTC.'),
  ],
  key: ['venue', 'venue_symbol', 'kline_id', 'event_ts'],
  partition: [{ column: 'event_ts', transform: 'month' }],
  sort: ['venue_symbol', 'event_ts'],
}

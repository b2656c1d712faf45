import { content, contentOrNull, lineage, lineageOrNull } from '../tables/spec/column-definition.ts'
import type { TableDefinition } from '../tables/spec/table-definition.ts'

/** Prints: typed, exact and each once. */
export const trades: TableDefinition = {
  name: 'silver.trades',
  doc: 'One row is one print (execution) at a venue, typed and without duplicates.',
  columns: [
    content(
      1,
      'venue',
      'string',
      'Exchange; spot, futures and other streams are venues of their own.',
    ),
    content(2, 'venue_symbol', 'string', "The venue's own name of the instrument."),
    content(3, 'instrument_id', 'string', 'Canonical id from the config, else venue:venue_symbol.'),
    contentOrNull(
      4,
      'trade_id',
      'string',
      "The venue's id of the print; null where it gives none.",
    ),
    contentOrNull(5, 'trade_seq', 'long', "The venue's running number; null where it runs none."),
    content(6, 'event_ts', 'timestamptz', 'Time of the print at the venue, UTC, microseconds.'),
    content(7, 'price', 'decimal(18, 8)', 'Price of one unit in the quote currency, > 0.'),
    content(8, 'quantity', 'decimal(28, 8)', 'Units traded, >= 0.'),
    content(9, 'taker_side', 'string', "Who crossed the spread: 'buy', 'sell' or 'unknown'."),
    contentOrNull(
      10,
      'conditions',
      'string',
      'Sale conditions as the format names them; null: none.',
    ),
    content(11, 'is_rounded', 'boolean', 'A number had more than 8 decimals: half away from zero.'),
    lineage(12, 'source', 'string', 'Where the message came from, as in bronze.'),
    lineage(13, 'source_partition', 'int', 'Kafka partition; 0 for a log and for a file.'),
    lineage(14, 'source_offset', 'long', 'Kafka offset, or the line number of a file, from 0.'),
    lineage(15, 'source_row', 'int', 'Row within the message, from 0.'),
    lineageOrNull(
      16,
      'received_ts',
      'timestamptz',
      'Arrival at our edge, UTC; null where unknown.',
    ),
    lineage(17, 'ingested_ts', 'timestamptz', 'Time of the cut that took it in, UTC.'),
    lineageOrNull(
      18,
      'seq_is_contiguous',
      'boolean',
      'True: the venue leaves no trade_seq out; null: it may, or the row is of layout 3 or older.',
    ),
  ],
  key: ['venue', 'venue_symbol', 'trade_id', 'event_ts'],
  partition: [{ column: 'event_ts', transform: 'day' }],
  sort: ['venue_symbol', 'event_ts'],
}

import { content, contentOrNull, lineage, lineageOrNull } from '../tables/spec/column-definition.ts'
import type { TableDefinition } from '../tables/spec/table-definition.ts'

/** Updates of best bid and ask: typed, exact and each once. */
export const quotes: TableDefinition = {
  name: 'silver.quotes',
  doc: 'One row is one update of the best bid and ask at a venue, typed and without duplicates.',
  columns: [
    content(
      1,
      'venue',
      'string',
      'Exchange; spot, futures and other streams are venues of their own.',
    ),
    content(2, 'venue_symbol', 'string', "The venue's own name of the instrument."),
    content(3, 'instrument_id', 'string', 'Canonical id from the config, else venue:venue_symbol.'),
    contentOrNull(4, 'quote_id', 'string', "The venue's id or update number; null: it gives none."),
    contentOrNull(5, 'quote_seq', 'long', "The venue's running number; null where it runs none."),
    content(6, 'event_ts', 'timestamptz', 'Time at the venue, else of receipt; UTC, microseconds.'),
    contentOrNull(7, 'bid_price', 'decimal(18, 8)', 'Best bid; null: unchanged or no bid.'),
    contentOrNull(8, 'bid_quantity', 'decimal(28, 8)', 'Units at the best bid; null: not told.'),
    contentOrNull(9, 'ask_price', 'decimal(18, 8)', 'Best ask; null: unchanged or no ask.'),
    contentOrNull(10, 'ask_quantity', 'decimal(28, 8)', 'Units at the best ask; null: not told.'),
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
  ],
  key: ['venue', 'venue_symbol', 'quote_id', 'event_ts'],
  partition: [{ column: 'event_ts', transform: 'day' }],
  sort: ['venue_symbol', 'event_ts'],
}

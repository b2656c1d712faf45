import { lineage } from '../tables/spec/column-definition.ts'
import type { TableDefinition } from '../tables/spec/table-definition.ts'

/**
 * Which source's rows of a day of a symbol count. Rows without ids cannot be told apart, so where
 * two sources hold the same time one of them has to stand back: `sluice backfill --take-over` says
 * which. Of a day of a symbol and a source the row of the highest cut holds; where there is none,
 * the source counts. Bronze keeps the messages of one that does not, and none of its rows of that
 * day reaches silver or gold: receipts count them as duplicates.
 *
 * A source that takes days over is announced first, as one that does not count: its messages come
 * into bronze cut by cut. The cut after them turns both round, and changes silver and gold of the
 * day with it.
 */
export const takeOvers: TableDefinition = {
  name: 'sluice.take_overs',
  doc: 'One row says whether a source counts on a day of a symbol from a cut on; the newest holds.',
  columns: [
    lineage(1, 'cut_number', 'long', 'Cut from which on it holds.'),
    lineage(2, 'ingested_ts', 'timestamptz', 'ingested_ts of that cut, UTC.'),
    lineage(3, 'kind', 'string', "What the rows are: 'trade', 'quote', 'kline'."),
    lineage(4, 'venue', 'string', 'Exchange, as in silver.'),
    lineage(5, 'venue_symbol', 'string', "The venue's own name of the instrument."),
    lineage(6, 'day', 'date', 'UTC day of the event times.'),
    lineage(7, 'source', 'string', 'The source, as in silver; of a file without its days.'),
    lineage(8, 'is_counted', 'boolean', 'Whether its rows of that day count.'),
  ],
  key: ['kind', 'venue', 'venue_symbol', 'day', 'source', 'cut_number'],
  partition: [{ column: 'ingested_ts', transform: 'month' }],
  sort: ['cut_number', 'venue_symbol', 'day'],
}

import { content, lineage, lineageOrNull } from '../tables/spec/column-definition.ts'
import type { TableDefinition } from '../tables/spec/table-definition.ts'

/**
 * Numbers that a venue must have given to trades that silver.trades does not hold. Where some of
 * them come later, the row becomes one for them, with the cut that brought them, and one for each
 * rest that is missing still: a number is in one row, whatever happens to it.
 *
 * What is missing now follows from silver.trades alone, so open rows are content; when it was seen
 * and what brought it hangs on how rows came.
 */
export const gaps: TableDefinition = {
  name: 'silver.gaps',
  doc: 'One row is a range of missing trade numbers of a venue symbol; healed_cut null: missing still.',
  columns: [
    content(1, 'venue', 'string', 'Exchange, as in silver.trades.'),
    content(2, 'venue_symbol', 'string', "The venue's own name of the instrument."),
    content(3, 'from_seq', 'long', 'First number of the range, as trade_seq of silver.trades.'),
    content(4, 'to_seq', 'long', 'Last number of the range, itself a part of it.'),
    content(5, 'from_ts', 'timestamptz', 'Event time from which trades may be missing, UTC.'),
    content(6, 'to_ts', 'timestamptz', 'Event time until which trades may be missing, UTC.'),
    lineage(7, 'first_seen_cut', 'long', 'Cut that first knew of a number behind the range.'),
    lineage(8, 'first_seen_ts', 'timestamptz', 'ingested_ts of that cut, UTC.'),
    lineageOrNull(9, 'healed_cut', 'long', 'Cut that brought the numbers; null: missing still.'),
    lineageOrNull(10, 'healed_ts', 'timestamptz', 'ingested_ts of that cut; null: missing still.'),
    lineageOrNull(
      11,
      'healed_by',
      'string',
      "What that cut was: 'live', 'backfill', 'replay', …; null: missing still.",
    ),
  ],
  key: ['venue', 'venue_symbol', 'from_seq', 'healed_cut'],
  partition: [{ column: 'from_ts', transform: 'month' }],
  sort: ['venue_symbol', 'from_seq'],
  contentRows: 'healed_cut IS NULL',
}

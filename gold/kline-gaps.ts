import { content } from '../tables/spec/column-definition.ts'
import type { ViewDefinition } from '../tables/spec/view-definition.ts'

/**
 * What the view of missing klines is; its text is a step of the transforms. Some venues write no
 * kline where nobody traded: there a gap is what their history is, and no proof of a loss.
 */
export const klineGaps: Omit<ViewDefinition, 'sql'> = {
  name: 'gold.kline_gaps',
  doc: 'One row is a run of missing klines between two klines of one venue symbol and step.',
  columns: [
    content(1, 'venue', 'string', 'Exchange, as in silver.klines.'),
    content(2, 'venue_symbol', 'string', "The venue's own name of the instrument."),
    content(3, 'instrument_id', 'string', 'As the last kline before the gap has it.'),
    content(4, 'step', 'string', "Length of the klines: '1m'."),
    content(5, 'from_ts', 'timestamptz', 'open_ts of the first missing kline, inclusive, UTC.'),
    content(6, 'to_ts', 'timestamptz', 'open_ts of the next kline that is there: exclusive, UTC.'),
    content(7, 'missing_count', 'long', 'Number of klines that would fill the gap, >= 1.'),
  ],
}

import { content, contentOrNull } from '../tables/spec/column-definition.ts'
import type { ViewDefinition } from '../tables/spec/view-definition.ts'

/** What the view of daily bars without holes is; its text is a step of the transforms. */
export const dailyFilled: Omit<ViewDefinition, 'sql'> = {
  name: 'gold.daily_filled',
  doc: 'One row is one UTC day of a symbol, from its first daily bar to its last; none is missing.',
  columns: [
    content(1, 'venue', 'string', 'Exchange, as in gold.bars.'),
    content(2, 'venue_symbol', 'string', "The venue's own name of the instrument."),
    content(3, 'instrument_id', 'string', 'Canonical id from the config, else venue:venue_symbol.'),
    content(4, 'day', 'date', 'The UTC day.'),
    content(5, 'open', 'decimal(18, 8)', 'As in gold.bars; the close before it where filled.'),
    content(6, 'high', 'decimal(18, 8)', 'As in gold.bars; the close before it where filled.'),
    content(7, 'low', 'decimal(18, 8)', 'As in gold.bars; the close before it where filled.'),
    content(8, 'close', 'decimal(18, 8)', 'As in gold.bars; the close before it where filled.'),
    content(9, 'volume', 'decimal(38, 8)', 'As in gold.bars, units; 0 where filled.'),
    content(10, 'is_filled', 'boolean', 'There is no bar of the day: the last close is repeated.'),
    contentOrNull(
      11,
      'ma7',
      'decimal(18, 8)',
      'Mean of the closes of 7 days; null before the 7th.',
    ),
    contentOrNull(12, 'ma30', 'decimal(18, 8)', 'The same of 30 days; null before the 30th.'),
  ],
}

import { content } from '../tables/spec/column-definition.ts'
import type { ViewDefinition } from '../tables/spec/view-definition.ts'

/** What the view for forecasting libraries is; its text is a step of the transforms. */
export const forecastInput: Omit<ViewDefinition, 'sql'> = {
  name: 'gold.forecast_input',
  doc: 'One row is one day of gold.daily_filled, by the names that forecasting libraries want.',
  columns: [
    content(1, 'ds', 'date', 'The UTC day.'),
    content(2, 'y', 'decimal(18, 8)', 'Close of the day, or the last close before it.'),
    content(3, 'symbol', 'string', "The venue's own name of the instrument."),
    content(4, 'venue', 'string', 'Exchange: two of them may have a symbol of one name.'),
    content(5, 'is_filled', 'boolean', 'There is no bar of the day: the last close is repeated.'),
  ],
}

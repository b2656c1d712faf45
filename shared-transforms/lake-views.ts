import { barsByStep } from '../gold/bars-by-step.ts'
import { dailyFilled } from '../gold/daily-filled.ts'
import { forecastInput } from '../gold/forecast-input.ts'
import { latestQuotes } from '../gold/latest-quotes.ts'
import type { ViewDefinition } from '../tables/spec/view-definition.ts'
import { dailyFilledSql, forecastInputSql } from './daily-history.ts'
import { duckdbDialect, trinoDialect, type Dialect } from './dialect.ts'

/** Every view of a lake. */
export const allViews: readonly ViewDefinition[] = [
  ...barsByStep,
  latestQuotes,
  viewOfStep(dailyFilled, dailyFilledSql),
  viewOfStep(forecastInput, forecastInputSql),
]

/** A view whose text is a step over gold.bars. */
function viewOfStep(
  view: Omit<ViewDefinition, 'sql'>,
  step: (bars: string, dialect: Dialect) => string,
): ViewDefinition {
  const text = (dialect: Dialect): string => step('gold.bars', dialect)
  return { ...view, sql: { trino: text(trinoDialect), duckdb: text(duckdbDialect) } }
}

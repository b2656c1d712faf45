import { barsByStep } from '../gold/bars-by-step.ts'
import { dailyFilled } from '../gold/daily-filled.ts'
import { forecastInput } from '../gold/forecast-input.ts'
import { klineGaps } from '../gold/kline-gaps.ts'
import { latestQuotes } from '../gold/latest-quotes.ts'
import type { ViewDefinition } from '../tables/spec/view-definition.ts'
import { dailyFilledSql, forecastInputSql } from './daily-history.ts'
import { duckdbDialect, trinoDialect, type Dialect } from './dialect.ts'
import { klineGapsSql } from './kline-gaps.ts'

/** Every view of a lake. */
export const allViews: readonly ViewDefinition[] = [
  ...barsByStep,
  latestQuotes,
  viewOfStep(dailyFilled, 'gold.bars', dailyFilledSql),
  viewOfStep(forecastInput, 'gold.bars', forecastInputSql),
  viewOfStep(klineGaps, 'silver.klines', klineGapsSql),
]

/** A view whose text is a step over one table. */
function viewOfStep(
  view: Omit<ViewDefinition, 'sql'>,
  table: string,
  step: (relation: string, dialect: Dialect) => string,
): ViewDefinition {
  const text = (dialect: Dialect): string => step(table, dialect)
  return { ...view, sql: { trino: text(trinoDialect), duckdb: text(duckdbDialect) } }
}

import type { ViewDefinition } from '../tables/spec/view-definition.ts'
import { bars } from './bars.ts'

const columns = bars.columns.filter(({ name }) => name !== 'step')

/** The bars of one step, `gold.bars_1m` and so on: what a chart asks for. */
export const barsByStep: readonly ViewDefinition[] = ['1m', '5m', '1h', '1d'].map((step) => {
  const names = columns.map(({ name }) => name).join(', ')
  const sql = `SELECT ${names} FROM gold.bars WHERE step = '${step}'`
  return {
    name: `gold.bars_${step}`,
    doc: `The rows of gold.bars with step '${step}', without that column.`,
    columns,
    sql: { trino: sql, duckdb: sql },
  }
})

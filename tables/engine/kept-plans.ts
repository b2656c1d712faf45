import type { DuckDBConnection, DuckDBPreparedStatement } from '@duckdb/node-api'

/** Statements of one connection whose plans are kept, by their text; the least used go first. */
export interface KeptPlans {
  prepare(sql: string): Promise<DuckDBPreparedStatement>
  close(): void
}

/**
 * Without this a kept plan goes wrong: the engine plans with the values that its tables hold at
 * that moment (a filter that no row can pass becomes an empty result), and does not plan again
 * when other rows come in.
 */
export const KEPT_PLANS_SETTING = "SET GLOBAL disabled_optimizers = 'statistics_propagation'"

/** A plan of a decoding step takes some hundred kilobytes. */
const PLAN_COUNT_MAX = 128

/**
 * Keeps plans of a connection. Planning a long statement takes ten times what running it over a
 * few rows does, so whoever runs the same text again and again runs it by its plan. The engine
 * plans again by itself once any table was made, replaced or dropped.
 */
export function createKeptPlans(connection: DuckDBConnection): KeptPlans {
  const plans = new Map<string, DuckDBPreparedStatement>()
  return {
    prepare: async (sql) => {
      const held = plans.get(sql)
      if (held !== undefined) {
        // A Map iterates in order of insertion: what is used goes to the end.
        plans.delete(sql)
        plans.set(sql, held)
        return held
      }
      const plan = await connection.prepare(sql)
      plans.set(sql, plan)
      const [oldest] = plans.keys()
      if (plans.size > PLAN_COUNT_MAX && oldest !== undefined) {
        plans.get(oldest)?.destroySync()
        plans.delete(oldest)
      }
      return plan
    },
    close: () => {
      for (const plan of plans.values()) plan.destroySync()
      plans.clear()
    },
  }
}

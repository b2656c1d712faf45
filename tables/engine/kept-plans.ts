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
const PLAN_COUNT_MAX = 256

/** How often the tables of an engine were made, replaced or dropped, in any of its sessions. */
export interface CatalogVersion {
  current: number
}

/**
 * Keeps plans of a connection. Planning a long statement takes ten times what running it over a
 * few rows does, so whoever runs the same text again and again runs it by its plan.
 *
 * A plan that is older than the catalog is made anew here. The engine would see to it by itself,
 * but a statement that it has planned again once it plans again at every run
 * (`RebindPreparedStatement` of DuckDB 1.5 leaves `bound_all_parameters` false).
 */
export function createKeptPlans(connection: DuckDBConnection, catalog: CatalogVersion): KeptPlans {
  const plans = new Map<string, { plan: DuckDBPreparedStatement; version: number }>()
  const drop = (sql: string): void => {
    plans.get(sql)?.plan.destroySync()
    plans.delete(sql)
  }
  return {
    prepare: async (sql) => {
      const held = plans.get(sql)
      if (held?.version === catalog.current) {
        // A Map iterates in order of insertion: what is used goes to the end.
        plans.delete(sql)
        plans.set(sql, held)
        return held.plan
      }
      drop(sql)
      const { current: version } = catalog
      const plan = await connection.prepare(sql)
      plans.set(sql, { plan, version })
      const [oldest] = plans.keys()
      if (plans.size > PLAN_COUNT_MAX && oldest !== undefined) drop(oldest)
      return plan
    },
    close: () => {
      for (const { plan } of plans.values()) plan.destroySync()
      plans.clear()
    },
  }
}

/**
 * Counts the statements of one session that change the catalog, after they ran or failed. Those of a
 * transaction count once more at its end: plans made within it are of a catalog that nobody else
 * has seen.
 */
export function createCatalogWatch(catalog: CatalogVersion): (sql: string) => void {
  let isPending = false
  return (sql) => {
    const isEnd = /^\s*(COMMIT|ROLLBACK)\b/i.test(sql)
    const isChange = /^\s*(CREATE|DROP|ALTER|ATTACH|DETACH)\b/i.test(sql)
    if (isChange || (isEnd && isPending)) catalog.current += 1
    if (isChange) isPending = true
    else if (isEnd) isPending = false
  }
}

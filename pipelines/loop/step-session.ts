import type { LakeModel } from '../../shared-transforms/lake-model.ts'
import type { Session } from '../../tables/engine/engine.ts'
import { sqlName } from '../../tables/engine/sql-text.ts'

/**
 * A session whose tables are filled anew for each batch. Small batches come by the thousand, and
 * for them planning costs more than running: as long as no table is made or replaced the engine
 * keeps its plans, so tables are emptied and filled. Large batches replace them, which gives their
 * memory back at once.
 */
export interface StepSession extends Session {
  /** Which kinds and formats its steps are of. */
  readonly model: LakeModel
  /** Says how large the next batch is. Call before its first step. */
  startBatch(messageCount: number): Promise<void>
  /**
   * Whether the batch is large. Of a large one nothing is kept in a table that can be read where it
   * lies: copies of it cost more than plans.
   */
  isLarge(): boolean
  /**
   * Makes a table, or makes it anew, without rows and with the columns of a query's result. The
   * query is only bound: optimizing a decoding step, as its run does first, takes several times
   * that. What a batch may fill is best made before the first one: a table that a later batch makes
   * voids the plans of all batches before it.
   */
  createEmpty(table: string, query: string): Promise<void>
  /** The table holds the query's rows and no others; made with its columns at the first call. */
  fill(table: string, query: string): Promise<void>
  /** As `fill`, by a query of this batch alone, as its text names a file or a time: no plan is kept. */
  fillOnce(table: string, query: string): Promise<void>
  /** Empties a table that is there; `query` says its columns, for when it is replaced. */
  clear(table: string, query: string): Promise<void>
  /** Adds rows, columns by name. */
  add(table: string, query: string): Promise<void>
}

/** Messages of a batch from which tables are replaced. */
const LARGE_BATCH = 20_000
/** Deleted rows of an in-memory table keep their memory until then. */
const BATCHES_PER_CHECKPOINT = 64

/** Wraps a session; closing it is the caller's business. */
export function createStepSession(session: Session, model: LakeModel): StepSession {
  const made = new Set<string>()
  let isLarge = false
  let batchCount = 0

  const fillBy =
    (insert: (sql: string) => Promise<void>) =>
    async (table: string, query: string): Promise<void> => {
      if (isLarge || !made.has(table)) {
        await session.run(`CREATE OR REPLACE TABLE ${table} AS ${query}`)
        made.add(table)
        return
      }
      await session.runKept(`DELETE FROM ${table}`)
      await insert(`INSERT INTO ${table} BY NAME ${query}`)
    }
  const fill = fillBy(session.runKept)

  return {
    ...session,
    model,
    startBatch: async (messageCount) => {
      batchCount += 1
      if (batchCount % BATCHES_PER_CHECKPOINT === 0) await session.run('CHECKPOINT')
      isLarge = messageCount >= LARGE_BATCH
    },
    isLarge: () => isLarge,
    createEmpty: async (table, query) => {
      const columns = await session.rows<{ column_name: string; column_type: string }>(
        `SELECT column_name, column_type FROM (DESCRIBE ${query})`,
      )
      const shape = columns.map((column) => `${sqlName(column.column_name)} ${column.column_type}`)
      await session.run(`CREATE OR REPLACE TABLE ${table} (${shape.join(', ')})`)
      made.add(table)
    },
    fill,
    fillOnce: fillBy(session.run),
    clear: async (table, query) => {
      if (isLarge || !made.has(table)) await fill(table, query)
      else await session.runKept(`DELETE FROM ${table}`)
    },
    add: (table, query) => session.runKept(`INSERT INTO ${table} BY NAME ${query}`),
  }
}

/** The names of a table's columns, in its order. */
export async function columnsOf(session: Session, table: string): Promise<string[]> {
  const rows = await session.rows<{ column_name: string }>(
    `SELECT column_name FROM (DESCRIBE ${table})`,
  )
  return rows.map((row) => row.column_name)
}

import type { Engine, Session } from '../engine/engine.ts'
import { sqlName } from '../engine/sql-text.ts'

/** A relation that a statement can name. */
export interface QueryView {
  readonly schema: string
  readonly name: string
  readonly sql: string
}

export interface QueryScope {
  close(): Promise<void>
}

/** Numbers of the scopes of one engine: two statements at once must not see each other's views. */
const scopeCounts = new WeakMap<Engine, number>()

/**
 * A database in memory that holds the views of one statement, under the tables' own names, so
 * that `gold.bars.close` means what it says. The session looks for names there first.
 */
export async function openScope(
  engine: Engine,
  session: Session,
  views: readonly QueryView[],
): Promise<QueryScope> {
  const count = (scopeCounts.get(engine) ?? 0) + 1
  scopeCounts.set(engine, count)
  const database = sqlName(`lake_${count}`)
  await session.run(`ATTACH ':memory:' AS ${database}`)
  const close = async (): Promise<void> => {
    await session.run('USE memory')
    await session.run(`DETACH ${database}`)
  }
  try {
    for (const schema of new Set(views.map((view) => view.schema))) {
      await session.run(`CREATE SCHEMA IF NOT EXISTS ${database}.${sqlName(schema)}`)
    }
    for (const { schema, name, sql } of views) {
      await session.run(`CREATE VIEW ${database}.${sqlName(schema)}.${sqlName(name)} AS ${sql}`)
    }
    await session.run(`USE ${database}`)
    return { close }
  } catch (error) {
    await close()
    throw error
  }
}

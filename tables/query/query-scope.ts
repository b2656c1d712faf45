import type { Engine, Session } from '../engine/engine.ts'
import { sqlName } from '../engine/sql-text.ts'
import { metadataJson } from './metadata-table.ts'
import type { MetadataTable } from './metadata-table.ts'

/** A relation that a statement can name: a view of some SQL, or a table of given rows. */
export type QueryView = {
  readonly schema: string
  readonly name: string
  /** Its SQL names relations of the list that stand before it. */
  readonly readsOthers?: boolean
} & ({ readonly sql: string } | { readonly table: MetadataTable })

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
  const close = async (): Promise<void> => {
    await session.run(`USE memory; DETACH DATABASE IF EXISTS ${database}`)
  }
  const nameOf = ({ schema, name }: QueryView): string =>
    `${database}.${sqlName(schema)}.${sqlName(name)}`
  const createView = (view: QueryView & { readonly sql: string }): string =>
    // The new line ends a comment that the text may end with.
    `CREATE VIEW ${nameOf(view)} AS ${view.sql}\n`
  const schemas = [...new Set(views.map((view) => view.schema))]
  const use = `USE ${database}`
  // All that can be said at once is: each call of the engine waits for its threads.
  const statements = [
    `ATTACH ':memory:' AS ${database}`,
    ...schemas.map((schema) => `CREATE SCHEMA IF NOT EXISTS ${database}.${sqlName(schema)}`),
    ...views.flatMap((view) =>
      'sql' in view && view.readsOthers !== true ? [createView(view)] : [],
    ),
  ]
  const readers = views.flatMap((view) =>
    'sql' in view && view.readsOthers === true ? [createView(view)] : [],
  )
  // The names in views of the lake are those of this database.
  const last = [use, ...readers]
  try {
    const tables = views.flatMap((view) => ('table' in view ? [view] : []))
    await session.run([...statements, ...(tables.length === 0 ? last : [])].join(';\n'))
    for (const view of tables) await createTable(session, nameOf(view), view.table)
    if (tables.length > 0) await session.run(last.join(';\n'))
    return { close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Rows handed over at once: a file's row takes some kilobytes of JSON. */
const ROWS_AT_ONCE = 500

async function createTable(
  session: Session,
  name: string,
  { columns, rows }: MetadataTable,
): Promise<void> {
  const list = columns.map(([column, type]) => `${sqlName(column)} ${type}`).join(', ')
  await session.run(`CREATE TABLE ${name} (${list})`)
  const form = JSON.stringify([`STRUCT(${withTextForBytes(list)})`])
  for (let from = 0; from < rows.length; from += ROWS_AT_ONCE) {
    await session.rows(
      `INSERT INTO ${name} SELECT unnest(from_json(CAST($1 AS VARCHAR), $2), max_depth := 2)`,
      [metadataJson(rows.slice(from, from + ROWS_AT_ONCE)), form],
    )
  }
}

/** JSON carries bytes as `\\x…` text, which only a cast (here that of INSERT) makes a BLOB. */
function withTextForBytes(types: string): string {
  return types.replace(/"(?:[^"]|"")*"|\bBLOB\b/g, (word) => (word === 'BLOB' ? 'VARCHAR' : word))
}

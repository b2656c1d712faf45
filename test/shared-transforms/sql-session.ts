import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'

/** A row as JSON: decimals, bigints and times as exact text, other values as they are. */
export type JsonRow = Readonly<Record<string, unknown>>

/** A DuckDB session in memory for tests of SQL text, set as the engine sets its own. */
export interface SqlSession {
  run(sql: string): Promise<void>
  rows(sql: string): Promise<readonly JsonRow[]>
  /** Fills a new table from values, by prepared inserts: texts reach it untouched. */
  load(table: string, columns: string, rows: readonly (readonly SqlValue[])[]): Promise<void>
  close(): void
}

export type SqlValue = string | number | bigint | boolean | null

export async function openSqlSession(): Promise<SqlSession> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '2' })
  const connection = await instance.connect()
  await connection.run(`SET TimeZone = 'UTC'`)
  await connection.run(
    'CREATE TABLE instruments (venue VARCHAR, venue_symbol VARCHAR, instrument_id VARCHAR)',
  )
  return {
    run: async (sql) => {
      await connection.run(sql)
    },
    rows: async (sql) => (await connection.runAndReadAll(sql)).getRowObjectsJson(),
    load: (table, columns, rows) => load(connection, table, columns, rows),
    close: () => {
      connection.closeSync()
      instance.closeSync()
    },
  }
}

const VALUES_PER_INSERT = 4000

async function load(
  connection: DuckDBConnection,
  table: string,
  columns: string,
  rows: readonly (readonly SqlValue[])[],
): Promise<void> {
  await connection.run(`CREATE OR REPLACE TABLE ${table} (${columns})`)
  const width = rows[0]?.length ?? 1
  const slice = Math.max(1, Math.floor(VALUES_PER_INSERT / width))
  const places = `(${Array.from({ length: width }, () => '?').join(', ')})`
  for (let start = 0; start < rows.length; start += slice) {
    const part = rows.slice(start, start + slice)
    const sql = `INSERT INTO ${table} VALUES ${part.map(() => places).join(', ')}`
    await connection.run(sql, part.flat())
  }
}

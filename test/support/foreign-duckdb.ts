import { DuckDBInstance } from '@duckdb/node-api'
import { installDuckDbExtensions } from '../../stack/duckdb-extensions.ts'
import { toRowValue } from '../../tables/engine/row-value.ts'

/** A DuckDB with its own Iceberg extension, attached to a catalog as `lake`. */
export interface ForeignDuckDb {
  run(sql: string): Promise<void>
  /** Rows by column name, values as our engine gives them. */
  rows(sql: string): Promise<Record<string, unknown>[]>
  close(): void
}

/** Attaches to a catalog that asks for no token. Takes none of our own code to read a table. */
export async function openForeignDuckDb(catalogUrl: string): Promise<ForeignDuckDb> {
  const { loadStatements } = await installDuckDbExtensions()
  const instance = await DuckDBInstance.create(':memory:', {
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  })
  const connection = await instance.connect()
  const attach =
    `ATTACH '' AS lake (TYPE iceberg, ENDPOINT '${catalogUrl}', AUTHORIZATION_TYPE 'none', ` +
    `ACCESS_DELEGATION_MODE 'none')`
  for (const statement of [...loadStatements, "SET TimeZone = 'UTC'", attach]) {
    await connection.run(statement)
  }
  return {
    run: async (sql) => {
      await connection.run(sql)
    },
    rows: async (sql) => {
      const result = await connection.run(sql)
      return result.convertRowObjects(toRowValue)
    },
    close: () => {
      connection.closeSync()
      instance.closeSync()
    },
  }
}

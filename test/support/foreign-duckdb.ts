import { DuckDBInstance } from '@duckdb/node-api'
import { installDuckDbExtensions } from '../../stack/duckdb-extensions.ts'
import type { S3Account } from '../../stack/start-s3-server.ts'
import { toRowValue } from '../../tables/engine/row-value.ts'

/** A DuckDB with its own Iceberg extension, attached to a catalog as `lake`. */
export interface ForeignDuckDb {
  run(sql: string): Promise<void>
  /** Rows by column name, values as our engine gives them. */
  rows(sql: string): Promise<Record<string, unknown>[]>
  close(): void
}

/** How it opens tables on S3; without either it can not. */
export interface ForeignStore {
  /** An account of its own. */
  readonly s3?: S3Account
  /** By the account that the catalog gives. */
  readonly isVended?: boolean
}

/** Attaches to a catalog that asks for no token. Takes none of our own code to read a table. */
export async function openForeignDuckDb(
  catalogUrl: string,
  { s3, isVended = false }: ForeignStore = {},
): Promise<ForeignDuckDb> {
  const { loadStatements } = await installDuckDbExtensions()
  const instance = await DuckDBInstance.create(':memory:', {
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  })
  const connection = await instance.connect()
  const delegation = isVended ? 'vended_credentials' : 'none'
  const attach =
    `ATTACH '' AS lake (TYPE iceberg, ENDPOINT '${catalogUrl}', AUTHORIZATION_TYPE 'none', ` +
    `ACCESS_DELEGATION_MODE '${delegation}')`
  const secrets = s3 === undefined ? [] : [s3SecretSql(s3)]
  for (const statement of [...loadStatements, "SET TimeZone = 'UTC'", ...secrets, attach]) {
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

function s3SecretSql({ endpoint, region, accessKeyId, secretAccessKey }: S3Account): string {
  const { host } = new URL(endpoint)
  return (
    `CREATE SECRET store (TYPE s3, KEY_ID '${accessKeyId}', SECRET '${secretAccessKey}', ` +
    `REGION '${region}', ENDPOINT '${host}', URL_STYLE 'path', USE_SSL false)`
  )
}

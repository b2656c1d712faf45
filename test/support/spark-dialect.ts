import { contentHashSql } from '../../shared-transforms/content-hash.ts'
import { trinoDialect, type Dialect } from '../../shared-transforms/dialect.ts'
import type { TableDefinition } from '../../tables/spec/table-definition.ts'

/** Spark's words, where they are others than Trino's; of the digest alone. */
const sparkDialect: Dialect = {
  ...trinoDialect,
  epochUs: (timestamp) => `unix_micros(${timestamp})`,
  dateOfUs: (us) => `to_date(timestamp_micros(${us}))`,
  md5Bits: (text) => `CAST(conv(substr(md5(${text}), 1, 15), 16, 10) AS BIGINT)`,
}

/**
 * The content hash in Spark's SQL, which knows no VARCHAR without a length, and takes a backslash
 * in a text for an escape.
 */
export function sparkHashSql(table: TableDefinition, relation: string): string {
  return contentHashSql(table, relation, sparkDialect)
    .replaceAll('AS VARCHAR)', 'AS STRING)')
    .replaceAll(`'\\N'`, `'\\\\N'`)
}

/**
 * Count and digest of whole rows, columns in the relation's order; the order of rows is no matter.
 * The texts of values are DuckDB's, so it compares two readers that both run in DuckDB.
 */
export function rowDigestSql(relation: string): string {
  return (
    `SELECT count(*)::VARCHAR AS row_count, sum(('0x' || substr(md5(t::VARCHAR), 1, 15))::BIGINT)` +
    `::VARCHAR AS digest FROM ${relation} AS t`
  )
}

import { contentHashSql } from '../../shared-transforms/content-hash.ts'
import { hashedTables } from '../../pipelines/verify/hash-lake.ts'
import { headOf, loadHeads, planHead, planRelation } from '../../pipelines/loop/loop-context.ts'
import type { Lake } from '../../pipelines/lake/lake.ts'

/** Row count and content hash by table and day, of the tables whose names begin so. */
export async function readContentHashes(
  lake: Lake,
  layers: readonly string[] = ['silver.', 'gold.'],
): Promise<Record<string, string>> {
  const heads = await loadHeads(lake)
  const session = await lake.engine.connect()
  const hashes: Record<string, string> = {}
  try {
    for (const definition of hashedTables(lake)) {
      if (!layers.some((layer) => definition.name.startsWith(layer))) continue
      const plan = await planHead(lake, headOf(heads, definition.name), [])
      const relation = await planRelation(lake, plan)
      const rows = await session.rows<{ day: unknown; row_count: bigint; hash: unknown }>(
        contentHashSql(definition, relation),
      )
      for (const row of rows) {
        hashes[`${definition.name} ${String(row.day)}`] = `${row.row_count} ${String(row.hash)}`
      }
    }
  } finally {
    session.close()
  }
  return hashes
}

/** All rows of a query over one table's head, `FROM t` naming it. */
export async function readRows<T>(lake: Lake, table: string, sql: string): Promise<T[]> {
  const heads = await loadHeads(lake)
  const session = await lake.engine.connect()
  try {
    const relation = await planRelation(lake, await planHead(lake, headOf(heads, table), []))
    return await session.rows<T>(sql.replaceAll(/\bFROM t\b/g, `FROM ${relation} t`))
  } finally {
    session.close()
  }
}

import type { Lake } from '../../pipelines/lake/lake.ts'
import { derivedStatesSql, goldTables } from '../../shared-transforms/gold-tables.ts'
import { headOf, loadHeads, planHead, planRelation } from '../../pipelines/loop/loop-context.ts'
import { contentHashSql } from '../../shared-transforms/content-hash.ts'
import type { Kind } from '../../shared-transforms/kind.ts'
import { allTables } from '../../shared-transforms/lake-tables.ts'

/**
 * Days of gold, with their rows and hash, twice: as the table holds them, and as silver gives them
 * when it is aggregated again. The law is that the two are equal.
 */
export interface GoldLaw {
  readonly held: Readonly<Record<string, string>>
  readonly derived: Readonly<Record<string, string>>
}

export async function readGoldLaw(lake: Lake): Promise<GoldLaw> {
  const heads = await loadHeads(lake)
  const session = await lake.engine.connect()
  const held: Record<string, string> = {}
  const derived: Record<string, string> = {}
  const relationOf = async (name: string) =>
    planRelation(lake, await planHead(lake, headOf(heads, name), []))
  try {
    for (const definition of allTables) {
      const gold = goldTables.find(({ name }) => name === definition.name)
      if (gold === undefined) continue
      const silver = new Map<Kind, string>()
      for (const { kind } of gold.inputs) silver.set(kind, await relationOf(`silver.${kind}s`))
      const gaps = `(SELECT * FROM ${await relationOf('silver.gaps')} WHERE healed_cut IS NULL)`
      const windows = `(${gold.finalizeSql(`(${derivedStatesSql(gold, silver)})`)})`
      const again = `(${gold.judgeSql(windows, gaps)})`
      for (const [into, relation] of [
        [held, await relationOf(gold.name)],
        [derived, again],
      ] as const) {
        const rows = await session.rows<{ day: unknown; row_count: bigint; hash: unknown }>(
          contentHashSql(definition, relation),
        )
        for (const { day, row_count, hash } of rows) {
          into[`${gold.name} ${String(day)}`] = `${row_count} ${String(hash)}`
        }
      }
    }
    return { held, derived }
  } finally {
    session.close()
  }
}

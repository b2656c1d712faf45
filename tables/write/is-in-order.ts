import type { Session } from '../engine/engine.ts'

/**
 * Whether the rows of a relation lie in the order of `keys` already, all ascending and none null:
 * one look at the keys alone, where a sort would hold every row. The relation must read one table,
 * whose order the engine keeps.
 */
export async function isInOrder(
  session: Session,
  relation: string,
  keys: readonly string[],
): Promise<boolean> {
  const columns = keys.map(
    (key, index) => `${key} AS key${index}, lag(${key}) OVER () AS before${index}`,
  )
  // The first row has none before it; no other has a null there, which the counts tell.
  const isBehind = keys.reduceRight(
    (rest, _, index) =>
      `(before${index} IS NULL OR before${index} < key${index} OR ` +
      `(before${index} = key${index} AND ${rest}))`,
    'true',
  )
  const hasAll = keys.map((_, index) => `count(key${index}) = count(*)`).join(' AND ')
  const [answer] = await session.rows<{ is_in_order: boolean }>(
    `SELECT coalesce(bool_and(${isBehind}), true) AND ${hasAll} AS is_in_order ` +
      `FROM (SELECT ${columns.join(', ')} FROM ${relation})`,
  )
  return answer?.is_in_order === true
}

/**
 * Rows of a relation, taken in the order of the column `order` within each group: a row is chosen
 * unless `place` (a bigint) of a row chosen before it in its group lies within `reach` of its own.
 */
export interface GreedyFirsts {
  readonly relation: string
  readonly groupBy: readonly string[]
  readonly order: string
  readonly place: string
  readonly reach: string
}

/** One round a chosen row, not one a row: each round takes the first of what is left. */
export function greedyFirstsByRecursion(input: GreedyFirsts): string {
  const { groupBy, order, place, reach } = input
  const group = groupBy.join(', ')
  const firstOf = (column: string): string =>
    `min_by(${column}, ${order}) OVER (PARTITION BY ${group}) AS first_${column}`
  const rest = `SELECT ${group}, ${order}, ${place}, ${reach}`
  const firsts = `${rest}, ${firstOf(order)}, ${firstOf(place)}`
  return (
    `WITH RECURSIVE rounds AS (${firsts} FROM ${input.relation} AS f UNION ALL ` +
    `${firsts} FROM (${rest} FROM rounds ` +
    `WHERE ${order} <> first_${order} AND abs(${place} - first_${place}) > ${reach}) AS later) ` +
    `SELECT ${order} FROM rounds WHERE ${order} = first_${order}`
  )
}

/**
 * Trino unrolls a recursion to a fixed depth, so a group is folded as one array. Where no row of a
 * group has a reach the first row of each place is chosen, without an array.
 */
export function greedyFirstsByFold(input: GreedyFirsts): string {
  const { groupBy, order, place, reach } = input
  const group = groupBy.join(', ')
  const ranked =
    `SELECT ${group}, ${order}, ${place}, ${reach}, ` +
    `row_number() OVER (PARTITION BY ${group}, ${place} ORDER BY ${order}) AS place_rank, ` +
    `max(${reach}) OVER (PARTITION BY ${group}) AS group_reach FROM ${input.relation} AS f`
  const places =
    `SELECT array_agg(${order} ORDER BY ${order}) AS orders, ` +
    `array_agg(${place} ORDER BY ${order}) AS places, ` +
    `array_agg(${reach} ORDER BY ${order}) AS reaches ` +
    `FROM (${ranked}) WHERE group_reach > 0 GROUP BY ${group}`
  const isNear = `any_match(kept, k -> abs(places[k] - places[i]) <= reaches[i])`
  const kept =
    `reduce(sequence(1, cardinality(places)), CAST(ARRAY[] AS array(bigint)), ` +
    `(kept, i) -> IF(${isNear}, kept, kept || i), kept -> kept)`
  return (
    `SELECT ${order} FROM (${ranked}) WHERE group_reach = 0 AND place_rank = 1 UNION ALL ` +
    `SELECT orders[i] AS ${order} FROM (${places}) CROSS JOIN UNNEST(${kept}) AS u(i)`
  )
}

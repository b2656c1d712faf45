import type { TableDefinition } from '../tables/spec/table-definition.ts'
import { duckdbDialect, type Dialect } from './dialect.ts'
import type { Kind } from './kind.ts'

/** Where the event time is the receive time, one id within ±H of it is one identity, µs. */
export const IDENTITY_HORIZON_US = 60_000_000

export interface DuplicateRule {
  readonly kind: Kind
  /** What two rows of one identity must agree in, besides event_ts. Null agrees with null. */
  readonly agreement: readonly string[]
}

/**
 * The rule of a kind, read off its silver table: rows of one identity agree in all content but
 * instrument_id, which is the config's word about venue and venue_symbol: those are equal, and a new
 * map must not make conflicts.
 */
export function duplicateRule(tables: readonly TableDefinition[], kind: Kind): DuplicateRule {
  const silver = tables.find(({ name }) => name === `silver.${kind}s`)
  if (silver === undefined) throw new RangeError(`no table holds rows of kind ${kind}`)
  const isKnown = new Set([...silver.key, 'instrument_id'])
  const compared = silver.columns.filter(
    ({ name, role }) => role === 'content' && !isKnown.has(name),
  )
  return { kind, agreement: compared.map(({ name }) => name) }
}

const sequence = ['ingested_ts', 'source', 'source_partition', 'source_offset', 'source_row']

/**
 * Good rows with a `verdict`: 'accepted', 'duplicate' (an accepted row of the same identity has
 * the same content) or 'conflict' (it has other content).
 *
 * Identity is venue, venue_symbol, id and event_ts; where `is_event_time_received`, it is venue,
 * venue_symbol and id within ±H. Rows are judged one after the other in the sequence, each against
 * the accepted rows before it only: those of `accepted` (silver), then those of the candidates.
 * Rows without an id are always accepted.
 *
 * Acceptance hangs on times alone: the first row of an identity is accepted and shuts out all
 * within its reach. So what is chosen is looked for over ids that come more than once only;
 * agreement is looked up afterwards.
 */
export function duplicatesSql(
  { kind, agreement }: DuplicateRule,
  input: { readonly candidates: string; readonly accepted: string },
  dialect: Dialect = duckdbDialect,
): string {
  const id = `${kind}_id`
  const identity = ['venue', 'venue_symbol', id]
  const us = dialect.epochUs('event_ts')
  const facts = [...identity, ...agreement].join(', ')
  const { materialized } = dialect
  const numbered =
    `numbered AS${materialized} (SELECT *, ${dialect.rowOrder(sequence)} AS row_order, ` +
    `${us} AS row_us, CAST(CASE WHEN is_event_time_received THEN ${IDENTITY_HORIZON_US} ` +
    `ELSE 0 END AS BIGINT) AS reach FROM ${input.candidates} AS c)`
  // Reach is the later row's own: what it may lie from an accepted row and still be the same.
  const known =
    `known AS${materialized} (SELECT ${facts}, ${us} AS known_us FROM ${input.accepted} AS a ` +
    `WHERE ${id} IS NOT NULL)`
  const sameId = (left: string, right: string): string =>
    identity.map((column) => `${left}.${column} = ${right}.${column}`).join(' AND ')
  const open =
    `open AS${materialized} (SELECT venue, venue_symbol, ${id}, row_order, row_us, reach, ` +
    `count(*) OVER (PARTITION BY ${identity.join(', ')}) AS companions ` +
    `FROM numbered AS n WHERE ${id} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM known AS k ` +
    `WHERE ${sameId('k', 'n')} AND abs(k.known_us - n.row_us) <= n.reach))`
  const firsts = dialect.greedyFirsts({
    relation: '(SELECT * FROM open WHERE companions > 1)',
    groupBy: identity,
    order: 'row_order',
    place: 'row_us',
    reach: 'reach',
  })
  const chosen =
    `chosen AS${materialized} (SELECT row_order FROM open WHERE companions = 1 UNION ALL ` +
    `SELECT row_order FROM (${firsts}) AS f)`
  const judged =
    `SELECT n.*, CASE ` +
    `WHEN n.${id} IS NULL OR n.row_order IN (SELECT row_order FROM chosen) THEN 'accepted' ` +
    `WHEN n.row_order IN (SELECT row_order FROM agreed) THEN 'duplicate' ` +
    `ELSE 'conflict' END AS verdict FROM numbered AS n`
  return (
    `WITH ${numbered}, ${known}, ${open}, ${chosen}, ${agreedSql(agreement, facts, sameId, dialect)} ` +
    dialect.without(judged, ['row_order', 'row_us', 'reach'])
  )
}

/** Rows that agree with an accepted row before them, within their reach. */
function agreedSql(
  agreement: readonly string[],
  facts: string,
  sameId: (left: string, right: string) => string,
  dialect: Dialect,
): string {
  const isEqual = agreement.map((column) => `e.${column} IS NOT DISTINCT FROM n.${column}`)
  const earlier =
    `(SELECT ${facts}, known_us, NULL AS earlier_order FROM known UNION ALL ` +
    `SELECT ${facts}, row_us, row_order FROM numbered ` +
    `WHERE row_order IN (SELECT row_order FROM chosen))`
  return (
    `agreed AS${dialect.materialized} (SELECT DISTINCT n.row_order FROM numbered AS n JOIN ${earlier} AS e ` +
    `ON ${sameId('e', 'n')} AND (e.earlier_order IS NULL OR e.earlier_order < n.row_order) ` +
    `AND abs(e.known_us - n.row_us) <= n.reach AND ${isEqual.join(' AND ')} ` +
    `WHERE n.row_order NOT IN (SELECT row_order FROM chosen))`
  )
}

/**
 * 64 bits of a row's identity, for a memory of identities: rows of one identity have equal bits.
 * Where the event time is the receive time it is left out, as ±H would cut it apart.
 * `isReceived` says whether it is; it defaults to the candidates' column.
 */
export function identityHashSql(
  kind: Kind,
  alias: string,
  isReceived = `${alias}.is_event_time_received`,
): string {
  const us = duckdbDialect.epochUs(`${alias}.event_ts`)
  return (
    `hash(${alias}.venue, ${alias}.venue_symbol, ${alias}.${kind}_id, ` +
    `CASE WHEN ${isReceived} THEN NULL ELSE ${us} END)`
  )
}

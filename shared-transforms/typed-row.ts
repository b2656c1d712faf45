import type { Dialect } from './dialect.ts'
import { framedColumns } from './frame.ts'
import type { Kind } from './kind.ts'
import { isRoundedSql, plainNumberSql, priceSql, quantitySql } from './number-text.ts'
import type { RejectReason } from './reject-reason.ts'
import { inRangeSql } from './time-text.ts'

/** Contract bounds of every venue: beyond them sums and products could leave their decimals. */
const PRICE_END = '1000000000'
const QUANTITY_END = '1000000000000000'
const NOTIONAL_END = '100000000000000'

/** An event later than the receive time (else the ingest time) by more than this is refused, µs. */
const MAX_FUTURE_SKEW_US = 60_000_000

/** Names and ids are keys of tables and parts of order keys, so they are kept short and plain. */
const MAX_TEXT_LENGTH = 128

/** Which columns of a kind's silver table are read as numbers, and which are taken as they are. */
export interface TypedKind {
  readonly kind: Kind
  readonly idColumn: string
  /** Where the venue's running number goes; absent: the kind has none. */
  readonly seqColumn?: string
  /** Where it is told that the venue leaves no number out; absent: the table does not say. */
  readonly contiguousColumn?: string
  readonly prices: readonly string[]
  readonly quantities: readonly string[]
  /** Numbers of either sign; absent: the kind has none. */
  readonly rates?: readonly string[]
  /** Whole numbers. */
  readonly counts: readonly string[]
  /** Numbers that must be there; `a-price`: any may be null, as long as one price is there. */
  readonly required: readonly string[] | 'a-price'
  /** Pairs of a price and a quantity whose product has the bound of the contract. */
  readonly products: readonly (readonly [price: string, quantity: string])[]
  /** Other content columns, which the format gives as they are. */
  readonly asGiven: readonly string[]
  /** Which of those are held to what names are held to; absent: none. */
  readonly plainTexts?: {
    readonly required: readonly string[]
    readonly optional: readonly string[]
  }
  /** A condition on a row's columns that refuses it: its numbers contradict each other. */
  readonly impossible?: { readonly reason: RejectReason; readonly sql: string }
}

export interface TypingOptions {
  /** Every row must have an id. */
  readonly hasId: boolean
  /** The venue runs numbers: `seq_text` must be digits. */
  readonly hasSeq: boolean
  /**
   * A column of the fields, never null: true where every number's text is digits, at most 8 of them
   * behind a point, and nothing else. Such texts are not looked at again.
   */
  readonly plainIf?: string
  /** It leaves none out: see `IdKind`. */
  readonly isContiguous?: boolean
}

const DIGITS = '^[0-9]{1,18}\\z'
const NOT_PLAIN = '^[{\\[]|[\\x00-\\x1f\\x7f]'

/**
 * Numbers, time and reason of the rows of one kind; `reason` is null where the row is good.
 * `fields` is what a format read out of the payloads: the framed columns, `format`, `kind`, and
 * - `screen_reason`: why the payload itself is refused, else null;
 * - `is_odd`: whether texts may hold control characters or nested JSON;
 * - `source_row`, `venue`, `venue_symbol`, `<kind>_id`, `seq_text`;
 * - `time_text`, `event_us_read` (µs, not yet bounded), and `time_reason` where that is null;
 * - `<number>_text` for each number of the kind, and the columns that are taken as given.
 */
export function typedRowsSql(
  kind: TypedKind,
  fields: string,
  options: TypingOptions,
  dialect: Dialect,
): string {
  const numbers = decimalsOf(kind)
  const { plainIf } = options
  const plains = numbers.map((n) => {
    const plain = plainNumberSql(`${n}_text`, dialect)
    const known = `CASE WHEN ${plainIf} THEN ${n}_text ELSE ${plain} END`
    return `${plainIf === undefined ? plain : known} AS ${n}_plain`
  })
  const values = [
    ...kind.prices.map((n) => `${priceSql(`${n}_plain`)} AS ${n}`),
    ...kind.quantities.map((n) => `${quantitySql(`${n}_plain`)} AS ${n}`),
    ...ratesOf(kind).map((n) => `${priceSql(`${n}_plain`)} AS ${n}`),
    ...kind.counts.map((n) => `${countSql(`${n}_text`, dialect)} AS ${n}`),
  ]
  const isRounded = numbers.map((n) => isRoundedSql(`${n}_plain`, dialect)).join(' OR ')
  const rounded =
    plainIf === undefined ? isRounded : `CASE WHEN ${plainIf} THEN false ELSE ${isRounded} END`
  const latest = dialect.epochUs('coalesce(received_ts, ingested_ts)')
  const seq = options.hasSeq ? 'TRY_CAST(seq_text AS BIGINT)' : 'CAST(NULL AS BIGINT)'
  const typed =
    `SELECT *, ${values.join(', ')}, (${rounded}) AS is_rounded, ` +
    `${inRangeSql('event_us_read')} AS event_us, ` +
    `${latest} + ${MAX_FUTURE_SKEW_US} AS latest_us` +
    `${kind.seqColumn === undefined ? '' : `, ${seq} AS ${kind.seqColumn}`} ` +
    `FROM (SELECT *, ${plains.join(', ')} FROM (${fields}) AS f)`
  const judged = `SELECT *, ${reasonSql(kind, options, dialect)} AS reason FROM (${typed})`
  return withInstrumentSql(kind, judged, options, dialect)
}

/** Engines differ in what they take for a whole number: 10.5 is one to DuckDB. */
function countSql(text: string, dialect: Dialect): string {
  return `CASE WHEN ${dialect.matches(text, DIGITS)} THEN TRY_CAST(${text} AS BIGINT) END`
}

/** The decoded columns in their order, with the instrument of the map or venue:venue_symbol. */
function withInstrumentSql(
  kind: TypedKind,
  judged: string,
  options: TypingOptions,
  dialect: Dialect,
): string {
  const framed = framedColumns.map((column) => `d.${column}`).join(', ')
  const ids = [kind.idColumn, ...(kind.seqColumn === undefined ? [] : [kind.seqColumn])]
  const given = [...decimalsOf(kind), ...kind.counts, ...kind.asGiven]
  const [identity, columns] = [ids, given].map((list) => list.map((name) => `d.${name}`).join(', '))
  // Null and not false, as in rows of before it was told: both prove nothing.
  const isContiguous = options.isContiguous === true ? 'true' : 'CAST(NULL AS BOOLEAN)'
  const told =
    kind.contiguousColumn === undefined ? '' : `, ${isContiguous} AS ${kind.contiguousColumn}`
  const instrument = `coalesce(i.instrument_id, d.venue || ':' || d.venue_symbol) AS instrument_id`
  return (
    `SELECT ${framed}, d.source_row, d.format, d.kind, d.reason, ${detailSql(kind)} AS detail, ` +
    `d.venue, d.venue_symbol, ${instrument}, ${identity}, ` +
    `${dialect.timestampOfUs('d.event_us')} AS event_ts, ${columns}, d.is_rounded${told} ` +
    `FROM (${judged}) AS d LEFT JOIN (SELECT venue, venue_symbol, ` +
    `min(instrument_id) AS instrument_id FROM instruments GROUP BY venue, venue_symbol) AS i ` +
    `ON d.venue = i.venue AND d.venue_symbol = i.venue_symbol`
  )
}

/** The first reason that applies, or null. Each test is only made on rows that passed the others. */
function reasonSql(kind: TypedKind, options: TypingOptions, dialect: Dialect): string {
  const { required = [], optional = [] } = kind.plainTexts ?? {}
  const needed = [
    ...['venue', 'venue_symbol'],
    ...(options.hasId ? [kind.idColumn] : []),
    ...required,
  ]
  const names = [...needed, ...optional]
  const isLong = names.map((name) => `length(${name}) > ${MAX_TEXT_LENGTH}`)
  const isLiteral = names.map((name) => `${name} IN ('true', 'false')`)
  const isNotPlain = names.map((name) => dialect.matches(name, NOT_PLAIN))
  const numbers = decimalsOf(kind)
  const isNoNumber = numbers.map((n) => `(${n}_text IS NOT NULL AND ${n}_plain IS NULL)`)
  const noCount = kind.counts.map((n) => `NOT ${dialect.matches(`${n}_text`, DIGITS)}`)
  const badSeq = options.hasSeq ? [`NOT ${dialect.matches('seq_text', DIGITS)}`] : []
  const { impossible } = kind
  const isImpossible =
    impossible === undefined
      ? ''
      : `WHEN coalesce(${impossible.sql}, false) THEN ${reason(impossible.reason)} `
  return (
    `CASE WHEN screen_reason IS NOT NULL THEN screen_reason ` +
    `WHEN ${[...needed.map((name) => `coalesce(${name}, '') = ''`), ...missingNumbers(kind)].join(
      ' OR ',
    )} THEN ${reason('missing-field')} ` +
    `WHEN event_us_read IS NULL AND time_reason = 'missing-field' THEN time_reason ` +
    `WHEN ${[...isLong, ...isLiteral].join(' OR ')} THEN ${reason('bad-text')} ` +
    `WHEN CASE WHEN is_odd THEN ${isNotPlain.join(' OR ')} ELSE false END ` +
    `THEN ${reason('bad-text')} ` +
    `WHEN ${[...isNoNumber, ...noCount, ...badSeq].join(' OR ')} THEN ${reason('bad-number')} ` +
    `WHEN event_us IS NULL THEN coalesce(time_reason, ${reason('bad-time')}) ` +
    `WHEN ${outOfRangeSql(kind, dialect)} THEN ${reason('out-of-range')} ` +
    isImpossible +
    `WHEN event_us > latest_us THEN ${reason('event-time-in-future')} END`
  )
}

function ratesOf({ rates = [] }: TypedKind): readonly string[] {
  return rates
}

/** All numbers that may have a fraction. */
function decimalsOf(kind: TypedKind): readonly string[] {
  return [...kind.prices, ...kind.quantities, ...ratesOf(kind)]
}

/** Conditions, none where no number must be there. */
function missingNumbers(kind: TypedKind): readonly string[] {
  const isMissing = (names: readonly string[]) => names.map((n) => `${n}_text IS NULL`)
  if (kind.required === 'a-price') return [`(${isMissing(kind.prices).join(' AND ')})`]
  return isMissing(kind.required)
}

/** A value is null here where its digits did not fit the decimal. */
function outOfRangeSql(kind: TypedKind, dialect: Dialect): string {
  const prices = kind.prices.map((n) => outsideSql(n, `${n} <= 0 OR ${n} >= ${PRICE_END}`))
  const quantities = kind.quantities.map((n) =>
    outsideSql(n, `${n} < 0 OR ${n} >= ${QUANTITY_END}`),
  )
  const products = kind.products.map(([price, quantity]) =>
    hugeProductSql(price, quantity, dialect),
  )
  const rates = ratesOf(kind).map((n) => outsideSql(n, `abs(${n}) >= ${PRICE_END}`))
  return [...prices, ...quantities, ...rates, ...products].join(' OR ')
}

function outsideSql(name: string, test: string): string {
  return `(${name}_plain IS NOT NULL AND coalesce(${test}, true))`
}

/**
 * Whether price × quantity reaches its bound. The exact product would overflow for numbers far
 * beyond it, so doubles decide all cases but those within one percent of the bound.
 */
function hugeProductSql(price: string, quantity: string, dialect: Dialect): string {
  const estimate = `CAST(${price} AS DOUBLE) * CAST(${quantity} AS DOUBLE)`
  return (
    `coalesce(CASE WHEN ${estimate} < 9.9e13 THEN false WHEN ${estimate} > 1.01e14 THEN true ` +
    `ELSE ${dialect.product(price, quantity)} >= ${NOTIONAL_END} END, false)`
  )
}

/** The fields of a refused row that a person needs to see; null for a good row. */
function detailSql(kind: TypedKind): string {
  const shown = (label: string, value: string): string =>
    `CASE WHEN ${value} IS NOT NULL THEN '${label}=' || substr(${value}, 1, 60) END`
  const numbers = [...decimalsOf(kind), ...kind.counts]
  const fields = [
    shown('venue', 'd.venue'),
    shown('symbol', 'd.venue_symbol'),
    shown('id', `d.${kind.idColumn}`),
    ...numbers.map((name) => shown(name, `d.${name}_text`)),
    shown('time', 'd.time_text'),
  ]
  return (
    `CASE WHEN d.reason IS NULL OR d.screen_reason IS NOT NULL THEN NULL ` +
    `ELSE concat_ws(' ', ${fields.join(', ')}) END`
  )
}

function reason(name: RejectReason): string {
  return `'${name}'`
}

import { duckdbDialect, type Dialect } from '../dialect.ts'
import { framedColumns } from '../frame.ts'
import { deeperThan, jsonFieldsSql } from '../json-fields.ts'
import { epochMsUsSql } from '../time-text.ts'
import { typedQuote, typedTrade } from '../typed-kinds.ts'
import { typedRowsSql } from '../typed-row.ts'
import type { Format } from './format.ts'

const NAME = 'binance-frames'

/**
 * Frames of Binance's combined spot streams: `{"stream":"btcusdt@trade","data":{…}}`.
 *
 * `@trade`: t is id and contiguous number, p and q price and quantity, T the time of the trade in
 * ms; m says that the buyer was the maker, so the taker sold. `@bookTicker`: u is id and number,
 * b B a A the best bid and ask with their quantities, a price of 0 an empty side; it carries no
 * time at all, so the receive time stands in. All other streams, the bare depth snapshot
 * (`lastUpdateId`) and answers to a subscription (`result` and `id`) are ignored. JSON keys here
 * differ by case only (t and T), which is why fields are read by case-sensitive paths.
 * Source: https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams
 */
export const binanceFrames: Format = {
  name: NAME,
  version: 2,
  kinds: ['trade', 'quote'],
  idKind: (kind) => (kind === 'trade' ? 'contiguous' : 'increasing'),
  isEventTimeReceived: (kind) => kind === 'quote',
  routeSql,
  decodeSql: (kind, routed, dialect = duckdbDialect) =>
    kind === 'trade' ? decodeTrades(routed, dialect) : decodeQuotes(routed, dialect),
}

/** The stream's name tells the kind: read off the first characters where it stands there. */
function routeSql(framed: string, dialect: Dialect = duckdbDialect): string {
  const first = (suffix: string): string =>
    `WHEN ${dialect.matches('payload', `^\\{"stream":"[^"\\\\]*@${suffix}"`)} `
  const isForeign =
    `CASE WHEN known_kind IS NOT NULL THEN false WHEN texts[1] IS NOT NULL ` +
    `THEN texts[1] NOT LIKE '%@trade' AND texts[1] NOT LIKE '%@bookTicker' ` +
    `ELSE coalesce(texts[2], texts[3]) IS NOT NULL END`
  const read = dialect.withJsonTexts({
    relation:
      `(SELECT *, CASE WHEN payload IS NULL OR payload_encoding <> 'utf-8' THEN 'trade' ` +
      `${first('trade')}THEN 'trade' ${first('bookTicker')}THEN 'quote' END AS known_kind ` +
      `FROM ${framed} AS f)`,
    json: 'payload',
    paths: ['$.stream', '$.lastUpdateId', '$.id'],
    only: 'known_kind IS NULL',
  })
  return (
    `SELECT ${framedColumns.join(', ')}, '${NAME}' AS format, ` +
    `CASE WHEN known_kind IS NOT NULL THEN known_kind ` +
    `WHEN texts[1] LIKE '%@bookTicker' THEN 'quote' ELSE 'trade' END AS kind, ` +
    `coalesce(${isForeign}, false) AS is_ignored ` +
    `FROM (${read})`
  )
}

function decodeTrades(routed: string, dialect: Dialect): string {
  const fields = jsonFieldsSql(
    {
      kind: 'trade',
      routed,
      nested: deeperThan.oneObject,
      paths: {
        stream: '$.stream',
        venue_symbol: '$.data.s',
        trade_id: '$.data.t',
        price_text: '$.data.p',
        quantity_text: '$.data.q',
        time_text: '$.data.T',
        is_buyer_maker: '$.data.m',
      },
      telling: ['stream'],
    },
    dialect,
  )
  const side = `CASE is_buyer_maker WHEN 'true' THEN 'sell' WHEN 'false' THEN 'buy' ELSE 'unknown' END`
  const read =
    `SELECT *, 'binance' AS venue, ` +
    `trade_id AS seq_text, ${side} AS taker_side, CAST(NULL AS VARCHAR) AS conditions, ` +
    `0 AS source_row, ${epochMsUsSql('time_text', dialect)} AS event_us_read FROM (${fields})`
  const timed =
    `SELECT *, CASE WHEN event_us_read IS NOT NULL THEN NULL ` +
    `WHEN time_text IS NULL THEN 'missing-field' ELSE 'bad-time' END AS time_reason FROM (${read})`
  const options = { hasId: true, hasSeq: true, isContiguous: true }
  return typedRowsSql(typedTrade, timed, options, dialect)
}

function decodeQuotes(routed: string, dialect: Dialect): string {
  const fields = jsonFieldsSql(
    {
      kind: 'quote',
      routed,
      nested: deeperThan.oneObject,
      paths: {
        venue_symbol: '$.data.s',
        quote_id: '$.data.u',
        bid_price_read: '$.data.b',
        bid_quantity_read: '$.data.B',
        ask_price_read: '$.data.a',
        ask_quantity_read: '$.data.A',
      },
    },
    dialect,
  )
  const sides = ['bid', 'ask'].flatMap((side) => {
    const isEmpty = dialect.matches(`${side}_price_read`, '^0+(?:\\.0+)?\\z')
    return ['price', 'quantity'].map(
      (part) => `CASE WHEN NOT ${isEmpty} THEN ${side}_${part}_read END AS ${side}_${part}_text`,
    )
  })
  const timed =
    `SELECT *, 'binance' AS venue, quote_id AS seq_text, ${sides.join(', ')}, 0 AS source_row, ` +
    `CAST(NULL AS VARCHAR) AS time_text, ${dialect.epochUs('received_ts')} AS event_us_read, ` +
    `CASE WHEN received_ts IS NULL THEN 'missing-receive-time' END AS time_reason FROM (${fields})`
  return typedRowsSql(typedQuote, timed, { hasId: true, hasSeq: true }, dialect)
}

import { duckdbDialect, type Dialect } from '../dialect.ts'
import { framedColumns } from '../frame.ts'
import { deeperThan, jsonFieldsSql } from '../json-fields.ts'
import { isoTimeUsSql } from '../time-text.ts'
import { typedQuote, typedTrade } from '../typed-kinds.ts'
import { typedRowsSql } from '../typed-row.ts'
import type { Format } from './format.ts'

const NAME = 'stock-json'

/**
 * One flat JSON object a message.
 *
 * Trade: `{"trade_id":"TRD_001","symbol":"AAPL","price":175.50,"volume":100,
 * "timestamp":"2025-01-15T10:30:00Z","trade_type":"BUY","exchange":"NASDAQ"}`: exchange is the
 * venue, volume the quantity; a trade_type that is neither BUY nor SELL is taker side 'unknown'.
 *
 * Quote: `{"quote_id":"QTE_001","symbol":"AAPL","bid":175.45,"ask":175.55,"timestamp":"…",
 * "exchange":"NASDAQ"}`: no quantities; one of the two sides may be missing or null.
 */
export const stockJson: Format = {
  name: NAME,
  version: 1,
  kinds: ['trade', 'quote'],
  idKind: () => 'opaque',
  isEventTimeReceived: () => false,
  routeSql,
  decodeSql: (kind, routed, dialect = duckdbDialect) =>
    kind === 'trade' ? decodeTrades(routed, dialect) : decodeQuotes(routed, dialect),
}

/**
 * A trade has a trade_id; else a quote has a quote_id; else a price or a side tells. What tells
 * nothing, also what is no JSON, is a trade. The usual order of fields is told by a look at the
 * first characters; only other messages are parsed.
 */
function routeSql(framed: string, dialect: Dialect = duckdbDialect): string {
  const isPlainQuote =
    `starts_with(payload, '{"quote_id":"') AND strpos(payload, '"trade_id"') = 0 ` +
    `AND strpos(payload, '\\') = 0`
  const parsedKind =
    `CASE WHEN texts[1] IS NOT NULL THEN 'trade' WHEN texts[2] IS NOT NULL THEN 'quote' ` +
    `WHEN texts[3] IS NOT NULL THEN 'trade' ` +
    `WHEN coalesce(texts[4], texts[5]) IS NOT NULL THEN 'quote' ELSE 'trade' END`
  const read = dialect.withJsonTexts({
    relation:
      `(SELECT *, CASE WHEN payload IS NULL OR payload_encoding <> 'utf-8' THEN 'trade' ` +
      `WHEN starts_with(payload, '{"trade_id":"') THEN 'trade' ` +
      `WHEN ${isPlainQuote} THEN 'quote' END AS known_kind FROM ${framed} AS f)`,
    json: 'payload',
    paths: ['$.trade_id', '$.quote_id', '$.price', '$.bid', '$.ask'],
    only: 'known_kind IS NULL',
  })
  return (
    `SELECT ${framedColumns.join(', ')}, '${NAME}' AS format, ` +
    `CASE WHEN known_kind IS NOT NULL THEN known_kind ELSE ${parsedKind} END AS kind, ` +
    `false AS is_ignored FROM (${read})`
  )
}

function decodeTrades(routed: string, dialect: Dialect): string {
  const fields = jsonFieldsSql(
    {
      kind: 'trade',
      routed,
      nested: deeperThan.root,
      paths: {
        venue: '$.exchange',
        venue_symbol: '$.symbol',
        trade_id: '$.trade_id',
        price_text: '$.price',
        quantity_text: '$.volume',
        time_text: '$.timestamp',
        side_text: '$.trade_type',
      },
      telling: ['trade_id', 'price_text', 'quantity_text'],
    },
    dialect,
  )
  const side =
    `CASE WHEN side_text IN ('BUY', 'buy') THEN 'buy' ` +
    `WHEN side_text IN ('SELL', 'sell') THEN 'sell' ELSE 'unknown' END`
  return typedRowsSql(
    typedTrade,
    withTimeSql(
      `SELECT *, ${side} AS taker_side, CAST(NULL AS VARCHAR) AS conditions FROM (${fields})`,
      dialect,
    ),
    { hasId: true, hasSeq: false },
    dialect,
  )
}

function decodeQuotes(routed: string, dialect: Dialect): string {
  const fields = jsonFieldsSql(
    {
      kind: 'quote',
      routed,
      nested: deeperThan.root,
      paths: {
        venue: '$.exchange',
        venue_symbol: '$.symbol',
        quote_id: '$.quote_id',
        bid_price_text: '$.bid',
        ask_price_text: '$.ask',
        time_text: '$.timestamp',
      },
    },
    dialect,
  )
  const noQuantities =
    'CAST(NULL AS VARCHAR) AS bid_quantity_text, CAST(NULL AS VARCHAR) AS ask_quantity_text'
  return typedRowsSql(
    typedQuote,
    withTimeSql(`SELECT *, ${noQuantities} FROM (${fields})`, dialect),
    { hasId: true, hasSeq: false },
    dialect,
  )
}

function withTimeSql(fields: string, dialect: Dialect): string {
  return (
    `SELECT *, 0 AS source_row, CASE WHEN event_us_read IS NOT NULL THEN NULL ` +
    `WHEN time_text IS NULL THEN 'missing-field' ELSE 'bad-time' END AS time_reason ` +
    `FROM (SELECT *, ${isoTimeUsSql('time_text', dialect)} AS event_us_read FROM (${fields}))`
  )
}

/** One day's ticks of one symbol, unpacked. */
export interface TickFile {
  readonly path: string
  readonly entry: string
  /** `2013-10-07`, New York. */
  readonly date: string
  readonly symbol: string
}

/** The lines of a file, in order, with the time that bronze has beside the bytes. */
export function plainLinesSql({ path, date }: TickFile): string {
  const midnight = `epoch_us(timezone('America/New_York', TIMESTAMP '${date} 00:00:00'))`
  return (
    `SELECT row_number() OVER () - 1 AS source_offset, line AS payload, ` +
    `string_split(line, ',') AS cells, make_timestamptz(${midnight} + ` +
    `(split_part(line, ',', 1)::DECIMAL(18, 3) * 1000)::BIGINT) AS event_ts ` +
    `FROM read_csv('${path}', columns = {'line': 'VARCHAR'}, delim = chr(1), quote = '', ` +
    `escape = '', header = false, auto_detect = false)`
  )
}

/** bronze.trade_messages of a file, column for column. */
export function plainRawSql({ entry }: TickFile): string {
  return (
    `SELECT 'file:${entry}' AS source, 0::INTEGER AS source_partition, source_offset, ` +
    `NULL::VARCHAR AS message_key, '{"entry":"${entry}"}' AS headers, payload, ` +
    `'utf-8' AS payload_encoding, NULL::TIMESTAMPTZ AS received_ts, now() AS ingested_ts, ` +
    `event_ts, event_ts AS partition_ts, false AS is_ignored, 'lean-trades' AS format FROM lines`
  )
}

/** silver.trades of a file, column for column. */
export function plainTradesSql({ entry, symbol }: TickFile): string {
  return (
    `SELECT 'us-equity' AS venue, '${symbol}' AS venue_symbol, ` +
    `'us-equity:${symbol}' AS instrument_id, NULL::VARCHAR AS trade_id, ` +
    `NULL::BIGINT AS trade_seq, event_ts, ` +
    `(cells[2]::BIGINT::DECIMAL(18, 4) * 0.0001)::DECIMAL(18, 8) AS price, ` +
    `cells[3]::BIGINT::DECIMAL(28, 8) AS quantity, 'unknown' AS taker_side, ` +
    `'exchange=' || cells[4] || ' sale=' || cells[5] || ` +
    `CASE cells[6] WHEN '1' THEN ' suspicious' ELSE '' END AS conditions, ` +
    `false AS is_rounded, 'file:${entry}' AS source, 0::INTEGER AS source_partition, ` +
    `source_offset, 0::INTEGER AS source_row, NULL::TIMESTAMPTZ AS received_ts, ` +
    `now() AS ingested_ts FROM lines`
  )
}

/** Bars of four steps: minutes from the trades, the rest from the minutes. */
export function plainBarsSql(): string {
  const key = 'venue, venue_symbol, instrument_id'
  const minutes =
    `SELECT ${key}, epoch_us(event_ts) // 60000000 * 60000000 AS us, ` +
    `arg_min(price, (event_ts, source_offset)) AS open, max(price) AS high, ` +
    `min(price) AS low, arg_max(price, (event_ts, source_offset)) AS close, ` +
    `sum(quantity) AS volume, sum((price * quantity)::DECIMAL(38, 16)) AS notional, ` +
    `count(*) AS trade_count, sum(price) AS sum_price, ` +
    `sum((price::DECIMAL(19, 8) * price::DECIMAL(19, 8))::DECIMAL(38, 16)) AS sum_price_sq ` +
    `FROM trades GROUP BY ALL`
  const steps = Object.entries({ '1m': 60, '5m': 300, '1h': 3600, '1d': 86_400 }).map(
    ([step, seconds]) =>
      `SELECT '${step}' AS step, ${key}, ` +
      `make_timestamptz(us // ${seconds}000000 * ${seconds}000000) AS open_ts, ` +
      `arg_min(open, us) AS open, max(high) AS high, min(low) AS low, ` +
      `arg_max(close, us) AS close, sum(volume) AS volume, sum(notional) AS notional, ` +
      `sum(trade_count)::BIGINT AS trade_count, sum(sum_price) AS sum_price, ` +
      `sum(sum_price_sq) AS sum_price_sq FROM minutes GROUP BY ALL`,
  )
  return (
    `WITH minutes AS MATERIALIZED (${minutes}) SELECT *, ` +
    `CASE WHEN volume > 0 THEN (notional::DOUBLE / volume::DOUBLE)::DECIMAL(18, 8) END AS vwap, ` +
    `(sum_price::DOUBLE / trade_count)::DECIMAL(18, 8) AS avg_price ` +
    `FROM (${steps.join(' UNION ALL ')})`
  )
}

-- The receipts of a lake as plain SQL, for an auditor who trusts no code of Sluice.
--
-- Each query answers with the rows that are WRONG: a whole lake answers all of them with no row.
-- They read in Trino (set the catalog with USE, or write it before each table) and in DuckDB, where
-- `sluice sql` runs them one by one. While a writer is at work, read all tables at one cut, as
-- `sluice sql` does by itself; in Trino stop the writer, or add FOR VERSION AS OF 'cut-…' of a
-- kept cut after each table.
--
-- sluice.cuts is the receipt book. A cut has one row of its own (source is null) and one row for
-- each source part that moved. A rollback is a cut too: its rows take back what it undid, with
-- negative counts and ends before their starts, so that sums over all rows are what the tables hold.

-- 1. Every cut has its own row, once: numbers run from 1 without a gap.
SELECT count(*) AS row_count, count(DISTINCT cut_number) AS cut_count,
       min(cut_number) AS first_cut, max(cut_number) AS last_cut
FROM sluice.cuts
WHERE source IS NULL
HAVING count(*) <> coalesce(max(cut_number), 0)
    OR count(DISTINCT cut_number) <> count(*)
    OR coalesce(min(cut_number), 1) <> 1;

-- 2. The counts of each row add up: messages = decoded + ignored + rejected, and
--    rows = silver + duplicates + refused.
SELECT cut_number, source, source_partition
FROM sluice.cuts
WHERE message_count <> decoded_count + ignored_count + rejected_count
   OR row_count <> silver_count + duplicate_count + refused_count;

-- 3. The parts of a cut sum up to its own row.
SELECT cut_number
FROM sluice.cuts
GROUP BY cut_number
HAVING sum(CASE WHEN source IS NULL THEN message_count ELSE -message_count END) <> 0
    OR sum(CASE WHEN source IS NULL THEN ignored_count ELSE -ignored_count END) <> 0
    OR sum(CASE WHEN source IS NULL THEN rejected_count ELSE -rejected_count END) <> 0
    OR sum(CASE WHEN source IS NULL THEN silver_count ELSE -silver_count END) <> 0
    OR sum(CASE WHEN source IS NULL THEN duplicate_count ELSE -duplicate_count END) <> 0
    OR sum(CASE WHEN source IS NULL THEN refused_count ELSE -refused_count END) <> 0;

-- 4. Every part goes on where it ended: no gap, no overlap, and never more messages than offsets.
SELECT cut_number, source, source_partition, previous_end, start_offset, end_offset, message_count
FROM (
  SELECT cut_number, source, source_partition, start_offset, end_offset, message_count,
         lag(end_offset) OVER (PARTITION BY source, source_partition ORDER BY cut_number)
           AS previous_end
  FROM sluice.cuts
  WHERE source IS NOT NULL
) AS steps
WHERE previous_end <> start_offset
   OR abs(end_offset - start_offset) < abs(message_count);

-- 5. Bronze holds as many messages of each part as the receipts count (without those that a
--    retention removed, which they count too), each offset once, and none
--    outside of the offsets that cuts moved over.
SELECT coalesce(r.source, b.source) AS source,
       coalesce(r.source_partition, b.source_partition) AS source_partition,
       r.said, b.held, b.offset_count, b.first_held, b.last_held
FROM (
  SELECT source, source_partition, sum(message_count) - coalesce(sum(removed_count), 0) AS said,
         min(start_offset) AS first_offset, max(end_offset) AS end_offset
  FROM sluice.cuts
  WHERE source IS NOT NULL
  GROUP BY source, source_partition
) AS r
FULL JOIN (
  SELECT source, source_partition, count(*) AS held, count(DISTINCT source_offset) AS offset_count,
         min(source_offset) AS first_held, max(source_offset) AS last_held
  FROM (
    SELECT source, source_partition, source_offset FROM bronze.trade_messages
    UNION ALL
    SELECT source, source_partition, source_offset FROM bronze.quote_messages
    UNION ALL
    SELECT source, source_partition, source_offset FROM bronze.kline_messages
  ) AS messages
  GROUP BY source, source_partition
) AS b ON r.source = b.source AND r.source_partition = b.source_partition
WHERE coalesce(r.said, 0) <> coalesce(b.held, 0)
   OR b.held <> b.offset_count
   OR b.first_held < r.first_offset
   OR b.last_held >= r.end_offset;

-- 6. Silver and the rejected messages hold as many rows as the receipts count.
SELECT said_silver, held_silver, said_rejected, held_rejected
FROM (
  SELECT coalesce(sum(silver_count), 0) AS said_silver,
         coalesce(sum(rejected_count + refused_count), 0) AS said_rejected
  FROM sluice.cuts
  WHERE source IS NULL
) AS receipts
CROSS JOIN (
  SELECT count(*) AS held_silver
  FROM (
    SELECT source_offset FROM silver.trades
    UNION ALL
    SELECT source_offset FROM silver.quotes
    UNION ALL
    SELECT source_offset FROM silver.klines
  ) AS all_rows
) AS silver_rows
CROSS JOIN (SELECT count(*) AS held_rejected FROM silver.rejected_messages) AS rejected_rows
WHERE said_silver <> held_silver OR said_rejected <> held_rejected;

-- 7. No print is in silver twice.
SELECT venue, venue_symbol, trade_id, event_ts, count(*) AS row_count
FROM silver.trades
WHERE trade_id IS NOT NULL
GROUP BY venue, venue_symbol, trade_id, event_ts
HAVING count(*) > 1;

-- 8. No quote is in silver twice.
SELECT venue, venue_symbol, quote_id, event_ts, count(*) AS row_count
FROM silver.quotes
WHERE quote_id IS NOT NULL
GROUP BY venue, venue_symbol, quote_id, event_ts
HAVING count(*) > 1;

-- 9. A row of a place in a source is in silver once.
SELECT source, source_partition, source_offset, source_row, count(*) AS row_count
FROM (
  SELECT source, source_partition, source_offset, source_row FROM silver.trades
  UNION ALL
  SELECT source, source_partition, source_offset, source_row FROM silver.quotes
  UNION ALL
  SELECT source, source_partition, source_offset, source_row FROM silver.klines
) AS places
GROUP BY source, source_partition, source_offset, source_row
HAVING count(*) > 1;

-- 10. A window is in gold once.
SELECT step, venue, venue_symbol, open_ts, count(*) AS row_count
FROM gold.bars
GROUP BY step, venue, venue_symbol, open_ts
HAVING count(*) > 1;

-- 11. The same of the spreads.
SELECT step, venue, venue_symbol, open_ts, count(*) AS row_count
FROM gold.spreads
GROUP BY step, venue, venue_symbol, open_ts
HAVING count(*) > 1;

-- 12. Bars of trades are what the trades of silver give, in every window with a trade: the first
--     and last trade by time, the venue's number and its id; highest and lowest price; exact sums.
--     A long history is better asked in parts: add a range of event_ts and the same range of
--     open_ts.
WITH steps AS (
  SELECT '1m' AS step, date_trunc('minute', event_ts) AS open_ts, t.* FROM silver.trades AS t
  UNION ALL
  SELECT '5m' AS step, date_trunc('hour', event_ts)
           + (extract(MINUTE FROM event_ts) - extract(MINUTE FROM event_ts) % 5) * INTERVAL '1' MINUTE
           AS open_ts, t.* FROM silver.trades AS t
  UNION ALL
  SELECT '1h' AS step, date_trunc('hour', event_ts) AS open_ts, t.* FROM silver.trades AS t
  UNION ALL
  SELECT '1d' AS step, date_trunc('day', event_ts) AS open_ts, t.* FROM silver.trades AS t
),
tied AS (
  SELECT step, venue, venue_symbol, open_ts, event_ts, trade_seq, price, quantity, taker_side,
         CASE WHEN trade_id IS NOT NULL THEN trade_id
              ELSE source || ':' || lpad(CAST(source_partition AS VARCHAR), 10, '0')
                   || ':' || lpad(CAST(source_offset AS VARCHAR), 20, '0')
                   || ':' || lpad(CAST(source_row AS VARCHAR), 10, '0') END AS tie
  FROM steps
),
placed AS (
  SELECT step, venue, venue_symbol, open_ts, price, quantity, taker_side,
         row_number() OVER (PARTITION BY step, venue, venue_symbol, open_ts
           ORDER BY event_ts, trade_seq NULLS LAST, tie) AS from_start,
         row_number() OVER (PARTITION BY step, venue, venue_symbol, open_ts
           ORDER BY event_ts DESC, trade_seq DESC NULLS FIRST, tie DESC) AS from_end
  FROM tied
),
given AS (
  SELECT step, venue, venue_symbol, open_ts,
         max(CASE WHEN from_start = 1 THEN price END) AS open_price,
         max(price) AS high_price, min(price) AS low_price,
         max(CASE WHEN from_end = 1 THEN price END) AS close_price,
         sum(quantity) AS volume,
         sum(CAST(price * quantity AS DECIMAL(38, 16))) AS notional,
         count(*) AS trade_count,
         sum(CASE WHEN taker_side = 'buy' THEN quantity END) AS buy_volume,
         sum(CASE WHEN taker_side = 'sell' THEN quantity END) AS sell_volume
  FROM placed
  GROUP BY step, venue, venue_symbol, open_ts
)
SELECT coalesce(b.step, g.step) AS step, coalesce(b.venue, g.venue) AS venue,
       coalesce(b.venue_symbol, g.venue_symbol) AS venue_symbol,
       coalesce(b.open_ts, g.open_ts) AS open_ts, b.trade_count AS held, g.trade_count AS given
FROM (SELECT * FROM gold.bars WHERE coalesce(bar_source, 'trades') = 'trades') AS b
FULL JOIN given AS g
  ON b.step = g.step AND b.venue = g.venue AND b.venue_symbol = g.venue_symbol
 AND b.open_ts = g.open_ts
WHERE b.step IS NULL
   OR g.step IS NULL
   OR b.open <> g.open_price OR b.high <> g.high_price
   OR b.low <> g.low_price OR b.close <> g.close_price
   OR b.volume <> g.volume OR b.notional <> g.notional
   OR b.trade_count <> g.trade_count
   OR b.buy_volume <> coalesce(g.buy_volume, 0)
   OR b.sell_volume <> coalesce(g.sell_volume, 0);

-- 13. The counts and spreads of quotes are what silver gives; the steps as above.
WITH steps AS (
  SELECT '1m' AS step, date_trunc('minute', event_ts) AS open_ts, q.* FROM silver.quotes AS q
  UNION ALL
  SELECT '5m' AS step, date_trunc('hour', event_ts)
           + (extract(MINUTE FROM event_ts) - extract(MINUTE FROM event_ts) % 5) * INTERVAL '1' MINUTE
           AS open_ts, q.* FROM silver.quotes AS q
  UNION ALL
  SELECT '1h' AS step, date_trunc('hour', event_ts) AS open_ts, q.* FROM silver.quotes AS q
  UNION ALL
  SELECT '1d' AS step, date_trunc('day', event_ts) AS open_ts, q.* FROM silver.quotes AS q
),
given AS (
  SELECT step, venue, venue_symbol, open_ts,
         count(*) AS quote_count,
         count(ask_price - bid_price) AS both_sides_count,
         count(CASE WHEN ask_price < bid_price THEN 1 END) AS crossed_count,
         min(ask_price - bid_price) AS min_spread,
         max(ask_price - bid_price) AS max_spread,
         sum(ask_price - bid_price) AS sum_spread
  FROM steps
  GROUP BY step, venue, venue_symbol, open_ts
)
SELECT coalesce(s.step, g.step) AS step, coalesce(s.venue, g.venue) AS venue,
       coalesce(s.venue_symbol, g.venue_symbol) AS venue_symbol,
       coalesce(s.open_ts, g.open_ts) AS open_ts, s.quote_count AS held, g.quote_count AS given
FROM gold.spreads AS s
FULL JOIN given AS g
  ON s.step = g.step AND s.venue = g.venue AND s.venue_symbol = g.venue_symbol
 AND s.open_ts = g.open_ts
WHERE s.step IS NULL
   OR g.step IS NULL
   OR s.quote_count <> g.quote_count OR s.both_sides_count <> g.both_sides_count
   OR s.crossed_count <> g.crossed_count
   OR s.min_spread IS DISTINCT FROM g.min_spread
   OR s.max_spread IS DISTINCT FROM g.max_spread
   OR s.sum_spread <> coalesce(g.sum_spread, 0);

-- 14. No kline is in silver twice: one of each step and start.
SELECT venue, venue_symbol, step, open_ts, count(*) AS row_count
FROM silver.klines
GROUP BY venue, venue_symbol, step, open_ts
HAVING count(*) > 1;

-- 15. Bars of klines are what the one-minute klines of silver give, in every window of which no
--     trade is known: the first and last kline, highest and lowest price, exact sums; a sum that
--     one of them does not tell is null.
WITH minutes AS (
  SELECT venue, venue_symbol, open_ts AS minute_ts, open AS open_price, high, low,
         close AS close_price, volume, notional, trade_count, buy_volume
  FROM silver.klines
  WHERE step = '1m'
),
steps AS (
  SELECT '1m' AS step, minute_ts AS open_ts, m.* FROM minutes AS m
  UNION ALL
  SELECT '5m' AS step, date_trunc('hour', minute_ts)
           + (extract(MINUTE FROM minute_ts) - extract(MINUTE FROM minute_ts) % 5) * INTERVAL '1' MINUTE
           AS open_ts, m.* FROM minutes AS m
  UNION ALL
  SELECT '1h' AS step, date_trunc('hour', minute_ts) AS open_ts, m.* FROM minutes AS m
  UNION ALL
  SELECT '1d' AS step, date_trunc('day', minute_ts) AS open_ts, m.* FROM minutes AS m
),
of_klines AS (
  SELECT step, venue, venue_symbol, open_ts, min_by(open_price, minute_ts) AS open_price,
         max(high) AS high_price, min(low) AS low_price,
         max_by(close_price, minute_ts) AS close_price, sum(volume) AS volume,
         CASE WHEN count(notional) = count(*) THEN sum(notional) END AS notional,
         CASE WHEN count(trade_count) = count(*) THEN sum(trade_count) END AS trade_count,
         CASE WHEN count(buy_volume) = count(*) THEN sum(buy_volume) END AS buy_volume
  FROM steps
  GROUP BY step, venue, venue_symbol, open_ts
),
given AS (
  SELECT k.*
  FROM of_klines AS k
  LEFT JOIN (SELECT * FROM gold.bars WHERE coalesce(bar_source, 'trades') = 'trades') AS t
    ON t.step = k.step AND t.venue = k.venue AND t.venue_symbol = k.venue_symbol
   AND t.open_ts = k.open_ts
  WHERE t.step IS NULL
)
SELECT coalesce(b.step, g.step) AS step, coalesce(b.venue, g.venue) AS venue,
       coalesce(b.venue_symbol, g.venue_symbol) AS venue_symbol,
       coalesce(b.open_ts, g.open_ts) AS open_ts, b.volume AS held, g.volume AS given
FROM (SELECT * FROM gold.bars WHERE bar_source = 'klines') AS b
FULL JOIN given AS g
  ON b.step = g.step AND b.venue = g.venue AND b.venue_symbol = g.venue_symbol
 AND b.open_ts = g.open_ts
WHERE b.step IS NULL
   OR g.step IS NULL
   OR b.open <> g.open_price OR b.high <> g.high_price
   OR b.low <> g.low_price OR b.close <> g.close_price
   OR b.volume <> g.volume
   OR b.notional IS DISTINCT FROM g.notional
   OR b.trade_count IS DISTINCT FROM g.trade_count
   OR b.buy_volume IS DISTINCT FROM g.buy_volume
   OR b.sell_volume IS DISTINCT FROM g.volume - g.buy_volume;

-- 16. The open rows of silver.gaps are what the contiguous numbers in silver.trades leave out: each
--     range between two neighbours, with the times of both. Over ten million numbers apart, or the
--     higher one more than a second earlier, they are of two numberings, and nothing is missing.
WITH numbers AS (
  SELECT venue, venue_symbol, trade_seq, min(event_ts) AS event_ts
  FROM silver.trades
  WHERE seq_is_contiguous
  GROUP BY venue, venue_symbol, trade_seq
),
neighbours AS (
  SELECT venue, venue_symbol, trade_seq, event_ts,
         lag(trade_seq) OVER (PARTITION BY venue, venue_symbol ORDER BY trade_seq) AS before_seq,
         lag(event_ts) OVER (PARTITION BY venue, venue_symbol ORDER BY trade_seq) AS before_ts
  FROM numbers
),
given AS (
  SELECT venue, venue_symbol, before_seq + 1 AS from_seq, trade_seq - 1 AS to_seq,
         least(before_ts, event_ts) AS from_ts, greatest(before_ts, event_ts) AS to_ts
  FROM neighbours
  WHERE trade_seq - before_seq BETWEEN 2 AND 10000001
    AND before_ts <= event_ts + INTERVAL '1' SECOND
)
SELECT coalesce(h.venue, g.venue) AS venue, coalesce(h.venue_symbol, g.venue_symbol) AS venue_symbol,
       coalesce(h.from_seq, g.from_seq) AS from_seq, h.to_seq AS held_to, g.to_seq AS given_to
FROM (SELECT * FROM silver.gaps WHERE healed_cut IS NULL) AS h
FULL JOIN given AS g
  ON h.venue = g.venue AND h.venue_symbol = g.venue_symbol AND h.from_seq = g.from_seq
WHERE h.from_seq IS NULL
   OR g.from_seq IS NULL
   OR h.to_seq <> g.to_seq OR h.from_ts <> g.from_ts OR h.to_ts <> g.to_ts;

-- 17. What sluice.take_overs says holds: of a day of a symbol the newest row of a source counts. No
--     row of a source that does not count is in silver; on a day that was taken over no two sources
--     hold the same time with rows that have no ids; each row is of a cut that there is. Which days
--     were taken over, by whom and when, says docs/take-overs.sql.
WITH told AS (
  SELECT kind, venue, venue_symbol, day, regexp_replace(source, '@[0-9-]*[.][.][0-9-]*', '') AS source,
         max_by(is_counted, cut_number) AS is_counted
  FROM sluice.take_overs
  GROUP BY kind, venue, venue_symbol, day, source
),
typed AS (
  SELECT 'trade' AS kind, venue, venue_symbol, event_ts, source, trade_id AS id FROM silver.trades
  UNION ALL
  SELECT 'quote' AS kind, venue, venue_symbol, event_ts, source, quote_id AS id FROM silver.quotes
  UNION ALL
  SELECT 'kline' AS kind, venue, venue_symbol, event_ts, source, kline_id AS id FROM silver.klines
),
held AS (
  SELECT t.kind, t.venue, t.venue_symbol, d.day,
         regexp_replace(t.source, '@[0-9-]*[.][.][0-9-]*', '') AS source, count(*) AS row_count,
         count(*) - count(t.id) AS without_id, min(t.event_ts) AS first_ts, max(t.event_ts) AS last_ts
  FROM typed AS t
  JOIN (SELECT DISTINCT kind, venue, venue_symbol, day FROM told) AS d
    ON d.kind = t.kind AND d.venue = t.venue AND d.venue_symbol = t.venue_symbol
   AND d.day = CAST(t.event_ts AT TIME ZONE 'UTC' AS DATE)
  GROUP BY t.kind, t.venue, t.venue_symbol, d.day,
           regexp_replace(t.source, '@[0-9-]*[.][.][0-9-]*', '')
)
SELECT 'does not count' AS what, h.kind, h.venue, h.venue_symbol, h.day, h.source, h.row_count
FROM held AS h
JOIN told AS t
  ON t.kind = h.kind AND t.venue = h.venue AND t.venue_symbol = h.venue_symbol AND t.day = h.day
 AND t.source = h.source
WHERE NOT t.is_counted
UNION ALL
SELECT 'two sources' AS what, a.kind, a.venue, a.venue_symbol, a.day, a.source, a.row_count
FROM held AS a
JOIN held AS b
  ON b.kind = a.kind AND b.venue = a.venue AND b.venue_symbol = a.venue_symbol AND b.day = a.day
WHERE a.source <> b.source
  AND a.first_ts <= b.last_ts AND b.first_ts <= a.last_ts
  AND a.without_id + b.without_id > 0
UNION ALL
SELECT 'no such cut' AS what, t.kind, t.venue, t.venue_symbol, t.day, t.source, 0 AS row_count
FROM sluice.take_overs AS t
LEFT JOIN (SELECT cut_number, ingested_ts FROM sluice.cuts WHERE source IS NULL) AS c
  ON c.cut_number = t.cut_number AND c.ingested_ts = t.ingested_ts
WHERE c.cut_number IS NULL;

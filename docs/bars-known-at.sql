-- The sealed bars as they were known at a time: each bar in the version that the last cut up to
-- then had left, whatever changed it later, and no bar that was not sealed yet. The text is the same
-- in DuckDB (`sluice sql`) and in Trino (after USE of the lake's catalog). It reads no old snapshot,
-- so that it answers for any time since the first cut. Windows are UTC, a bar of '1d' is a UTC day.
--
-- gold.bars holds the newest version of a bar and the cut that made it, gold.bar_revisions all
-- versions of those that changed. Bars that a rollback undid were never known.
SELECT step, venue, venue_symbol, instrument_id, open_ts, close_ts, open, high, low, close, volume,
       notional, vwap, trade_count, revision
FROM (
  SELECT v.*, row_number() OVER (
           PARTITION BY step, venue, venue_symbol, open_ts ORDER BY cut_number DESC) AS place
  FROM (
    SELECT step, venue, venue_symbol, instrument_id, open_ts, close_ts, open, high, low, close,
           volume, notional, vwap, trade_count, revision,
           coalesce(known_cut, 0) AS cut_number, false AS is_removed
    FROM gold.bars
    WHERE is_sealed
    UNION ALL
    SELECT step, venue, venue_symbol, instrument_id, open_ts, close_ts, open, high, low, close,
           volume, notional, vwap, trade_count, revision,
           coalesce(known_cut, 0) AS cut_number, is_removed
    FROM gold.bar_revisions
  ) AS v
  WHERE cut_number <= (
    SELECT max(cut_number)
    FROM sluice.cuts
    WHERE committed_ts <= CAST('2025-01-15 12:00:00 UTC' AS TIMESTAMP WITH TIME ZONE)
  )
) AS known
WHERE place = 1 AND NOT is_removed
ORDER BY step, venue, venue_symbol, open_ts;

-- Which days of symbols were taken over (`sluice backfill --take-over`): by which source, from which
-- one, in which cut, when, and by which process; oldest first. The text is the same in DuckDB
-- (`sluice sql`) and in Trino (after USE of the lake's catalog). A day that went back and forth has a
-- row for each time, and one more for each source that stood back. What a rollback undid is gone.
--
-- A source that is announced, and does not count before its day is turned round, is no row here. That
-- silver holds what this says is query 17 of docs/verify.sql.
SELECT won.kind, won.venue, won.venue_symbol, won.day, won.source AS taken_by,
       lost.source AS taken_from, won.cut_number, cut.committed_ts, cut.writer
FROM (SELECT * FROM sluice.take_overs WHERE is_counted) AS won
JOIN (SELECT cut_number, committed_ts, writer FROM sluice.cuts WHERE source IS NULL) AS cut
  ON cut.cut_number = won.cut_number
LEFT JOIN (SELECT * FROM sluice.take_overs WHERE NOT is_counted) AS lost
  ON lost.cut_number = won.cut_number AND lost.kind = won.kind AND lost.venue = won.venue
 AND lost.venue_symbol = won.venue_symbol AND lost.day = won.day
ORDER BY won.cut_number, won.kind, won.venue, won.venue_symbol, won.day, taken_by, taken_from;

import { lineage, lineageOrNull } from '../tables/spec/column-definition.ts'
import type { TableDefinition } from '../tables/spec/table-definition.ts'

/**
 * The receipt book. A cut has ONE row of its own (source is null), which names the snapshot of
 * every table, and one row a source part that moved or was met first (then its start may be its
 * end). Counts are of the part, and on the cut's own row of the cut: messages = decoded + ignored +
 * rejected; rows = silver + duplicates + refused.
 *
 * A replay is a cut that moves no part: what became of messages that were taken in before is
 * another now. Its rows hold the differences, each at the end where its part rests, with no
 * messages of their own: rejected ones that decode now are -1 rejected, +1 decoded, and +1 in
 * silver. Rows that it wrote keep the ingested_ts of the cut that took their message in, so rows
 * and receipts agree by part in sum, no longer cut by cut. What it only sets right again, after
 * somebody else deleted or added rows, is no difference: receipts never counted that.
 *
 * A take-over is a replay by which other rows count (sluice.take_overs); before it there is a cut that
 * only announces its files. Rows of a source that does not count are duplicates here.
 *
 * A seal moves the watermark and nothing else.
 *
 * A rollback is a cut too: its rows take back what it undid, with negative counts and ends before
 * their starts. So the sums over all rows are always what the tables hold, and the newest row of a
 * part is always where it stands.
 *
 * `steps` says by which versions of the steps the rows of a cut were made, so that it is known of
 * every row for ever, whatever snapshots expired: by its ingested_ts, or by the newest replay of its
 * day after that. A replay that found its days as these steps give them is a cut too where that was
 * not known of them before: it changes no table.
 *
 * A loss that a person accepted is a cut of mode `accept-loss` that takes nothing in: a part from
 * `start_offset` to `end_offset` without a message is what was deleted before it was read. Where a
 * topic was made again (or its log cut off), the old part is finished where it stood, and the part
 * that takes its place (`kafka:<topic>@2`) begins with start = end.
 */
export const cuts: TableDefinition = {
  name: 'sluice.cuts',
  doc: 'One row a cut, and one row for each source part that the cut moved or met first.',
  columns: [
    lineage(1, 'cut_number', 'long', 'Number of the cut: 1, 2, 3, … without a gap.'),
    lineage(2, 'committed_ts', 'timestamptz', 'Time when the commit was sent, UTC.'),
    lineage(3, 'ingested_ts', 'timestamptz', 'ingested_ts of every row of the cut, UTC.'),
    lineage(4, 'token', 'string', 'Random token of the commit, also in every snapshot summary.'),
    lineage(5, 'writer', 'string', 'Which process made it.'),
    lineage(6, 'mode', 'string', "What made it: 'live', 'backfill', 'demo', 'rollback', …"),
    lineageOrNull(
      7,
      'snapshot_ids',
      'string',
      'JSON {table: "id"}; null but on the cut\'s own row.',
    ),
    lineageOrNull(8, 'source', 'string', "Source of the part; null on the cut's own row."),
    lineageOrNull(9, 'source_partition', 'int', "Partition of it; null on the cut's own row."),
    lineageOrNull(
      10,
      'start_offset',
      'long',
      "First offset, inclusive; null on the cut's own row.",
    ),
    lineageOrNull(
      11,
      'end_offset',
      'long',
      "End, exclusive: the next start; null on the cut's own.",
    ),
    lineage(12, 'message_count', 'long', 'Messages taken in.'),
    lineage(13, 'decoded_count', 'long', 'Messages that gave good rows.'),
    lineage(14, 'ignored_count', 'long', 'Messages that the format has no use for.'),
    lineage(15, 'rejected_count', 'long', 'Messages that were refused.'),
    lineage(16, 'row_count', 'long', 'Rows that the decoded messages held.'),
    lineage(17, 'silver_count', 'long', 'Rows that reached silver.'),
    lineage(
      18,
      'duplicate_count',
      'long',
      'Rows that agreed with an earlier row of their identity.',
    ),
    lineage(
      19,
      'refused_count',
      'long',
      'Rows that contradicted an earlier row of their identity.',
    ),
    lineage(20, 'late_count', 'long', 'Rows behind the watermark at the start of the cut.'),
    lineageOrNull(
      21,
      'watermark_ts',
      'timestamptz',
      'Watermark after the cut, UTC; null: none yet.',
    ),
    lineageOrNull(
      22,
      'max_event_ts',
      'timestamptz',
      'Newest event of the part, UTC; null: none yet.',
    ),
    lineageOrNull(
      23,
      'newest_received_ts',
      'timestamptz',
      'Newest arrival, UTC; null where unknown.',
    ),
    lineage(24, 'is_finished', 'boolean', 'A file that was read whole: it never moves again.'),
    lineageOrNull(25, 'restored_cut', 'long', 'The cut that a rollback went back to, else null.'),
    lineageOrNull(
      26,
      'steps',
      'string',
      "By which steps it was made: 'silver[…] gold[…]' with those of a version above 1; null: unknown.",
    ),
    lineageOrNull(27, 'from_day', 'date', 'First UTC day that a replay derived anew, else null.'),
    lineageOrNull(
      28,
      'until_day',
      'date',
      'The day behind the last one of a replay; of a retention the first that bronze has whole; or null.',
    ),
    lineageOrNull(
      29,
      'removed_count',
      'long',
      'Messages of the part (own row: of all) that a retention removed from bronze, else null.',
    ),
  ],
  key: ['cut_number', 'source', 'source_partition'],
  partition: [{ column: 'committed_ts', transform: 'month' }],
  sort: ['cut_number', 'source', 'source_partition'],
}

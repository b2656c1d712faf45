import { content, contentOrNull, lineage, lineageOrNull } from '../tables/spec/column-definition.ts'
import type { TableDefinition } from '../tables/spec/table-definition.ts'

/** Every message that was routed to kind 'kline', exactly once, untouched. */
export const klineMessages: TableDefinition = {
  name: 'bronze.kline_messages',
  doc: 'Messages of kind kline as they were received: each one exactly once, ignored ones too.',
  columns: [
    lineage(
      1,
      'source',
      'string',
      'Where it came from: kafka:<topic>, log:<name>, file:<sha256>:…',
    ),
    lineage(2, 'source_partition', 'int', 'Kafka partition; 0 for a log and for a file.'),
    lineage(3, 'source_offset', 'long', 'Kafka offset, or the line number of a file, from 0.'),
    contentOrNull(4, 'message_key', 'string', 'Key of the message; null where it had none.'),
    lineageOrNull(5, 'headers', 'string', 'Headers as a JSON object; null where there were none.'),
    contentOrNull(6, 'payload', 'string', 'The bytes as text, untouched; null for a tombstone.'),
    content(7, 'payload_encoding', 'string', "'utf-8', or 'base64' where the bytes are no UTF-8."),
    lineageOrNull(8, 'received_ts', 'timestamptz', 'Arrival at our edge, UTC; null where unknown.'),
    lineage(9, 'ingested_ts', 'timestamptz', 'Time of the cut that took it in, UTC.'),
    contentOrNull(
      10,
      'event_ts',
      'timestamptz',
      'Event time read at ingest; null where unreadable.',
    ),
    lineage(11, 'partition_ts', 'timestamptz', 'First of received_ts, event_ts, ingested_ts.'),
    content(
      12,
      'is_ignored',
      'boolean',
      'The format has no use for this message: nothing in silver.',
    ),
    content(
      13,
      'format',
      'string',
      'How the bytes are written: bitfinex-klines, binance-klines, …',
    ),
  ],
  key: ['source', 'source_partition', 'source_offset'],
  partition: [{ column: 'partition_ts', transform: 'month' }],
  sort: ['source', 'source_partition', 'source_offset'],
}

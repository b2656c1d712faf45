import { content, contentOrNull, lineage, lineageOrNull } from '../tables/spec/column-definition.ts'
import type { TableDefinition } from '../tables/spec/table-definition.ts'

/** What was refused, and why. Nothing that came in is ever lost without a row here. */
export const rejectedMessages: TableDefinition = {
  name: 'silver.rejected_messages',
  doc: 'One row is one refused message, or one refused row of a message, with its reason.',
  columns: [
    content(1, 'kind', 'string', "Kind it was routed to: 'trade', 'quote' or 'kline'."),
    content(2, 'format', 'string', 'How the bytes are written: stock-json, binance-frames, …'),
    lineage(3, 'source', 'string', 'Where the message came from, as in bronze.'),
    lineage(4, 'source_partition', 'int', 'Kafka partition; 0 for a log and for a file.'),
    lineage(5, 'source_offset', 'long', 'Kafka offset, or the line number of a file, from 0.'),
    lineage(6, 'source_row', 'int', 'Row within the message, from 0.'),
    contentOrNull(7, 'message_key', 'string', 'Key of the message; null where it had none.'),
    lineageOrNull(8, 'headers', 'string', 'Headers as a JSON object; null where there were none.'),
    contentOrNull(9, 'payload', 'string', 'The bytes as text, untouched; null for a tombstone.'),
    content(10, 'payload_encoding', 'string', "'utf-8', or 'base64' where the bytes are no UTF-8."),
    content(11, 'reason', 'string', 'Why, from the closed list of reject reasons.'),
    lineageOrNull(
      12,
      'detail',
      'string',
      'The field and text that was refused; null: nothing to add.',
    ),
    contentOrNull(
      13,
      'event_ts',
      'timestamptz',
      'Event time, UTC; null where it could not be read.',
    ),
    lineageOrNull(
      14,
      'received_ts',
      'timestamptz',
      'Arrival at our edge, UTC; null where unknown.',
    ),
    lineage(15, 'ingested_ts', 'timestamptz', 'Time of the cut that took it in, UTC.'),
  ],
  key: ['source', 'source_partition', 'source_offset', 'source_row'],
  partition: [{ column: 'ingested_ts', transform: 'day' }],
  sort: ['source', 'source_partition', 'source_offset', 'source_row'],
}

import { frameBulkSql, sanitizeReceivedSql } from '../../shared-transforms/frame.ts'
import { sqlString } from '../../tables/engine/sql-text.ts'
import type { BatchSegment, MicroBatch } from '../sources/source.ts'
import type { StepSession } from './step-session.ts'

/** Where messages are that were not read from a file of frames. */
export const FRAMED_TABLE = 'framed'

/** Rows of side messages that one INSERT carries. */
const SIDE_ROWS_PER_INSERT = 500

/**
 * A batch as a relation with one row a message: the framed relation of shared-transforms plus
 * `format`. A small batch is loaded into the table `framed`; a large one is read from its file where
 * it is routed, so the relation is good until the batch is released.
 */
export async function frameBatch(
  session: StepSession,
  batch: MicroBatch,
  ingestedUs: bigint,
): Promise<string> {
  const relations: string[] = []
  await session.startBatch(batch.messageCount)
  await session.clear('side_messages', noSideMessages)
  for (const segment of batch.segments) {
    const format = sqlString(segment.format)
    if (segment.bulkFile !== undefined && segment.bulkCount > 0) {
      const bulk = frameBulkSql({ path: segment.bulkFile, parts: segment.parts, ingestedUs })
      relations.push(`SELECT ${FRAMED_COLUMNS}, ${format} AS format FROM (${bulk})`)
    }
    if (segment.side.length > 0) await insertSideMessages(session, segment)
  }
  if (relations.length === 0 || batch.segments.some(({ side }) => side.length > 0)) {
    const side = sanitizeReceivedSql({ relation: 'side_messages', ingestedUs })
    relations.push(`SELECT ${FRAMED_COLUMNS}, format FROM (${side})`)
  }
  const rows = relations.join(' UNION ALL ')
  if (session.isLarge()) return `(${rows})`
  await session.fillOnce(FRAMED_TABLE, rows)
  return FRAMED_TABLE
}

/** The table `framed` without a row, for steps that need its shape. */
export async function createFramedTable(session: StepSession): Promise<void> {
  await frameBatch(session, { segments: [], progress: [], messageCount: 0, sizeBytes: 0 }, 1n)
}

const FRAMED_COLUMNS =
  'source, source_partition, source_offset, message_key, headers, payload, payload_encoding, ' +
  'received_ts, ingested_ts'

const noSideMessages =
  `SELECT NULL::VARCHAR AS source, NULL::INTEGER AS source_partition, ` +
  `NULL::BIGINT AS source_offset, NULL::VARCHAR AS message_key, NULL::VARCHAR AS headers, ` +
  `NULL::VARCHAR AS payload, NULL::VARCHAR AS payload_encoding, NULL::BIGINT AS received_us, ` +
  `NULL::VARCHAR AS format WHERE false`

async function insertSideMessages(session: StepSession, segment: BatchSegment): Promise<void> {
  const rows = segment.side.map((message) => {
    const part = segment.parts[message.partIndex]
    if (part === undefined) throw new RangeError(`no part ${message.partIndex} in the segment`)
    return [
      part.source,
      part.partition,
      message.offset,
      message.key ?? null,
      message.headers ?? null,
      message.payload ?? null,
      message.payloadEncoding,
      message.receivedUs ?? null,
      segment.format,
    ]
  })
  for (let start = 0; start < rows.length; start += SIDE_ROWS_PER_INSERT) {
    const slice = rows.slice(start, start + SIDE_ROWS_PER_INSERT)
    const places = slice.map(() => '(?, ?, ?, ?, ?, ?, ?, ?, ?)').join(', ')
    await session.rows(`INSERT INTO side_messages VALUES ${places}`, slice.flat())
  }
}

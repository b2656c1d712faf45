import { frameBulkSql, sanitizeReceivedSql } from '../../shared-transforms/frame.ts'
import type { Session } from '../../tables/engine/engine.ts'
import { sqlString } from '../../tables/engine/sql-text.ts'
import type { BatchSegment, MicroBatch } from '../sources/source.ts'

/** Rows of side messages that one INSERT carries. */
const SIDE_ROWS_PER_INSERT = 500

/**
 * Loads a batch into the table `framed`: one row a message, the framed relation of
 * shared-transforms plus `format`.
 */
export async function frameBatch(
  session: Session,
  batch: MicroBatch,
  ingestedUs: bigint,
): Promise<void> {
  const relations: string[] = []
  await session.run(createSideTable)
  for (const segment of batch.segments) {
    const format = sqlString(segment.format)
    if (segment.bulkFile !== undefined && segment.bulkCount > 0) {
      const bulk = frameBulkSql({ path: segment.bulkFile, parts: segment.parts, ingestedUs })
      relations.push(`SELECT ${FRAMED_COLUMNS}, ${format} AS format FROM (${bulk})`)
    }
    if (segment.side.length > 0) await insertSideMessages(session, segment)
  }
  const side = sanitizeReceivedSql({ relation: 'side_messages', ingestedUs })
  relations.push(`SELECT ${FRAMED_COLUMNS}, format FROM (${side})`)
  await session.run(`CREATE OR REPLACE TABLE framed AS ${relations.join(' UNION ALL ')}`)
}

/** The table `framed` without a row, for steps that need its shape. */
export async function createFramedTable(session: Session): Promise<void> {
  await frameBatch(session, { segments: [], progress: [], messageCount: 0, sizeBytes: 0 }, 1n)
}

const FRAMED_COLUMNS =
  'source, source_partition, source_offset, message_key, headers, payload, payload_encoding, ' +
  'received_ts, ingested_ts'

const createSideTable = `CREATE OR REPLACE TABLE side_messages (
  source VARCHAR, source_partition INTEGER, source_offset BIGINT, message_key VARCHAR,
  headers VARCHAR, payload VARCHAR, payload_encoding VARCHAR, received_us BIGINT, format VARCHAR)`

async function insertSideMessages(session: Session, segment: BatchSegment): Promise<void> {
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

import { builtInModel, findFormat } from '../../shared-transforms/lake-model.ts'
import type { Format } from '../../shared-transforms/formats/formats.ts'
import { sanitizeReceivedSql } from '../../shared-transforms/frame.ts'
import type { Kind } from '../../shared-transforms/kind.ts'
import { RECEIVED_US, type TestMessage } from './messages.ts'
import type { JsonRow, SqlSession, SqlValue } from './sql-session.ts'

/** When the test messages are taken in: an hour after their receipt. */
export const INGESTED_US = RECEIVED_US + 3_600_000_000n

const columns =
  'source VARCHAR, source_partition INTEGER, source_offset BIGINT, message_key VARCHAR, ' +
  'headers VARCHAR, payload VARCHAR, payload_encoding VARCHAR, received_us BIGINT'

/** The format of a name, which must be there. */
export function formatNamed(name: string): Format {
  const format = findFormat(builtInModel, name)
  if (format === undefined) throw new Error(`no format ${name}`)
  return format
}

/**
 * Frames messages (offsets 0, 1, …) and leaves the tables `framed`, `routed` and, for each kind of
 * the format, `decoded_<kind>`.
 */
export async function deriveMessages(
  session: SqlSession,
  formatName: string,
  messages: readonly TestMessage[],
): Promise<void> {
  const rows = messages.map((message, offset): SqlValue[] => {
    const { payload } = message
    const isText = typeof payload === 'string' || payload === null
    return [
      ...['test', 0, BigInt(offset), null, message.headers ?? null],
      ...(isText ? [payload, 'utf-8'] : [Buffer.from(payload).toString('base64'), 'base64']),
      message.receivedUs === undefined ? RECEIVED_US : message.receivedUs,
    ]
  })
  await session.load('side_messages', columns, rows)
  const framed = sanitizeReceivedSql({ relation: 'side_messages', ingestedUs: INGESTED_US })
  await session.run(`CREATE OR REPLACE TABLE framed AS ${framed}`)
  await deriveFramed(session, formatNamed(formatName))
}

/** From the table `framed` to `routed` and `decoded_<kind>`. */
export async function deriveFramed(session: SqlSession, format: Format): Promise<void> {
  await session.run(`CREATE OR REPLACE TABLE routed AS ${format.routeSql('framed')}`)
  for (const kind of format.kinds) {
    const decoded = format.decodeSql(kind, 'routed')
    await session.run(`CREATE OR REPLACE TABLE decoded_${kind} AS ${decoded}`)
  }
}

/** Decoded rows of one kind, in the order of the messages. */
export async function decodedRows(session: SqlSession, kind: Kind): Promise<readonly JsonRow[]> {
  return session.rows(`SELECT * FROM decoded_${kind} ORDER BY source_offset, source_row`)
}

import { isUtf8 } from 'node:buffer'
import type { IHeaders, KafkaMessage } from 'kafkajs'
import type { FrameRecord } from './framing.ts'
import { sideMessageOf } from './framing.ts'
import type { KafkaPosition, KafkaRecordReader } from './kafka-record-reader.ts'
import type { MessageContent } from './source.ts'

/** The header with the time of receipt at our edge: microseconds since 1970 as decimal text. */
export const RECEIVED_HEADER = 'received-ts-us'

type HeaderValue = IHeaders[string]

/** A Kafka record as a frame record: header `received-ts-us`, else the record's own timestamp. */
export function frameRecordOf(message: KafkaMessage): FrameRecord {
  const { headers } = message
  const stamped = headers === undefined ? undefined : stampedReceipt(headers)
  return {
    offset: message.offset,
    receivedUs: stamped ?? recordTimeUs(message.timestamp),
    key: message.key,
    headers: headers === undefined ? undefined : headersText(headers, stamped !== undefined),
    payload: message.value,
  }
}

/** What the log holds at a position, as bronze would keep it; undefined where it holds nothing. */
export async function readMessageAt(
  records: KafkaRecordReader,
  position: KafkaPosition,
): Promise<MessageContent | undefined> {
  const message = await records.readAt(position)
  return message && sideMessageOf(0, frameRecordOf(message))
}

/** Undefined where the header is missing, repeated or no number: then it stays among the headers. */
function stampedReceipt(headers: IHeaders): string | undefined {
  const value = headers[RECEIVED_HEADER]
  if (value === undefined || Array.isArray(value)) return undefined
  const text = typeof value === 'string' ? value : value.toString('latin1')
  if (/^[1-9]\d{0,17}$/.test(text)) return text
  return /^-?\d{1,18}$/.test(text) ? String(BigInt(text)) : undefined
}

/** Record time is in milliseconds; -1 means none. Absurd times would not fit 64 bits as µs. */
function recordTimeUs(timestamp: string): string {
  if (timestamp === '0') return '0'
  if (timestamp === '-1' || timestamp === '' || timestamp.length > 15) return ''
  return `${timestamp}000`
}

/** Headers as a JSON object in printable ASCII; undefined where there are none. */
function headersText(headers: IHeaders, hasStamp: boolean): string | undefined {
  let members = ''
  for (const name in headers) {
    if (hasStamp && name === RECEIVED_HEADER) continue
    const member = `${asciiJson(name)}:${asciiJson(jsonValue(headers[name]))}`
    members = members === '' ? member : `${members},${member}`
  }
  return members === '' ? undefined : `{${members}}`
}

/** Text where the bytes are UTF-8, else `{"base64": …}`; a repeated header is an array. */
function jsonValue(value: HeaderValue): unknown {
  if (Array.isArray(value)) return value.map(jsonValue)
  if (value === undefined || typeof value === 'string') return value ?? null
  if (!Buffer.isBuffer(value)) return null
  return isUtf8(value) ? value.toString('utf8') : { base64: value.toString('base64') }
}

/** JSON with everything above ASCII escaped, so that headers fit a framed line. */
function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

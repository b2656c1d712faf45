import { basename } from 'node:path'
import type { ArchivePart } from '../sources/archive-parts.ts'
import { readArchiveBytes } from '../sources/archive-stream.ts'
import { lineFraming } from '../sources/line-framing.ts'
import { createLineSplitter } from '../sources/line-splitter.ts'
import type { TopicMessage } from './kafka-producer.ts'

const BATCH_MESSAGES = 1000

/**
 * The lines of a file as messages for a topic, in batches: payloads, receive times and headers as
 * the archive source frames them, keyed by symbol so that a symbol stays in one partition.
 * Throws corrupt-data for a damaged archive.
 */
export async function* readFileMessages(
  part: ArchivePart,
  format: string,
): AsyncGenerator<readonly TopicMessage[]> {
  const framing = lineFraming(format, part.entryName)
  const splitter = createLineSplitter({ startLine: 0, shownPath: part.shownPath })
  let batch: TopicMessage[] = []
  const messageOf = (line: Uint8Array): TopicMessage => {
    // A copy: the line is a view into a chunk that is used again.
    const { receivedUs, headers, payload } = framing(Buffer.from(line))
    return {
      key: symbolKey(format, payload, part.entryName),
      payload,
      receivedUs: receivedUs === '' ? undefined : BigInt(receivedUs),
      ...(headers === undefined ? {} : { headers: { entry: part.entryName } }),
    }
  }
  const chunks = readArchiveBytes(part, () => undefined)
  for await (const chunk of chunks) {
    for (const { bytes } of splitter.split(chunk)) {
      batch.push(messageOf(bytes))
      if (batch.length < BATCH_MESSAGES) continue
      yield batch
      batch = []
    }
  }
  for (const { bytes } of splitter.rest()) batch.push(messageOf(bytes))
  if (batch.length > 0) yield batch
}

/** Formats whose lines do not name their symbol, and where the file's name does. */
const symbolInName: Readonly<Record<string, RegExp>> = {
  'lean-trades': /^\d{8}_([^_]+)_/,
  'lean-quotes': /^\d{8}_([^_]+)_/,
  'bitfinex-klines': /^([^-_.]+)/,
  'binance-klines': /^([^-_.]+)/,
}

/** The symbol where it is easily seen; messages without one have no key. */
function symbolKey(format: string, payload: Uint8Array, entryName: string): Buffer | null {
  const named = symbolInName[format]
  if (named !== undefined) {
    const symbol = named.exec(basename(entryName))?.[1]
    return symbol === undefined ? null : Buffer.from(symbol)
  }
  const head = Buffer.from(payload).toString('latin1', 0, 300)
  const pattern = format === 'binance-frames' ? /"stream":"([^"@]+)@/ : /"symbol":"([^"]+)"/
  const symbol = pattern.exec(head)?.[1]
  return symbol === undefined ? null : Buffer.from(symbol, 'latin1')
}

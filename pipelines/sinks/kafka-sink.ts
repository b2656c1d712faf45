import { jsonText } from '../../tables/query/value-text.ts'
import type { KafkaConnection } from '../sources/kafka-client.ts'
import type { Logger } from '../sources/logger.ts'
import { openKafkaProducer, type KafkaProducer } from '../producers/kafka-producer.ts'
import type { Sink } from './sink.ts'

/** Headers of each message: the same three for a row that is delivered a second time. */
export const sinkHeaders = {
  /** Number of the cut. */
  cut: 'sluice-cut',
  /** Dotted name of the table. */
  table: 'sluice-table',
  /** Number of the row in the delivery, from 0. */
  row: 'sluice-row',
} as const

/** Columns of which the first one that a table has is its messages' key. */
const KEY_COLUMNS = ['instrument_id', 'source']

/**
 * A message a row: a JSON object of the table's columns, decimals as their exact text. The key is
 * the instrument, so that the rows of one stay in order.
 *
 * At least once: a consumer that remembers the newest `sluice-cut` and `sluice-row` of a partition
 * passes over what it has seen.
 */
export function createKafkaSink(options: {
  readonly connection: KafkaConnection
  readonly topic: string
  readonly logger: Logger
}): Sink {
  let opened: KafkaProducer | undefined
  const producer = async (): Promise<KafkaProducer> => {
    opened ??= await openKafkaProducer(options)
    return opened
  }
  const close = async (): Promise<void> => {
    const open = opened
    opened = undefined
    await open?.close()
  }
  return {
    deliver: async ({ session, query, cutNumber, table }) => {
      const { columns, blocks } = await session.stream(query)
      const names = columns.map(({ name }) => JSON.stringify(name))
      const keyIndex = KEY_COLUMNS.map((key) => columns.findIndex(({ name }) => name === key)).find(
        (index) => index >= 0,
      )
      let rowNumber = 0
      try {
        for await (const block of blocks) {
          const messages = block.map((row) => {
            const members = row.map((value, index) => `${names[index]}:${jsonText(value)}`)
            const key = keyIndex === undefined ? null : row[keyIndex]
            const headers = {
              [sinkHeaders.cut]: String(cutNumber),
              [sinkHeaders.table]: table,
              [sinkHeaders.row]: String(rowNumber++),
            }
            return {
              key: typeof key === 'string' ? Buffer.from(key) : null,
              payload: Buffer.from(`{${members.join(',')}}`),
              receivedUs: undefined,
              headers,
            }
          })
          await (await producer()).send(messages)
        }
      } catch (error) {
        // A producer that failed may be past helping: the next try begins with a new one.
        await close().catch(() => undefined)
        throw error
      }
    },
    close,
  }
}

import { jsonText } from '../../tables/query/value-text.ts'
import type { Sink } from './sink.ts'

/**
 * Rows as JSON, an object a line, with `cut` and `table` before the row's own columns.
 * @param write takes a piece of text, and waits where the reader is slow
 */
export function createConsoleSink(write: (text: string) => Promise<void>): Sink {
  return {
    deliver: async ({ session, query, cutNumber, table }) => {
      const { columns, blocks } = await session.stream(query)
      const names = columns.map(({ name }) => JSON.stringify(name))
      const start = `{"cut":${cutNumber},"table":${JSON.stringify(table)}`
      for await (const block of blocks) {
        const lines = block.map((row) => {
          const members = row.map((value, index) => `,${names[index]}:${jsonText(value)}`)
          return `${start}${members.join('')}}\n`
        })
        await write(lines.join(''))
      }
    },
    close: () => Promise.resolve(),
  }
}

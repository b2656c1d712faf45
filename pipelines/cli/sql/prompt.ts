import { on } from 'node:events'
import { createInterface, type Interface } from 'node:readline'
import type { PromptHistory } from './prompt-history.ts'
import { HISTORY_LINES_MAX } from './prompt-history.ts'
import { createStatementFeed, type FeedEntry } from './statement-feed.ts'

export interface PromptParts {
  readonly input: NodeJS.ReadableStream
  readonly output: NodeJS.WritableStream
  readonly history: PromptHistory
  /** What stands before the first line of a statement; asked for again after each. */
  readonly label: () => string
  /** Runs one; the signal aborts at Ctrl-C. Answers whether the prompt goes on. */
  readonly run: (entry: FeedEntry, signal: AbortSignal) => Promise<boolean>
  readonly showError: (error: unknown) => void
}

/**
 * Reads statements from a terminal and runs each when its semicolon comes. Ctrl-C stops the one
 * that runs, or throws away what was typed; Ctrl-D ends, and an error ends nothing.
 */
export async function runPrompt(parts: PromptParts): Promise<void> {
  const { input, output, history } = parts
  const feed = createStatementFeed()
  const lines = createInterface({
    ...{ input, output, terminal: true, history: [...history.lines] },
    ...{ historySize: HISTORY_LINES_MAX, removeHistoryDuplicates: true },
  })
  let running: AbortController | undefined
  let isClosed = false
  lines.on('close', () => {
    isClosed = true
  })
  const ask = (): void => {
    if (isClosed) return
    const label = parts.label()
    lines.setPrompt(`${feed.rest() === '' ? label : '...'.padStart(label.length)}> `)
    lines.prompt()
  }
  lines.on('SIGINT', () => {
    if (running !== undefined) {
      running.abort()
      return
    }
    feed.clear()
    eraseLine(lines)
    output.write('^C\n')
    ask()
  })
  ask()
  for await (const [line] of on(lines, 'line', { close: ['close'] }) as AsyncIterable<[string]>) {
    await history.add(line)
    for (const entry of feed.line(line)) {
      running = new AbortController()
      try {
        if (!(await parts.run(entry, running.signal))) {
          lines.close()
          return
        }
      } catch (error) {
        parts.showError(error)
      } finally {
        running = undefined
      }
    }
    ask()
  }
  output.write('\n')
}

/** As Ctrl-E and Ctrl-U do it. */
function eraseLine(lines: Interface): void {
  lines.write(null, { ctrl: true, name: 'e' })
  lines.write(null, { ctrl: true, name: 'u' })
}

import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Lines that are kept; the file is cut back to them when twice as many are in it. */
export const HISTORY_LINES_MAX = 1000

export interface PromptHistory {
  /** Newest first, as node:readline wants them. */
  readonly lines: readonly string[]
  add(line: string): Promise<void>
}

/**
 * The lines that were typed at earlier prompts, kept in a file that its owner alone can read: a
 * statement may hold what is nobody else's business. Two prompts at once both add to it. A file
 * that cannot be read or written is no reason to refuse a statement: there is no history then.
 */
export async function openPromptHistory(path: string | undefined): Promise<PromptHistory> {
  if (path === undefined) return { lines: [], add: () => Promise.resolve() }
  const text = await readFile(path, 'utf8').catch(() => '')
  const lines = text.split('\n').filter((line) => line !== '')
  const kept = lines.slice(-HISTORY_LINES_MAX)
  await mkdir(dirname(path), { recursive: true, mode: 0o700 }).catch(() => undefined)
  if (lines.length > 2 * HISTORY_LINES_MAX) {
    await writeFile(path, `${kept.join('\n')}\n`, { mode: 0o600 }).catch(() => undefined)
  }
  return {
    lines: kept.reverse(),
    add: async (line) => {
      if (line.trim() === '') return
      await appendFile(path, `${line}\n`, { mode: 0o600 }).catch(() => undefined)
    },
  }
}

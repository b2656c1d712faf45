import { once } from 'node:events'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openPromptHistory } from '../../../../pipelines/cli/sql/prompt-history.ts'
import { runPrompt } from '../../../../pipelines/cli/sql/prompt.ts'
import type { FeedEntry } from '../../../../pipelines/cli/sql/statement-feed.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-prompt-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

interface Typist {
  /** Sends keys once the prompt shows a text that it had not shown before. */
  typeAt(shown: string, keys: string): Promise<void>
  readonly ended: Promise<void>
  readonly errors: readonly unknown[]
  readonly entries: readonly FeedEntry[]
}

function openPrompt(
  run: (entry: FeedEntry, signal: AbortSignal) => Promise<boolean> = () => Promise.resolve(true),
  history: readonly string[] = [],
): Typist {
  const input = new PassThrough()
  const output = new PassThrough({ encoding: 'utf8' })
  let unseen = ''
  output.on('data', (text: string) => (unseen += text))
  const errors: unknown[] = []
  const entries: FeedEntry[] = []
  const ended = runPrompt({
    input,
    output,
    history: { lines: history, add: () => Promise.resolve() },
    label: () => 'sluice',
    run: (entry, signal) => {
      entries.push(entry)
      return run(entry, signal)
    },
    showError: (error) => errors.push(error),
  })
  return {
    ended,
    errors,
    entries,
    typeAt: async (shown, keys) => {
      while (!unseen.includes(shown)) await once(output, 'data')
      unseen = unseen.slice(unseen.indexOf(shown) + shown.length)
      input.write(keys)
    },
  }
}

const CTRL_C = '\u0003'
const CTRL_D = '\u0004'
const UP = '\u001b[A'

describe('a prompt', () => {
  it('runs a statement of several lines when its semicolon comes, and ends at Ctrl-D', async () => {
    const typist = openPrompt()
    await typist.typeAt('sluice> ', 'SELECT 1\r')
    await typist.typeAt('   ...> ', 'AS a;\r')
    await typist.typeAt('sluice> ', CTRL_D)
    await typist.ended
    expect(typist.entries).toEqual([{ kind: 'statement', sql: 'SELECT 1\nAS a' }])
  })

  it('goes on after an error, and ends where a command says so', async () => {
    const typist = openPrompt((entry) =>
      entry.kind === 'command' ? Promise.resolve(false) : Promise.reject(new Error('refused')),
    )
    await typist.typeAt('sluice> ', 'SELECT 1;\r')
    await typist.typeAt('sluice> ', '.quit\r')
    await typist.ended
    expect(typist.errors).toEqual([new Error('refused')])
  })

  it('tells the statement that runs of Ctrl-C, and asks again', async () => {
    let start = (): void => undefined
    const started = new Promise<void>((resolve) => (start = resolve))
    const typist = openPrompt(async (_, signal) => {
      start()
      await once(signal, 'abort')
      return true
    })
    await typist.typeAt('sluice> ', 'SELECT slow;\r')
    await started
    await typist.typeAt('slow;', CTRL_C)
    await typist.typeAt('sluice> ', CTRL_D)
    await typist.ended
    expect(typist.entries).toHaveLength(1)
  })

  it('throws away what was typed at Ctrl-C', async () => {
    const typist = openPrompt()
    await typist.typeAt('sluice> ', "SELECT '\r")
    await typist.typeAt('   ...> ', 'never run')
    await typist.typeAt('never run', CTRL_C)
    await typist.typeAt('sluice> ', 'SELECT 2;\r')
    await typist.typeAt('sluice> ', CTRL_D)
    await typist.ended
    expect(typist.entries).toEqual([{ kind: 'statement', sql: 'SELECT 2' }])
  })

  it('brings back the newest line of earlier prompts by the arrow up', async () => {
    const typist = openPrompt(undefined, ['SELECT newest;', 'SELECT older;'])
    await typist.typeAt('sluice> ', `${UP}\r`)
    await typist.typeAt('sluice> ', CTRL_D)
    await typist.ended
    expect(typist.entries).toEqual([{ kind: 'statement', sql: 'SELECT newest' }])
  })
})

describe("a prompt's history", () => {
  it('is kept over prompts in a file that its owner alone can read', async () => {
    const path = join(folder, 'state', 'sluice', 'sql-history')
    const first = await openPromptHistory(path)
    for (const line of ['SELECT 1;', '  ', 'SELECT 2;']) await first.add(line)
    expect((await openPromptHistory(path)).lines).toEqual(['SELECT 2;', 'SELECT 1;'])
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect((await stat(join(folder, 'state', 'sluice'))).mode & 0o777).toBe(0o700)
  })

  it('is cut back where it has grown long', async () => {
    const path = join(folder, 'sql-history')
    await writeFile(path, Array.from({ length: 2500 }, (_, index) => `${index}\n`).join(''))
    const { lines } = await openPromptHistory(path)
    expect([lines.length, lines[0], lines.at(-1)]).toEqual([1000, '2499', '1500'])
    expect((await readFile(path, 'utf8')).split('\n')).toHaveLength(1001)
  })

  it('is nothing, and no error, where its file cannot be written', async () => {
    await writeFile(join(folder, 'file'), '')
    const history = await openPromptHistory(join(folder, 'file', 'sql-history'))
    await history.add('SELECT 1;')
    expect(history.lines).toEqual([])
  })
})

import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { SluiceError } from '../../../tables/errors.ts'
import type { Lake } from '../../lake/lake.ts'
import { printNote, type CommandContext } from '../command-context.ts'
import { describeFailure } from '../report-failure.ts'
import { openPromptHistory } from './prompt-history.ts'
import { promptLabel, runPromptCommand, type PromptSettings } from './prompt-commands.ts'
import { runPrompt } from './prompt.ts'
import { createStatementFeed, type FeedEntry } from './statement-feed.ts'
import type { StatementRunner } from './statement-runner.ts'

/** A prompt on a terminal; else the statements of stdin, up to the first that fails. */
export async function readStatements(
  context: CommandContext,
  lake: Lake,
  run: StatementRunner,
  settings: PromptSettings,
): Promise<void> {
  const runEntry = async (entry: FeedEntry, signal?: AbortSignal): Promise<boolean> => {
    if (entry.kind === 'command') {
      return runPromptCommand(context, lake, settings, entry.words)
    }
    await run({ sql: entry.sql, ...settings, ...(signal === undefined ? {} : { signal }) })
    return true
  }
  const isTerminal = context.stdin.isTTY && context.stdout.isTTY
  await (isTerminal ? prompt(context, lake, runEntry, settings) : readLines(context, runEntry))
}

async function prompt(
  context: CommandContext,
  lake: Lake,
  runEntry: (entry: FeedEntry, signal: AbortSignal) => Promise<boolean>,
  settings: PromptSettings,
): Promise<void> {
  const { stateFolder } = context.environment
  const path = stateFolder === undefined ? undefined : join(stateFolder, 'sql-history')
  printNote(context, `${lake.directory ?? lake.location}; statements end with ; and .help helps`)
  await runPrompt({
    input: context.stdin,
    output: context.stdout,
    history: await openPromptHistory(path),
    label: () => promptLabel(settings),
    run: async (entry, signal) => {
      try {
        return await runEntry(entry, signal)
      } catch (error) {
        if (!signal.aborted) throw error
        printNote(context, 'cancelled')
        return true
      }
    },
    showError: (error) => {
      printNote(context, describeFailure(error))
    },
  })
}

async function readLines(
  context: CommandContext,
  runEntry: (entry: FeedEntry) => Promise<boolean>,
): Promise<void> {
  const feed = createStatementFeed()
  let entryCount = 0
  for await (const line of createInterface({ input: context.stdin })) {
    for (const entry of feed.line(line)) {
      entryCount += 1
      if (!(await runEntry(entry))) return
    }
  }
  // The last one needs no semicolon: nothing comes after it.
  const sql = feed.rest()
  if (sql !== '') {
    await runEntry({ kind: 'statement', sql })
  } else if (entryCount === 0) {
    throw new SluiceError(
      'invalid-input',
      'There is no statement: stdin is empty. Nothing was run. Give one as an argument or on ' +
        'stdin, or call sluice sql on a terminal.',
    )
  }
}

import { SluiceError } from '../../../tables/errors.ts'
import { parseTimeText } from '../../../tables/spec/time-text.ts'
import type { Lake } from '../../lake/lake.ts'
import { printLine, printNote, type CommandContext } from '../command-context.ts'
import { drawNewestCuts } from '../commands/cuts.ts'
import { drawTables } from '../commands/tables.ts'
import { isBinary, sqlFormats, type SqlFormat } from './sql-format.ts'
import type { StatementRequest } from './statement-runner.ts'

/** What commands change for the statements after them. */
export interface PromptSettings {
  time: StatementRequest['time']
  format: SqlFormat
}

const DEFAULT_CUT_COUNT = 10
const CUT_COUNT_MAX = 10_000

const HELP = `A statement ends with a semicolon and may take several lines.
  .tables          tables and views: rows, files, size, last cut
  .cuts [N]        the newest cuts (default ${DEFAULT_CUT_COUNT})
  .cut N           read every table as it was at cut N
  .as-of TIME      read every table as of the last cut at or before a time, UTC
  .newest          read the newest cut again
  .format FORM     how rows are written: ${sqlFormats.filter((each) => !isBinary(each)).join(', ')}
  .quit            end, as Ctrl-D does
Ctrl-C stops the statement that runs, or throws away the one that is typed.`

/**
 * Runs a command of the prompt. Answers whether the prompt goes on.
 * @throws SluiceError `invalid-input` for what is no command.
 */
export async function runPromptCommand(
  context: CommandContext,
  lake: Lake,
  settings: PromptSettings,
  [name = '', ...words]: readonly string[],
): Promise<boolean> {
  const text = words.join(' ')
  switch (name) {
    case '.help':
      printLine(context, HELP)
      return true
    case '.tables':
      for (const line of await drawTables(lake)) printLine(context, line)
      return true
    case '.cuts': {
      const count = text === '' ? DEFAULT_CUT_COUNT : wholeNumber(name, text, CUT_COUNT_MAX)
      for (const line of await drawNewestCuts(lake, count)) printLine(context, line)
      return true
    }
    case '.cut':
      settings.time = { cut: wholeNumber(name, text, Number.MAX_SAFE_INTEGER) }
      return true
    case '.as-of':
      parseTimeText(text)
      settings.time = { asOf: text }
      return true
    case '.newest':
      settings.time = {}
      return true
    case '.format':
      settings.format = textFormat(text)
      printNote(context, `rows are written as ${settings.format}`)
      return true
    case '.quit':
    case '.exit':
      return false
    default:
      throw new SluiceError(
        'invalid-input',
        `${name} is no command of the prompt. Nothing was run. .help names them.`,
      )
  }
}

/** What stands in front of the prompt: a past state must not be taken for the newest. */
export function promptLabel({ time }: PromptSettings): string {
  if (time.cut !== undefined) return `sluice (cut ${time.cut})`
  return time.asOf === undefined ? 'sluice' : `sluice (as of ${String(time.asOf)})`
}

function wholeNumber(command: string, text: string, max: number): number {
  const number = /^\d+$/.test(text) ? Number(text) : 0
  if (number >= 1 && number <= max) return number
  throw new SluiceError(
    'invalid-input',
    `${command} takes a whole number of at least 1, not "${text}". Nothing was changed.`,
  )
}

function textFormat(text: string): SqlFormat {
  const format = sqlFormats.find((each) => each === text && !isBinary(each))
  if (format !== undefined) return format
  throw new SluiceError(
    'invalid-input',
    `"${text}" is no format of the prompt. Nothing was changed. Take one of ` +
      `${sqlFormats.filter((each) => !isBinary(each)).join(', ')}; ` +
      'sluice sql --output FILE "…" writes arrow and parquet.',
  )
}

import { Option, type Command } from 'commander'
import { SluiceError } from '../../../tables/errors.ts'
import type { Lake } from '../../lake/lake.ts'
import { printNote, type CommandContext } from '../command-context.ts'
import { addLakeOptions, withLake, type LakeOptions } from '../lake-options.ts'
import { countFrom } from '../parse-count.ts'
import { exitCodes } from '../report-failure.ts'
import { readStatements } from '../sql/read-statements.ts'
import { chooseFormat, isBinary, sqlFormats, type SqlFormat } from '../sql/sql-format.ts'
import {
  createStatementRunner,
  type StatementRequest,
  type StatementRunner,
} from '../sql/statement-runner.ts'
import { addTrinoOptions, trinoAddressOf, type TrinoOptions } from '../trino-options.ts'

interface SqlOptions extends LakeOptions, TrinoOptions {
  readonly cut?: number
  readonly asOf?: string
  readonly format?: SqlFormat
  readonly output?: string
}

const examples = `
examples:
  sluice sql                                    opens a prompt
  sluice sql "SHOW TABLES"
  sluice sql "FROM gold.bars WHERE step = '1m' ORDER BY open_ts DESC LIMIT 5"
  sluice sql --cut 120 "SELECT count(*) FROM silver.trades"
  sluice sql "SELECT count(*) FROM silver.trades t AT (TIMESTAMP => '2026-11-20 12:00:00')"
  sluice sql --output bars.parquet "FROM gold.bars"
  sluice sql --format arrow "FROM gold.bars" | python3 -c "import sys, pyarrow as pa; ..."
  sluice sql < statements.sql
  sluice sql --engine trino --cut 120 "SELECT count(*) FROM silver.trades"`

export function addSqlCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('sql')
    .description('SQL that reads, over every table at one cut; a prompt without a statement')
    .argument(
      '[statement]',
      "the statement, or '-' to read one from stdin; without it a prompt on a terminal, else " +
        'stdin statement by statement',
    )
    .addOption(
      new Option('--cut <n>', 'every table as it was at this cut')
        .argParser(countFrom(1))
        .conflicts('asOf'),
    )
    .option('--as-of <time>', 'every table as of the last cut at or before a time, UTC')
    .addOption(
      new Option(
        '--format <form>',
        "how rows are written (default: what --output's name ends with, else table; json with " +
          '--json)',
      ).choices(sqlFormats),
    )
    .option('--output <file>', 'a file for the rows, written as a whole or not at all')
    .addHelpText('after', examples)
  addTrinoOptions(command, context)
  addLakeOptions(command, context).action(
    async (statement: string | undefined, options: SqlOptions) => {
      if (statement === undefined) refuseFileOfMany(options)
      const sql = statement === '-' ? await context.readStdin() : statement
      await withLake(context, options.lake, (lake) => runSql(context, lake, sql, options))
    },
  )
}

function refuseFileOfMany(options: SqlOptions): void {
  const { output } = options
  if (output === undefined && !isBinary(chooseFormat(options))) return
  throw new SluiceError(
    'invalid-input',
    '--output, and arrow and parquet, hold the rows of one statement, and none is given. Nothing ' +
      "was run. Give it as the argument, or '-' and the statement on stdin.",
  )
}

async function runSql(
  context: CommandContext,
  lake: Lake,
  sql: string | undefined,
  options: SqlOptions,
): Promise<void> {
  const { cut, asOf } = options
  const run = createStatementRunner(context, lake, await trinoAddressOf(context, options))
  const settings = {
    time: { ...(cut === undefined ? {} : { cut }), ...(asOf === undefined ? {} : { asOf }) },
    format: chooseFormat(options),
  }
  if (sql === undefined) {
    await readStatements(context, lake, run, settings)
  } else if (options.output === undefined) {
    await run({ sql, ...settings })
  } else {
    await runIntoFile(context, run, { sql, ...settings, output: options.output })
  }
}

/** Ctrl-C takes away what was written so far, too. */
async function runIntoFile(
  context: CommandContext,
  run: StatementRunner,
  request: StatementRequest & { readonly output: string },
): Promise<void> {
  const signal = context.stopSignal()
  try {
    await run({ ...request, signal })
  } catch (error) {
    if (!signal.aborted) throw error
    printNote(context, `cancelled; ${request.output} is as it was`)
    context.setExitCode(exitCodes.interrupted)
  }
}

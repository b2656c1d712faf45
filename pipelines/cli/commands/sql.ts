import { join } from 'node:path'
import { Option, type Command } from 'commander'
import { createEngine } from '../../../tables/engine/engine.ts'
import {
  formatResult,
  resultFormats,
  type ResultFormat,
} from '../../../tables/query/format-result.ts'
import type { LakeQueryOptions } from '../../../tables/query/choose-cut.ts'
import { createLakeQuery, type LakeQueryResult } from '../../../tables/query/lake-query.ts'
import { tableId } from '../../../tables/spec/table-identifier.ts'
import { lakeDirectories } from '../../lake/lake-directories.ts'
import type { Lake } from '../../lake/lake.ts'
import { printNote, type CommandContext } from '../command-context.ts'
import { formatIso } from '../format-units.ts'
import { addLakeOptions, withLake, type LakeOptions } from '../lake-options.ts'
import { countFrom } from '../parse-count.ts'
import { queryByTrino } from '../query-by-trino.ts'
import { addTrinoOptions, trinoAddressOf, type TrinoOptions } from '../trino-options.ts'
import { writeText } from '../write-text.ts'

interface SqlOptions extends LakeOptions, TrinoOptions {
  readonly cut?: number
  readonly asOf?: string
  readonly format?: ResultFormat
}

const examples = `
examples:
  sluice sql "SHOW TABLES"
  sluice sql "FROM gold.bars WHERE step = '1m' ORDER BY open_ts DESC LIMIT 5"
  sluice sql --cut 120 "SELECT count(*) FROM silver.trades"
  sluice sql "SELECT count(*) FROM silver.trades t AT (TIMESTAMP => '2026-11-20 12:00:00')"
  sluice sql --engine trino --cut 120 "SELECT count(*) FROM silver.trades"`

export function addSqlCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('sql')
    .description('one SQL statement that reads, over every table at one cut')
    .argument('<statement>', "the statement, or '-' to read it from stdin")
    .addOption(
      new Option('--cut <n>', 'every table as it was at this cut')
        .argParser(countFrom(1))
        .conflicts('asOf'),
    )
    .option('--as-of <time>', 'every table as of the last cut at or before a time, UTC')
    .addOption(
      new Option(
        '--format <form>',
        'how rows are written (default: table; json with --json)',
      ).choices(resultFormats),
    )
    .addHelpText('after', examples)
  addTrinoOptions(command, context)
  addLakeOptions(command, context).action(async (statement: string, options: SqlOptions) => {
    const sql = statement === '-' ? await context.readStdin() : statement
    await withLake(context, options.lake, (lake) => runSql(context, lake, sql, options))
  })
}

async function runSql(
  context: CommandContext,
  lake: Lake,
  sql: string,
  options: SqlOptions,
): Promise<void> {
  const trino = await trinoAddressOf(context, options)
  const show = async (result: LakeQueryResult): Promise<void> => {
    noteCut(context, result, options)
    const format = options.format ?? (options.json ? 'json' : 'table')
    // Nothing outside this process runs on for a statement of DuckDB: it may end at once.
    const readerGone = trino === undefined ? new AbortController().signal : context.readerGone()
    await writeText(context.stdout, formatResult(result, format), readerGone)
  }
  if (trino !== undefined) {
    await queryByTrino(context, { lake, trino, sql, options: timeOf(options) }, show)
    return
  }
  const scratchDir = join(lake.scratchDir, 'sql')
  const allowedDirectories = await lakeDirectories(lake)
  const engine = await createEngine({ scratchDir, allowedDirectories })
  try {
    const { catalog, fileIO, manifestCache } = lake
    const cutsTable = tableId('sluice.cuts')
    const query = createLakeQuery({ catalog, fileIO, engine, cutsTable, manifestCache })
    await show(await query.query(sql, timeOf(options)))
  } finally {
    await engine.close()
  }
}

function timeOf({ cut, asOf }: SqlOptions): LakeQueryOptions {
  return { ...(cut === undefined ? {} : { cut }), ...(asOf === undefined ? {} : { asOf }) }
}

/** Which cut was really read: a time falls between two cuts, and old cuts are thinned out. */
function noteCut(context: CommandContext, result: LakeQueryResult, options: SqlOptions): void {
  if (options.cut === undefined && options.asOf === undefined) return
  if (result.cut === undefined || result.cutCommittedUs === undefined) return
  printNote(context, `cut ${result.cut} of ${formatIso(result.cutCommittedUs)}`)
}

import { hostname } from 'node:os'
import { Option, type Command } from 'commander'
import { backfill, type BackfillOptions, type TrinoBackfill } from '../../backfill/backfill.ts'
import { noTakeOverByTrino } from '../../backfill/check-input.ts'
import { SluiceError } from '../../../tables/errors.ts'
import { mappedFiles } from '../../../shared-transforms/formats/mapping.ts'
import { loadFilesConfig, type FilesConfig } from '../../config/load-config.ts'
import { createFaultHooks } from '../../loop/fault-hooks.ts'
import { createRunStatistics } from '../../loop/run-statistics.ts'
import { parseDay, requireDays } from '../../lake/utc-days.ts'
import { readLakeHolder } from '../../lake/lake-lock.ts'
import { withWritableLake } from '../../lake/with-writable-lake.ts'
import type { ColumnMapping } from '../../sources/column-mapping.ts'
import { isWhole, type FileRange } from '../../sources/file-range.ts'
import type { NamedMarket } from '../../sources/line-framing.ts'
import { printJson, printLine, printNote, type CommandContext } from '../command-context.ts'
import { drawBackfillResult } from '../draw-backfill-result.ts'
import { createBackfillProgress } from '../backfill-progress.ts'
import { showBackfillPlan, type WantedInput } from '../show-backfill-plan.ts'
import { formatCount } from '../format-units.ts'
import { addLakeOptions, configuredLake, type LakeOptions } from '../lake-options.ts'
import { countFrom } from '../parse-count.ts'
import { exitCodes } from '../report-failure.ts'
import { addTrinoOptions, trinoAddressOf, type TrinoOptions } from '../trino-options.ts'

interface BackfillCommandOptions extends LakeOptions, TrinoOptions {
  readonly format: string
  readonly mapping?: string
  readonly config?: string
  readonly cutRows?: number
  readonly from?: bigint
  readonly to?: bigint
  readonly dryRun: boolean
  readonly takeOver: boolean
  readonly venue?: string
  readonly symbol?: string
}

const notes = `
csv, ndjson and parquet are read by a mapping, which says which column of the file is which column
of silver. It stands below \`mappings\` in the config; examples/files.yaml shows what it can say.

Files of klines do not say their symbol: it is read off names such as BTCUSD-1m-2016.csv.gz, or told
by --symbol. Their venue is bitfinex or binance; for Binance's futures tell another by --venue, as
symbols have the same names there.

With --engine trino this process only reads and frames the files; a Trino derives the rows, on all
of its nodes, for histories that one machine is too small for. It must see the lake's catalog:
keep \`sluice catalog\` running for this lake, and read it by Trino. Rows and receipts are equal.

Beside a running \`sluice live\` only closed days are taken: the watermark is behind their end. Give
live's own --config there, so that as many versions of the tables are kept as it says.

--from and --to take only messages whose event time is of these days, the last one not included;
either may be left out. The rest of the files stays for later runs: what was taken is not taken
again. Messages without an event time that can be read belong to a run without --from. Not with
--engine trino.

Rows without ids cannot be told apart: where they overlap, in event time, what another source gave
for a day of a symbol, or another file of the same run, the run is refused. With --take-over they
replace the other source's rows of the whole day, in one cut; bronze keeps its messages, and what it
sends later for that day does not count either. That source taken over again with --take-over
counts again. Where the files have several cuts, they count once the last one is there. --dry-run
says which rows would be replaced. Not with --engine trino.

--dry-run reads the input too, and says what is in it, what the lake holds of the same days, and
whether the run would be refused. It may go on beside anything, and changes nothing.`

export function addBackfillCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('backfill')
    .description('files of history into the lake; the same files again change nothing')
    .argument('<files...>', 'files, plain, .gz or .zip; folders, patterns; - is stdin')
    .addOption(
      new Option(
        '--format <format>',
        `how the bytes are written: ${formatNames(context)}`,
      ).makeOptionMandatory(),
    )
    .option('--config <file>', 'lake, instruments and rules of a config; its topics are not read')
    .option('--mapping <name>', 'which column is what, of csv, ndjson, parquet: see --config')
    .option(
      '--cut-rows <n>',
      'with --engine trino: messages of one cut, about (default: 20000000)',
      countFrom(1),
    )
    .option('--from <day>', 'only messages of this UTC day and later, as in 2026-11-20', parseDay)
    .option(
      '--to <day>',
      'only messages before this UTC day: the day behind the last one',
      parseDay,
    )
    .option(
      '--take-over',
      'replace what other sources gave for the same time of a day, where rows have no ids',
      false,
    )
    .option('--dry-run', 'only says what would be done', false)
    .option('--symbol <name>', 'of klines: the symbol, where the names of the files do not say it')
    .option('--venue <name>', 'of klines: the venue (default: by the format)')
    .addHelpText('after', notes)
  addTrinoOptions(command, context)
  addLakeOptions(command, context).action(
    async (files: readonly string[], options: BackfillCommandOptions) => {
      const config =
        options.config === undefined
          ? undefined
          : await loadFilesConfig(options.config, context.model.current)
      context.model.current = config?.model ?? context.model.current
      requireFormat(context, options.format)
      const directory =
        config === undefined
          ? options.lake
          : configuredLake(command, context, options, config.lakeDirectory)
      const input = {
        ...{ format: options.format, market: marketOf(options), files },
        range: rangeOf(options),
        takesOver: takesOver(options),
        ...mappingOf(options, config),
        ...(context.stdin.isTTY ? {} : { standardInput: context.stdin }),
      }
      const wanted = { ...options, lake: directory }
      if (options.dryRun) await showBackfillPlan(context, wanted, input)
      else await runBackfill(context, wanted, input, config)
    },
  )
}

/** @throws SluiceError `invalid-input` for a range without a day, and for one that Trino is to take. */
function rangeOf({ from, to, engine }: BackfillCommandOptions): FileRange {
  const range = { fromDay: from, toDay: to }
  if (from !== undefined && to !== undefined) requireDays({ fromDay: from, toDay: to })
  if (engine !== 'trino' || isWhole(range)) return range
  throw new SluiceError(
    'invalid-input',
    '--from and --to do not go with --engine trino, which takes files whole. Nothing was read. ' +
      'Leave one or the other out.',
  )
}

/** @throws SluiceError `unsupported` where Trino is to do it. */
function takesOver({ takeOver, engine }: BackfillCommandOptions): boolean {
  if (takeOver && engine === 'trino') throw noTakeOverByTrino()
  return takeOver
}

async function runBackfill(
  context: CommandContext,
  options: BackfillCommandOptions,
  input: WantedInput,
  config: FilesConfig | undefined,
): Promise<void> {
  const { clock, ids, environment } = context
  const byTrino = await trinoBackfillOf(context, options)
  const statistics = createRunStatistics(clock.nowUs())
  const progress = createBackfillProgress(context)
  const signal = context.stopSignal()
  // Trino's cuts hang on what it read of the lake for minutes: a stream would win every race.
  const isBeside =
    byTrino === undefined && (await readLakeHolder(options.lake, 'stream')) !== undefined
  const result = await withWritableLake(
    {
      ...{ directory: options.lake, purpose: 'sluice backfill', clock, ids },
      ...(isBeside ? { roles: ['range'] } : {}),
      formatVersion: config?.tableFormatVersion,
      catalog: config?.lakeCatalog,
      model: context.model.current,
      secrets: environment.secrets,
      engine: environment.engine,
      stores: config?.stores,
    },
    async ({ lake }) => {
      try {
        return await backfill(
          {
            lake,
            ...input,
            isBeside,
            writer: `backfill@${hostname()}:${process.pid}`,
            ...rulesOf(config),
            ...(byTrino === undefined
              ? {}
              : { byTrino: { ...byTrino, onStatement: progress.showStatement } }),
            ...(environment.fault === undefined
              ? {}
              : { hooks: createFaultHooks(environment.fault, (line) => printNote(context, line)) }),
            onProgress: progress.show,
            onCut: statistics.add,
          },
          signal,
        )
      } finally {
        progress.end()
      }
    },
  )
  const { freshness: _, ...totals } = statistics.totals()
  const isAllRejected = totals.messageCount > 0 && totals.rejectedCount === totals.messageCount
  if (!result.isComplete || isAllRejected) context.setExitCode(exitCodes.failed)
  if (options.json) printJson(context, { ...result, ...totals })
  else for (const line of drawBackfillResult(result, totals)) printLine(context, line)
  if (isAllRejected) printNote(context, `Not one message is ${options.format}: ${WHY_REJECTED}`)
  else if (totals.rejectedCount > 0) printNote(context, WHY_REJECTED)
  if (result.replacedCount > 0) {
    const days = result.replacedCount === 1 ? 'day of a symbol' : 'days of symbols'
    printNote(
      context,
      `On ${formatCount(result.replacedCount)} ${days} these files do not count: a run with ` +
        '--take-over was stopped, or another source took over since. With --take-over they count.',
    )
  }
  if (!result.isComplete) {
    printNote(context, 'Stopped before the end. The same command goes on from there.')
  }
}

function formatNames({ model }: CommandContext): string {
  return [...model.current.formats.keys(), ...mappedFiles].join(', ')
}

/** @throws SluiceError `invalid-input` for a format that neither Sluice nor an extension has. */
function requireFormat(context: CommandContext, format: string): void {
  const isMapped = mappedFiles.some((file) => file === format)
  if (isMapped || context.model.current.formats.has(format)) return
  throw new SluiceError(
    'invalid-input',
    `There is no format "${format}". Nothing was read. Formats: ${formatNames(context)}. A format ` +
      'of your own comes with its extension: --extension FILE.',
  )
}

/** What a config says of how messages are taken in, and of what is kept. */
function rulesOf(config: FilesConfig | undefined): Partial<BackfillOptions> {
  if (config === undefined) return {}
  const { allowedLatenessMs, dedupeMemoryRows, instruments, retention, maxQueryDurationMs } = config
  return { allowedLatenessMs, dedupeMemoryRows, instruments, retention, maxQueryDurationMs }
}

/** @throws SluiceError `invalid-input` where the format's own lines say venue and symbol. */
function marketOf({ format, venue, symbol }: BackfillCommandOptions): NamedMarket {
  const market = {
    ...(venue === undefined ? {} : { venue }),
    ...(symbol === undefined ? {} : { symbol }),
  }
  if (Object.keys(market).length === 0 || format.endsWith('-klines')) return market
  throw new SluiceError(
    'invalid-input',
    `--venue and --symbol are for klines: ${format} says them itself. Nothing was read. Leave ` +
      'them out.',
  )
}

/** @throws SluiceError `invalid-input` where the format needs another one, or none. */
function mappingOf(
  { format, mapping: name }: BackfillCommandOptions,
  config: FilesConfig | undefined,
): { readonly mapping?: ColumnMapping } {
  const isMapped = mappedFiles.some((file) => file === format)
  if (name === undefined && !isMapped) return {}
  const mappings = config?.mappings ?? {}
  const names = Object.keys(mappings)
  const known = names.length === 0 ? 'The config has none' : `The config has ${names.join(', ')}`
  const mapping = name === undefined || !Object.hasOwn(mappings, name) ? undefined : mappings[name]
  const refused = (what: string) => new SluiceError('invalid-input', `${what} Nothing was read.`)
  if (!isMapped) throw refused(`--mapping goes with ${mappedFiles.join(', ')}, not with ${format}.`)
  if (config === undefined) throw refused(`${format} needs --config, and --mapping of one in it.`)
  if (name === undefined) throw refused(`${format} needs --mapping <name>. ${known}.`)
  if (mapping === undefined) throw refused(`There is no mapping "${name}". ${known}.`)
  const isCsvOnly = mapping.delimiter !== undefined || mapping.hasHeader !== undefined
  if (format !== 'csv' && isCsvOnly) {
    throw refused(`The mapping ${name} has a delimiter or header, and ${format} has none.`)
  }
  return { mapping }
}

/** @throws SluiceError `invalid-input` for options that do not go together. */
async function trinoBackfillOf(
  context: CommandContext,
  options: BackfillCommandOptions,
): Promise<TrinoBackfill | undefined> {
  const { cutRows } = options
  const trino = await trinoAddressOf(context, options)
  if (trino !== undefined) return { trino, ...(cutRows === undefined ? {} : { cutRows }) }
  if (cutRows === undefined) return undefined
  throw new SluiceError(
    'invalid-input',
    '--cut-rows goes with --engine trino. Nothing was read. Add it, or leave --cut-rows out.',
  )
}

const WHY_REJECTED =
  'silver.rejected_messages holds each rejected message with its reason and detail.'

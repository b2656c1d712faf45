import { hostname } from 'node:os'
import { Option, type Command } from 'commander'
import { loadConfig } from '../../config/load-config.ts'
import { takeCommitTurn } from '../../lake/commit-turn.ts'
import { withWritableLake } from '../../lake/with-writable-lake.ts'
import { createFaultHooks } from '../../loop/fault-hooks.ts'
import { checkReplay, type CheckedDay } from '../../replay/check-range.ts'
import { planReplay, replay, type ReplayPlan, type ReplayResult } from '../../replay/replay.ts'
import type { ReplayedChunk } from '../../replay/replay-chunk.ts'
import { replayLayers, type ReplayLayers, type ReplayOptions } from '../../replay/replay-options.ts'
import { dayText, parseDayRange, type DayRange } from '../../lake/utc-days.ts'
import { printJson, printLine, printNote, type CommandContext } from '../command-context.ts'
import { formatCount } from '../format-units.ts'
import { addLakeOptions, configuredLake, type LakeOptions } from '../lake-options.ts'
import { countFrom } from '../parse-count.ts'
import { exitCodes } from '../report-failure.ts'
import { drawTextTable } from '../text-table.ts'

interface ReplayCommandOptions extends LakeOptions {
  readonly from: string
  readonly to: string
  readonly layers: ReplayLayers
  readonly config?: string
  readonly chunkDays?: number
  readonly check: boolean
  readonly dryRun: boolean
}

const notes = `
Derives whole UTC days again from bronze by the steps of this version and replaces what differs, one
cut a chunk of days: readers see a day as it was or as it is, nothing between. Live may go on beside
it. Stopped at any point it is started again the same way: what is right already is left alone.

A day can be replaced once the watermark is behind its end; \`sluice seal\` closes days of a stream
that rests. Instrument ids are those of --config, or without it those that silver has.

examples:
  sluice replay --from 2026-11-01 --to 2026-11-08 --check
  sluice replay --from 2026-11-01 --to 2026-11-08 --config sluice.yaml
  sluice replay --from 2026-11-01 --to 2026-11-02 --layers gold`

export function addReplayCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('replay')
    .description('derives days again from bronze, and replaces what comes out otherwise')
    .requiredOption('--from <day>', 'the first UTC day, as in 2026-11-20')
    .requiredOption('--to <day>', 'the day behind the last one')
    .addOption(
      new Option('--layers <layers>', 'gold: from silver as it is')
        .choices(replayLayers)
        .default('silver,gold'),
    )
    .option('--config <file>', "lake and instruments of live's config")
    .option('--chunk-days <n>', 'days of one cut (default: what fits in memory)', countFrom(1))
    .option('--check', 'only says which days would change; exit code 1 if any does', false)
    .option('--dry-run', 'only says what would be read, and in how many cuts', false)
    .addHelpText('after', notes)
  addLakeOptions(command, context).action(async (options: ReplayCommandOptions) => {
    const range = parseDayRange(options.from, options.to)
    await runReplay(context, command, options, range)
  })
}

async function runReplay(
  context: CommandContext,
  command: Command,
  options: ReplayCommandOptions,
  range: DayRange,
): Promise<void> {
  const { clock, ids, environment } = context
  const config =
    options.config === undefined
      ? undefined
      : await loadConfig(options.config, context.model.current)
  const directory =
    config === undefined
      ? options.lake
      : configuredLake(command, context, options, config.lakeDirectory)
  const signal = context.stopSignal()
  const { fault } = environment
  await withWritableLake(
    {
      ...{ directory, purpose: 'sluice replay', clock, ids },
      catalog: config?.lakeCatalog,
      model: config?.model ?? context.model.current,
      secrets: environment.secrets,
      engine: environment.engine,
      stores: config?.stores,
      createIfMissing: false,
      roles: ['range'],
    },
    async ({ lake }) => {
      const wanted: ReplayOptions = {
        ...{ lake, range, layers: options.layers },
        writer: `replay@${hostname()}:${process.pid}`,
        takeTurn: () =>
          takeCommitTurn({ by: 'range', directory, purpose: 'sluice replay', clock, ids }),
        ...(options.chunkDays === undefined ? {} : { chunkDays: options.chunkDays }),
        ...(config === undefined
          ? {}
          : {
              instruments: config.instruments,
              retention: config.retention,
              maxQueryDurationMs: config.maxQueryDurationMs,
            }),
        ...(fault === undefined
          ? {}
          : { hooks: createFaultHooks(fault, (line) => printNote(context, line)) }),
      }
      if (options.dryRun) return showPlan(context, options, wanted)
      if (options.check) {
        return showCheck(context, options, await checkReplay(wanted, signal))
      }
      const onChunk = (chunk: ReplayedChunk) => printNote(context, chunkText(chunk))
      showResult(context, options, await replay(wanted, signal, onChunk))
    },
  )
}

async function showPlan(
  context: CommandContext,
  { json }: ReplayCommandOptions,
  options: ReplayOptions,
): Promise<void> {
  const session = await options.lake.engine.connect()
  let plan: ReplayPlan
  try {
    plan = await planReplay(options, session)
  } finally {
    session.close()
  }
  const chunks = plan.chunks.map(rangeJson)
  if (json) return printJson(context, { ...plan, chunks })
  const cuts = chunks.length === 1 ? 'one cut' : `${formatCount(chunks.length)} cuts`
  printLine(
    context,
    `${chunks[0]?.from} to ${chunks.at(-1)?.to}, in ${cuts} at most: files of bronze with ` +
      `${formatCount(plan.messageCount)} messages would be read`,
  )
  printLine(context, 'nothing was changed; --check says which days would change')
}

function showCheck(
  context: CommandContext,
  { json }: ReplayCommandOptions,
  days: readonly CheckedDay[],
): void {
  const differing = days.filter(({ isSame }) => !isSame)
  if (differing.length > 0) context.setExitCode(exitCodes.failed)
  if (json) return printJson(context, { isSame: differing.length === 0, days })
  const left = ['table', 'day', 'hash before', 'hash after'] as const
  const lines = drawTextTable(
    ['table', 'day', 'rows before', 'rows after', 'hash before', 'hash after', ''].map((title) => {
      return { title, align: left.some((one) => one === title) ? 'left' : 'right' } as const
    }),
    days.map((day) => [
      ...[day.table, day.day, formatCount(day.rowsBefore), formatCount(day.rowsAfter)],
      ...[day.hashBefore ?? '-', day.hashAfter ?? '-', day.isSame ? 'same' : 'differs'],
    ]),
  )
  for (const line of lines) printLine(context, line)
  printLine(
    context,
    differing.length === 0
      ? 'every day is as these steps give it'
      : `${formatCount(differing.length)} of ${formatCount(days.length)} days of tables would ` +
          'change; nothing was changed',
  )
}

function showResult(
  context: CommandContext,
  { json }: ReplayCommandOptions,
  { chunks, isComplete }: ReplayResult,
): void {
  if (!isComplete) context.setExitCode(exitCodes.failed)
  if (json) {
    const told = chunks.map(({ range, committed, replacedDays, ...chunk }) => ({
      ...rangeJson(range),
      cutNumber: committed?.cutNumber ?? null,
      ...chunk,
      replacedDays: replacedDays.map(dayText),
    }))
    printJson(context, { isComplete, chunks: told })
  } else {
    const cuts = chunks.filter(({ committed }) => committed !== undefined)
    const numbers = cuts.map(({ committed }) => committed?.cutNumber).join(', ')
    printLine(
      context,
      cuts.length === 0
        ? 'nothing differs: no cut was made'
        : `${cuts.some(({ tables }) => tables.length > 0) ? 'replaced' : 'nothing differs: said'} ` +
            `in ${cuts.length === 1 ? 'cut' : 'cuts'} ${numbers}`,
    )
  }
  if (!isComplete) {
    printNote(context, 'Stopped before the end. The same command goes on from there.')
  }
}

function chunkText({ range, messageCount, committed, tables }: ReplayedChunk): string {
  const { from, to } = rangeJson(range)
  const what =
    committed === undefined
      ? 'nothing differs'
      : `cut ${committed.cutNumber} ` +
        (tables.length === 0
          ? 'says that these steps give what is there'
          : `changes ${tables.join(', ')}`)
  return `${from} to ${to}: ${formatCount(messageCount)} messages read, ${what}`
}

function rangeJson({ fromDay, toDay }: DayRange) {
  return { from: dayText(fromDay), to: dayText(toDay) }
}

import { hostname } from 'node:os'
import { Option, type Command } from 'commander'
import { rejectReasons, type RejectReason } from '../../../shared-transforms/reject-reason.ts'
import { SluiceError } from '../../../tables/errors.ts'
import { loadConfig, type Config } from '../../config/load-config.ts'
import { takeCommitTurn } from '../../lake/commit-turn.ts'
import { withWritableLake } from '../../lake/with-writable-lake.ts'
import { createFaultHooks } from '../../loop/fault-hooks.ts'
import {
  planRejects,
  replayRejects,
  type RejectsPlan,
  type RejectsReplayOptions,
  type ReplayedRejects,
} from '../../replay/replay-rejects.ts'
import { dayText, parseDayRange, type DayRange } from '../../lake/utc-days.ts'
import { printJson, printLine, printNote, type CommandContext } from '../command-context.ts'
import { formatCount } from '../format-units.ts'
import { addLakeOptions, configuredLake, type LakeOptions } from '../lake-options.ts'
import { exitCodes } from '../report-failure.ts'
import { drawTextTable } from '../text-table.ts'

interface RejectsReplayCommandOptions extends LakeOptions {
  readonly reason?: RejectReason
  readonly source?: string
  readonly format?: string
  readonly from?: string
  readonly to?: string
  readonly config?: string
  readonly dryRun: boolean
}

const notes = `
Decodes refused messages again by the steps of this version. The days on which one of them decodes
now are derived again whole, as \`sluice replay\` does it: it reaches silver and gold and leaves
silver.rejected_messages in one cut. What still fails stays. Days that are still open come later.`

export function addRejectsReplayCommand(rejects: Command, context: CommandContext): void {
  const command = rejects
    .command('replay')
    .description('tries refused messages again, after an update: what decodes now reaches silver')
    .addOption(new Option('--reason <reason>', 'of this reason').choices(rejectReasons))
    .option('--source <source>', 'from this source: kafka:<topic>, file:…')
    .option('--format <format>', 'read as this format')
    .option('--from <day>', 'only on days from this one, as in 2026-11-20')
    .option('--to <day>', 'and before this one')
    .option('--config <file>', "lake and instruments of live's config")
    .option('--dry-run', 'only says how many would reach silver, and which days change', false)
    .addHelpText('after', notes)
  addLakeOptions(command, context).action((options: RejectsReplayCommandOptions) =>
    runRejectsReplay(context, command, options),
  )
}

async function runRejectsReplay(
  context: CommandContext,
  command: Command,
  options: RejectsReplayCommandOptions,
): Promise<void> {
  const within = withinOf(options)
  const { clock, ids, environment } = context
  const config =
    options.config === undefined
      ? undefined
      : await loadConfig(options.config, context.model.current)
  const directory =
    config === undefined
      ? options.lake
      : configuredLake(command, context, options, config.lakeDirectory)
  const purpose = 'sluice rejects replay'
  const signal = context.stopSignal()
  await withWritableLake(
    {
      ...{ directory, purpose, clock, ids, createIfMissing: false, roles: ['range'] },
      ...{
        model: config?.model ?? context.model.current,
        catalog: config?.lakeCatalog,
        stores: config?.stores,
      },
      secrets: environment.secrets,
      engine: environment.engine,
    },
    async ({ lake }) => {
      const { reason, source, format } = options
      const { fault } = environment
      const wanted: RejectsReplayOptions = {
        ...{ lake, within, filter: { reason, source, format } },
        writer: `rejects@${hostname()}:${process.pid}`,
        takeTurn: () => takeCommitTurn({ by: 'range', directory, purpose, clock, ids }),
        ...settingsOf(config),
        ...(fault === undefined
          ? {}
          : { hooks: createFaultHooks(fault, (line) => printNote(context, line)) }),
      }
      if (options.dryRun) return showPlan(context, options, await planRejects(wanted))
      showResult(context, options, await replayRejects(wanted, signal))
    },
  )
}

function settingsOf(config: Config | undefined) {
  if (config === undefined) return {}
  const { instruments, retention, maxQueryDurationMs } = config
  return { instruments, retention, maxQueryDurationMs }
}

function withinOf({ from, to }: RejectsReplayCommandOptions): DayRange | undefined {
  if (from === undefined && to === undefined) return undefined
  if (from !== undefined && to !== undefined) return parseDayRange(from, to)
  throw new SluiceError(
    'invalid-input',
    'Only one end of the days is given. Nothing was done. Give --from and --to together, or ' +
      'neither for all days.',
  )
}

function showPlan(
  context: CommandContext,
  { json }: RejectsReplayCommandOptions,
  plan: RejectsPlan,
): void {
  if (json) return printJson(context, planJson(plan))
  for (const line of drawPlan(plan)) printLine(context, line)
  printLine(context, 'nothing was changed')
}

function showResult(
  context: CommandContext,
  { json }: RejectsReplayCommandOptions,
  result: ReplayedRejects,
): void {
  const { chunks, leftCount, isComplete } = result
  const cuts = chunks.flatMap(({ committed }) => committed?.cutNumber ?? [])
  if (!isComplete) context.setExitCode(exitCodes.failed)
  if (json) return printJson(context, { ...planJson(result), cuts, leftCount, isComplete })
  for (const line of drawPlan(result)) printLine(context, line)
  const left = `${formatCount(leftCount)} stay`
  printLine(
    context,
    cuts.length === 0
      ? `nothing reached silver, no cut was made: ${left}`
      : `replaced in ${cuts.length === 1 ? 'cut' : 'cuts'} ${cuts.join(', ')}: ${left}`,
  )
  if (!isComplete) {
    printNote(context, 'Stopped before the end. The same command goes on from there.')
  }
}

function planJson({ reasons, ranges, openRanges, goneRanges }: RejectsPlan) {
  const [days, openDays, goneDays] = [ranges, openRanges, goneRanges].map((all) =>
    all.map(rangeJson),
  )
  return { reasons, days, openDays, goneDays }
}

function rangeJson({ fromDay, toDay }: DayRange) {
  return { from: dayText(fromDay), to: dayText(toDay) }
}

function drawPlan({ reasons, ranges, openRanges, goneRanges }: RejectsPlan): readonly string[] {
  if (reasons.length === 0) return ['nothing was refused']
  const table = drawTextTable(
    ['reason', 'refused', 'decode now', 'ignored now', 'still fail'].map((title) => {
      return { title, align: title === 'reason' ? 'left' : 'right' } as const
    }),
    reasons.map(({ reason, messageCount, derivedCount, ignoredCount }) => [
      ...[reason, formatCount(messageCount), formatCount(derivedCount)],
      ...[formatCount(ignoredCount), formatCount(messageCount - derivedCount - ignoredCount)],
    ]),
  )
  const days = (all: readonly DayRange[]) =>
    all.map(rangeJson).map(({ from, to }) => `  ${from} to ${to}`)
  return [
    ...table,
    ...(ranges.length === 0 ? [] : ['days that are derived again', ...days(ranges)]),
    ...(openRanges.length === 0
      ? []
      : ['days that are still open: run it again once they are closed', ...days(openRanges)]),
    ...(goneRanges.length === 0
      ? []
      : ['days whose messages left bronze for their age: these stay', ...days(goneRanges)]),
  ]
}

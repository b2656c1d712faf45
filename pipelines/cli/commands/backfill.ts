import { hostname } from 'node:os'
import { Presets, SingleBar } from 'cli-progress'
import { Option, type Command } from 'commander'
import { backfill, type BackfillOptions, type BackfillResult } from '../../backfill/backfill.ts'
import { loadConfig, type Config } from '../../config/load-config.ts'
import { createRunStatistics, type RunTotals } from '../../loop/run-statistics.ts'
import { withWritableLake } from '../../lake/with-writable-lake.ts'
import type { ArchiveProgress } from '../../sources/archive-source.ts'
import { archiveFormats, type ArchiveFormat } from '../../sources/line-framing.ts'
import { printJson, printLine, printNote, type CommandContext } from '../command-context.ts'
import { formatCount, formatSize } from '../format-units.ts'
import { addLakeOptions, configuredLake, type LakeOptions } from '../lake-options.ts'
import { exitCodes } from '../report-failure.ts'

interface BackfillCommandOptions extends LakeOptions {
  readonly format: ArchiveFormat
  readonly config?: string
}

/** Without a terminal: how often a line says how far it is. */
const LINE_US = 5_000_000n

export function addBackfillCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('backfill')
    .description('files of history into the lake; the same files again change nothing')
    .argument('<files...>', 'files of lines, plain, .gz or .zip')
    .addOption(
      new Option('--format <format>', 'how the bytes are written')
        .choices(archiveFormats)
        .makeOptionMandatory(),
    )
    .option('--config <file>', 'lake, instruments and rules of a config; its topics are not read')
  addLakeOptions(command, context).action(
    async (files: readonly string[], options: BackfillCommandOptions) => {
      const config = options.config === undefined ? undefined : await loadConfig(options.config)
      const directory =
        config === undefined
          ? options.lake
          : configuredLake(command, context, options, config.lakeDirectory)
      await runBackfill(context, { ...options, lake: directory }, files, config)
    },
  )
}

async function runBackfill(
  context: CommandContext,
  options: BackfillCommandOptions,
  files: readonly string[],
  config: Config | undefined,
): Promise<void> {
  const { clock, ids } = context
  const statistics = createRunStatistics(clock.nowUs())
  const progress = createProgress(context)
  const signal = context.stopSignal()
  const result = await withWritableLake(
    {
      ...{ directory: options.lake, purpose: 'sluice backfill', clock, ids },
      formatVersion: config?.tableFormatVersion,
      catalog: config?.lakeCatalog,
      secrets: context.environment.secrets,
      stores: config?.stores,
    },
    async ({ lake }) => {
      const rules: Partial<BackfillOptions> =
        config === undefined
          ? {}
          : {
              allowedLatenessMs: config.allowedLatenessMs,
              dedupeMemoryRows: config.dedupeMemoryRows,
              instruments: config.instruments,
            }
      try {
        return await backfill(
          {
            lake,
            format: options.format,
            files,
            writer: `backfill@${hostname()}:${process.pid}`,
            ...rules,
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
  else printLine(context, resultText(result, totals))
  if (isAllRejected) printNote(context, `Not one message is ${options.format}: ${WHY_REJECTED}`)
  else if (totals.rejectedCount > 0) printNote(context, WHY_REJECTED)
  if (!result.isComplete) {
    printNote(context, 'Stopped before the end. The same command goes on from there.')
  }
}

const WHY_REJECTED =
  'silver.rejected_messages holds each rejected message with its reason and detail.'

function resultText(
  { partsRead, partsSkipped }: BackfillResult,
  totals: Omit<RunTotals, 'freshness'>,
): string {
  const were = partsSkipped === 1 ? 'was' : 'were'
  return (
    `${countOf(partsRead, 'file')} read, ${partsSkipped} ${were} in the lake already: ` +
    `${countOf(totals.messageCount, 'message')} in ${countOf(totals.cutCount, 'cut')}, ` +
    `${formatCount(totals.rejectedCount)} rejected, ` +
    countOf(totals.duplicateCount, 'duplicate')
  )
}

/** `1 file`, `2,000 files`. */
function countOf(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`
}

interface ProgressView {
  readonly show: (phase: 'check' | 'load', progress: ArchiveProgress) => void
  readonly end: () => void
}

function createProgress(context: CommandContext): ProgressView {
  return context.stderr.isTTY ? progressBar(context) : progressLines(context)
}

const phaseNames = { check: 'checking', load: 'loading' } as const

function progressBar(context: CommandContext): ProgressView {
  const bar = new SingleBar(
    {
      format: '{phase} [{bar}] {percentage}% | {files} files | {rest}',
      stream: context.stderr,
      hideCursor: true,
      noTTYOutput: false,
    },
    Presets.legacy,
  )
  let shown: string | undefined
  return {
    show: (phase, { bytesRead, bytesTotal, partsRead, partsTotal }) => {
      const payload = {
        phase: phaseNames[phase],
        files: `${partsRead}/${partsTotal}`,
        rest: `${formatSize(bytesRead)} of ${formatSize(bytesTotal)}`,
      }
      if (shown !== phase) {
        bar.stop()
        bar.start(bytesTotal, bytesRead, payload)
      } else bar.update(bytesRead, payload)
      shown = phase
    },
    end: () => bar.stop(),
  }
}

function progressLines(context: CommandContext): ProgressView {
  let saidUs: bigint | undefined
  return {
    show: (phase, { bytesRead, bytesTotal, partsRead, partsTotal }) => {
      const nowUs = context.clock.nowUs()
      if (saidUs !== undefined && nowUs - saidUs < LINE_US) return
      saidUs = nowUs
      printNote(
        context,
        `${phaseNames[phase]}: ${partsRead} of ${partsTotal} files, ` +
          `${formatSize(bytesRead)} of ${formatSize(bytesTotal)}`,
      )
    },
    end: () => undefined,
  }
}

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeOverlap } from '../backfill/check-input.ts'
import { describeInputOverlap } from '../backfill/find-input-overlaps.ts'
import { countFiles, type ChosenPart } from '../backfill/choose-parts.ts'
import type { ReplacedRows } from '../backfill/find-take-overs.ts'
import type { InputChoice } from '../backfill/open-input.ts'
import { planBackfill, type BackfillPlan } from '../backfill/plan-backfill.ts'
import { readLakeFile } from '../lake/lake-file.ts'
import { readLakeHolder } from '../lake/lake-lock.ts'
import { openLake } from '../lake/open-lake.ts'
import type { Lake } from '../lake/lake.ts'
import { dayText } from '../lake/utc-days.ts'
import type { FileRange } from '../sources/file-range.ts'
import { createBackfillProgress } from './backfill-progress.ts'
import { printJson, printLine, printNote, type CommandContext } from './command-context.ts'
import { formatCount, formatInstant, formatIso, formatSize } from './format-units.ts'
import { withLake, type LakeOptions } from './lake-options.ts'
import { exitCodes } from './report-failure.ts'
import { drawTextTable } from './text-table.ts'

/** The rest of a file is read whole, and holds again what earlier runs took. */
export const LEFT_OUT = 'left out, of other days or taken before'

/** Overlaps that are printed for a person; JSON has all. */
const MAX_SHOWN_OVERLAPS = 20

/** What the command was told of the input. */
export interface WantedInput extends Omit<InputChoice, 'lake'> {
  readonly range: FileRange
  readonly takesOver: boolean
}

/**
 * `sluice backfill --dry-run`: what a run would do, without a lock and without a change. Exit code 1
 * where it would be refused.
 */
export async function showBackfillPlan(
  context: CommandContext,
  options: LakeOptions,
  input: WantedInput,
): Promise<void> {
  const progress = createBackfillProgress(context)
  const signal = context.stopSignal()
  const isBeside = (await readLakeHolder(options.lake, 'stream')) !== undefined
  const plan = await withLakeOrNone(context, options.lake, async (lake) => {
    try {
      return await planBackfill({ lake, ...input, isBeside, onProgress: progress.show }, signal)
    } finally {
      progress.end()
    }
  })
  if (plan === undefined) {
    context.setExitCode(exitCodes.failed)
    printNote(context, 'Stopped before the input was read: there is no plan. Nothing was changed.')
    return
  }
  if (refusals(plan) > 0) context.setExitCode(exitCodes.failed)
  if (options.json) printJson(context, planToJson(plan))
  else for (const line of drawPlan(plan)) printLine(context, line)
}

/** Where there is no lake yet, one in a folder that goes again: the plan is that of a first run. */
async function withLakeOrNone<T>(
  context: CommandContext,
  directory: string,
  use: (lake: Lake) => Promise<T>,
): Promise<T> {
  if ((await readLakeFile(directory)) !== undefined) return withLake(context, directory, use)
  const folder = await mkdtemp(join(tmpdir(), 'sluice-plan-'))
  const { clock, ids } = context
  try {
    const lake = await openLake({
      ...{ directory: folder, clock, ids, createIfMissing: true },
      model: context.model.current,
      engine: context.environment.engine,
    })
    try {
      return await use(lake)
    } finally {
      await lake.close()
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function planToJson(plan: BackfillPlan) {
  return {
    ...plan,
    bytes: bytesToRead(plan),
    files: plan.files.map(({ part, range, state, fromOffset }) => ({
      ...{ path: part.shownPath, bytes: part.sizeBytes, source: part.part.source },
      ...{ state, fromLine: Number(fromOffset), ...rangeJson(range) },
    })),
    watermarkUs: undefined,
    watermark: plan.watermarkUs === undefined ? null : formatIso(plan.watermarkUs),
    overlaps: plan.overlaps.map(
      ({ inputFromUs, inputUntilUs, lakeFromUs, lakeUntilUs, ...rest }) => ({
        ...rest,
        input: { from: formatIso(inputFromUs), until: formatIso(inputUntilUs) },
        lake: { from: formatIso(lakeFromUs), until: formatIso(lakeUntilUs) },
      }),
    ),
    inputOverlaps: plan.inputOverlaps.map(({ files, ...rest }) => ({
      ...rest,
      files: files.map(({ path, fromUs, untilUs }) => {
        return { path, from: formatIso(fromUs), until: formatIso(untilUs) }
      }),
    })),
  }
}

/** Days and files for which the run would be refused. */
function refusals({ overlaps, inputOverlaps, openDays }: BackfillPlan): number {
  return overlaps.length + inputOverlaps.length + openDays.length
}

function rangeJson({ fromDay, toDay }: FileRange) {
  const text = (day: bigint | undefined) => (day === undefined ? null : dayText(day))
  return { from: text(fromDay), to: text(toDay) }
}

function bytesToRead({ files }: BackfillPlan): number {
  const unread = files.filter(({ state }) => state !== 'read')
  return unread.reduce((sum, { part }) => sum + part.sizeBytes, 0)
}

function drawPlan(plan: BackfillPlan): readonly string[] {
  const { watermarkUs, overlaps, inputOverlaps, openDays, replaced } = plan
  return [
    drawFiles(plan),
    `${formatCount(plan.messageCount)} messages: ${formatCount(plan.ignoredCount)} ignored, ` +
      `${formatCount(plan.rejectedCount)} rejected` +
      (plan.leftOutCount === 0 ? '' : `; ${formatCount(plan.leftOutCount)} ${LEFT_OUT}`),
    watermarkUs === undefined
      ? 'the lake has no watermark yet'
      : `the watermark is ${formatInstant(watermarkUs)}: bars of sealed days are revised`,
    '',
    ...drawDays(plan),
    '',
    ...(openDays.length === 0
      ? []
      : [`the run would be refused, a stream still writes these days: ${openDays.join(', ')}`]),
    ...(refusals(plan) + replaced.length === 0 ? ['nothing overlaps: the run would be taken'] : []),
    ...drawReplaced(replaced),
    ...drawList(
      'the run would be refused, files of the input overlap each other:',
      inputOverlaps.map(describeInputOverlap),
    ),
    ...drawList(
      'the run would be refused, the input overlaps what the lake holds (--take-over replaces it):',
      overlaps.map(describeOverlap),
    ),
    'nothing was changed',
  ]
}

function drawReplaced(replaced: readonly ReplacedRows[]): readonly string[] {
  return drawList(
    'the run would replace:',
    replaced.map(({ kind, venue, venueSymbol, day, source, rowCount, inputRowCount }) => {
      const rows = `${formatCount(rowCount)} rows of ${source} for ${formatCount(inputRowCount)}`
      return `  ${kind} ${venue} ${venueSymbol} ${day}: ${rows} of the input`
    }),
  )
}

/** The first lines below a title, and how many there are beside them; nothing for none. */
function drawList(title: string, lines: readonly string[]): readonly string[] {
  if (lines.length === 0) return []
  const shown = lines.slice(0, MAX_SHOWN_OVERLAPS)
  const more = lines.length - shown.length
  return [title, ...shown, ...(more > 0 ? [`  … and ${formatCount(more)} more`] : [])]
}

function drawFiles(plan: BackfillPlan): string {
  const count = (wanted: ChosenPart['state']) =>
    plan.files.filter(({ state }) => state === wanted).length
  const told = [
    `${formatCount(count('new'))} new`,
    `${formatCount(count('read'))} in the lake already`,
  ]
  if (count('begun') > 0) told.push(`${formatCount(count('begun'))} gone on with`)
  const files = countFiles(plan.files)
  const ranges = plan.files.length === files ? '' : ` in ${formatCount(plan.files.length)} ranges`
  return (
    `${formatCount(files)} ${files === 1 ? 'file' : 'files'}${ranges}: ${told.join(', ')}; ` +
    `${formatSize(bytesToRead(plan))} to read`
  )
}

function drawDays({ days }: BackfillPlan): readonly string[] {
  if (days.length === 0) return ['no rows']
  const right = { align: 'right' } as const
  const left = { align: 'left' } as const
  return drawTextTable(
    [
      { title: 'day', ...left },
      { title: 'kind', ...left },
      { title: 'symbols', ...right },
      { title: 'rows', ...right },
      { title: 'rows in the lake', ...right },
      { title: '', ...left },
    ],
    days.map((day) => [
      ...[day.day, day.kind, formatCount(day.symbolCount), formatCount(day.rowCount)],
      ...[formatCount(day.heldRowCount), day.isSealed ? 'sealed' : 'open'],
    ]),
  )
}

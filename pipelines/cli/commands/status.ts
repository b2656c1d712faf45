import type { Command } from 'commander'
import { DAY_US, dayText } from '../../lake/utc-days.ts'
import { readLakeStatus, type LakeStatus } from '../../lake/lake-status.ts'
import { placesText } from '../../lake/lake-stores.ts'
import { printJson, printLine, type CommandContext } from '../command-context.ts'
import {
  formatCount,
  formatDuration,
  formatInstant,
  formatIso,
  formatSize,
} from '../format-units.ts'
import { addLakeOptions, withLake, type LakeOptions } from '../lake-options.ts'
import { drawTextTable } from '../text-table.ts'
import { cutToJson } from './cuts.ts'

/** Lines of days for a person; a program gets all. */
const STALE_LINES_MAX = 20

export function addStatusCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('status')
    .description('how a lake is: who writes, the last cut, positions, rows, rejects, disk use')
  addLakeOptions(command, context).action(async (options: LakeOptions) => {
    const status = await withLake(context, options.lake, (lake) =>
      readLakeStatus(lake, options.lake),
    )
    if (options.json) printJson(context, statusToJson(status))
    else for (const line of drawStatus(status)) printLine(context, line)
  })
}

function statusToJson(status: LakeStatus) {
  const { holder, rangeHolder, lastCut } = status
  return {
    lake: status.directory,
    holder: holderToJson(holder),
    rangeHolder: holderToJson(rangeHolder),
    catalogUrl: status.catalogUrl ?? null,
    lastCut: lastCut === undefined ? null : cutToJson(lastCut),
    positions: status.parts.map((part) => ({ ...part, end_offset: Number(part.end_offset) })),
    rows: Object.fromEntries(
      status.tables.map((table) => [`${table.namespace}.${table.table}`, table.rowCount]),
    ),
    rejectedLastDay: Object.fromEntries(
      status.rejectReasons.map(({ reason, count }) => [reason, Number(count)]),
    ),
    steps: {
      stale: status.staleDays.map(({ fromDay, untilDay, ...days }) => {
        return { ...days, from: dayText(fromDay), to: dayText(untilDay) }
      }),
      mend: mendingCommand(status)?.command ?? null,
    },
    warehouse: status.stores.warehouse ?? null,
    warehouses: status.stores.warehouses ?? {},
    liveBytes: liveBytesOf(status),
    diskBytes: status.diskBytes,
  }
}

function holderToJson(holder: LakeStatus['holder']) {
  if (holder === undefined) return null
  const { pid, host, purpose, startedUs } = holder
  return { pid, host, purpose, started_ts: formatIso(startedUs) }
}

function drawStatus(status: LakeStatus): readonly string[] {
  return [
    ...drawHead(status),
    '',
    'positions',
    ...indent(drawParts(status)),
    '',
    'rows',
    ...indent(drawLayers(status)),
    '',
    'rejected in the last 24 hours',
    ...indent(drawReasons(status)),
    '',
    'made by other steps than those of this version',
    ...indent(drawStaleDays(status)),
  ]
}

/** Of the data and delete files that the newest snapshots name. */
function liveBytesOf({ tables }: LakeStatus): number {
  return tables.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
}

function drawHead(status: LakeStatus) {
  const { directory, holder, rangeHolder, catalogUrl, lastCut, nowUs, diskBytes } = status
  const age = (us: bigint): string => formatDuration(Math.max(Number((nowUs - us) / 1000n), 0))
  const cut =
    lastCut === undefined
      ? 'none yet'
      : `${lastCut.cut_number}, ${age(lastCut.committed_us)} ago ` +
        `(${formatInstant(lastCut.committed_us)}), by ${lastCut.writer}`
  const watermarkUs = lastCut?.watermark_us ?? undefined
  return [
    `lake       ${directory}`,
    `writer     ${holderText(holder)}`,
    ...(isOneProcess(holder, rangeHolder) ? [] : [`beside it  ${holderText(rangeHolder)}`]),
    `catalog    ${catalogText(holder !== undefined, catalogUrl)}`,
    `last cut   ${cut}`,
    `watermark  ${watermarkUs === undefined ? 'none yet' : formatInstant(watermarkUs)}`,
    `tables     ${formatSize(liveBytesOf(status))} live, in ${placesText(status.stores)}`,
    `disk use   ${formatSize(diskBytes)}`,
  ]
}

function holderText(holder: LakeStatus['holder']): string {
  if (holder === undefined) return 'nobody'
  const { purpose, pid, host, startedUs } = holder
  return `${purpose}, process ${pid} on ${host}, since ${formatInstant(startedUs)}`
}

/** Nobody beside the stream, or the stream itself: who loads or replaces days says it. */
function isOneProcess(stream: LakeStatus['holder'], range: LakeStatus['holder']): boolean {
  return range === undefined || (stream?.pid === range.pid && stream.host === range.host)
}

function catalogText(isHeld: boolean, catalogUrl: string | undefined): string {
  if (catalogUrl === undefined) return 'never served yet; `sluice catalog` serves it'
  return isHeld ? catalogUrl : `last served at ${catalogUrl}; \`sluice catalog\` serves it`
}

function drawParts({ parts }: LakeStatus): readonly string[] {
  if (parts.length === 0) return ['none yet']
  const open = parts.filter((part) => !part.is_finished)
  const finished = parts.length - open.length
  const files = finished === 0 ? [] : [`${formatCount(finished)} files read whole`]
  return open.length === 0 ? files : [...drawOpenParts(open), ...files]
}

function drawOpenParts(parts: LakeStatus['parts']): readonly string[] {
  return drawTextTable(
    [
      { title: 'source', align: 'left' },
      { title: 'partition', align: 'right' },
      { title: 'next offset', align: 'right' },
    ],
    parts.map((part) => [part.source, String(part.source_partition), formatCount(part.end_offset)]),
  )
}

function drawLayers({ tables }: LakeStatus): readonly string[] {
  return drawTextTable(
    [
      { title: 'table', align: 'left' },
      { title: 'rows', align: 'right' },
    ],
    tables.map((table) => [`${table.namespace}.${table.table}`, formatCount(table.rowCount)]),
  )
}

function drawReasons({ rejectReasons }: LakeStatus): readonly string[] {
  if (rejectReasons.length === 0) return ['none']
  return drawTextTable(
    [
      { title: 'reason', align: 'left' },
      { title: 'messages', align: 'right' },
    ],
    rejectReasons.map(({ reason, count }) => [reason, formatCount(count)]),
  )
}

function drawStaleDays(status: LakeStatus): readonly string[] {
  const { staleDays } = status
  if (staleDays.length === 0) return ['none']
  const rows = staleDays
    .slice(0, STALE_LINES_MAX)
    .map((days) => [
      ...[days.table, dayText(days.fromDay), dayText(days.untilDay - 1n)],
      days.layer === 'silver' ? formatCount(days.fileCount) : '-',
      days.state === 'stale' ? 'by others' : 'nobody knows: made before cuts said it',
    ])
  const more = staleDays.length - rows.length
  const mend = mendingCommand(status)
  return [
    ...drawTextTable(
      ['table', 'first day', 'last day', 'files', ''].map((title) => {
        return { title, align: title === 'files' ? 'right' : 'left' } as const
      }),
      rows,
    ),
    ...(more > 0 ? [`… and ${formatCount(more)} more; --json has all`] : []),
    mend === undefined
      ? 'no replay mends them now: they are still open, or their messages left bronze for their age'
      : `\`${mend.command}\` derives them again; with --check it only says what would change` +
        (mend.leavesOpen ? ' (days that are still open come later)' : ''),
  ]
}

/** A replay of the closed days that bronze has; undefined where there is none. */
function mendingCommand({ staleDays, lastCut, removedBronze }: LakeStatus) {
  const closedUntil = (lastCut?.watermark_us ?? 0n) / DAY_US
  // The day before a range must be whole too.
  const held = removedBronze === undefined ? 0n : removedBronze.wholeFromDay + 1n
  const closed = staleDays
    .filter((one) => one.fromDay < closedUntil && one.untilDay > held)
    .map((one) => ({ ...one, fromDay: one.fromDay > held ? one.fromDay : held }))
  if (closed.length === 0) return undefined
  const fromDay = closed.reduce((low, one) => (one.fromDay < low ? one.fromDay : low), closedUntil)
  const last = closed.reduce((high, one) => (one.untilDay > high ? one.untilDay : high), 0n)
  const untilDay = last < closedUntil ? last : closedUntil
  const layers = closed.every(({ layer }) => layer === 'gold') ? ' --layers gold' : ''
  return {
    command: `sluice replay --from ${dayText(fromDay)} --to ${dayText(untilDay)}${layers}`,
    leavesOpen: staleDays.some((one) => one.untilDay > closedUntil),
  }
}

function indent(lines: readonly string[]): readonly string[] {
  return lines.map((line) => `  ${line}`)
}

import type { Command } from 'commander'
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
  const { holder, lastCut } = status
  return {
    lake: status.directory,
    holder:
      holder === undefined
        ? null
        : {
            pid: holder.pid,
            host: holder.host,
            purpose: holder.purpose,
            started_ts: formatIso(holder.startedUs),
          },
    catalogUrl: status.catalogUrl ?? null,
    lastCut: lastCut === undefined ? null : cutToJson(lastCut),
    positions: status.parts.map((part) => ({ ...part, end_offset: Number(part.end_offset) })),
    rows: Object.fromEntries(
      status.tables.map((table) => [`${table.namespace}.${table.table}`, table.rowCount]),
    ),
    rejectedLastDay: Object.fromEntries(
      status.rejectReasons.map(({ reason, count }) => [reason, Number(count)]),
    ),
    warehouse: status.stores.warehouse ?? null,
    warehouses: status.stores.warehouses ?? {},
    liveBytes: liveBytesOf(status),
    diskBytes: status.diskBytes,
  }
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
  ]
}

/** Of the data and delete files that the newest snapshots name. */
function liveBytesOf({ tables }: LakeStatus): number {
  return tables.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
}

function drawHead(status: LakeStatus) {
  const { directory, holder, catalogUrl, lastCut, nowUs, diskBytes } = status
  const age = (us: bigint): string => formatDuration(Math.max(Number((nowUs - us) / 1000n), 0))
  const held =
    holder === undefined
      ? 'nobody'
      : `${holder.purpose}, process ${holder.pid} on ${holder.host}, since ` +
        formatInstant(holder.startedUs)
  const cut =
    lastCut === undefined
      ? 'none yet'
      : `${lastCut.cut_number}, ${age(lastCut.committed_us)} ago ` +
        `(${formatInstant(lastCut.committed_us)}), by ${lastCut.writer}`
  const watermarkUs = lastCut?.watermark_us ?? undefined
  return [
    `lake       ${directory}`,
    `writer     ${held}`,
    `catalog    ${catalogText(holder !== undefined, catalogUrl)}`,
    `last cut   ${cut}`,
    `watermark  ${watermarkUs === undefined ? 'none yet' : formatInstant(watermarkUs)}`,
    `tables     ${formatSize(liveBytesOf(status))} live, in ${placesText(status.stores)}`,
    `disk use   ${formatSize(diskBytes)}`,
  ]
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

function indent(lines: readonly string[]): readonly string[] {
  return lines.map((line) => `  ${line}`)
}

import { Option, type Command } from 'commander'
import { rejectReasons, type RejectReason } from '../../../shared-transforms/reject-reason.ts'
import type { Clock } from '../../../tables/clock.ts'
import {
  readRejectGroups,
  readRejectRows,
  type RejectFilter,
  type RejectGroup,
  type RejectRow,
} from '../../lake/read-rejects.ts'
import { printJson, printLine, type CommandContext } from '../command-context.ts'
import { formatCount, formatInstant, formatIso } from '../format-units.ts'
import { addRejectsReplayCommand } from './rejects-replay.ts'
import { addLakeOptions, withLake, type LakeOptions } from '../lake-options.ts'
import { countFrom } from '../parse-count.ts'
import { durationOption } from '../parse-duration.ts'
import { drawTextTable } from '../text-table.ts'

export interface RejectsOptions extends LakeOptions {
  readonly reason?: RejectReason
  readonly source?: string
  readonly format?: string
  /** Milliseconds. */
  readonly since?: number
}

const DEFAULT_COUNT = 10
/** Of a payload on a terminal; `--json` has all of it. */
const SHOWN_CHARACTERS = 200

const examples = `
examples:
  sluice rejects list                          how many by reason, format and source
  sluice rejects show --reason bad-number      the newest ten of one reason
  sluice rejects show 1000 --json | jq -r .[].payload
  sluice rejects replay --dry-run              which of them would reach silver by the steps of now`

/** What was refused is in silver.rejected_messages; these read it as a person wants it. */
export function addRejectsCommand(program: Command, context: CommandContext): void {
  const rejects = program
    .command('rejects')
    .description('messages that were refused, and why: list, show, replay')
    .addHelpText('after', examples)
  const list = addFilters(
    rejects.command('list').description('how many by reason, format, kind and source'),
  )
  addLakeOptions(list, context).action(async (options: RejectsOptions) => {
    const groups = await withLake(context, options.lake, (lake) =>
      readRejectGroups(lake, filterOf(options, context.clock)),
    )
    if (options.json) printJson(context, groups.map(groupToJson))
    else for (const line of drawGroups(groups)) printLine(context, line)
  })
  addRejectsReplayCommand(rejects, context)
  const show = addFilters(
    rejects
      .command('show')
      .description('the newest refused messages with payload and detail')
      .argument('[count]', 'how many', countFrom(1), DEFAULT_COUNT),
  )
  addLakeOptions(show, context).action(async (count: number, options: RejectsOptions) => {
    const rows = await withLake(context, options.lake, (lake) =>
      readRejectRows(lake, filterOf(options, context.clock), count),
    )
    if (options.json) printJson(context, rows.map(rowToJson))
    else for (const line of drawRows(rows)) printLine(context, line)
  })
}

function addFilters(command: Command): Command {
  return command
    .addOption(new Option('--reason <reason>', 'of this reason').choices(rejectReasons))
    .option('--source <source>', 'from this source: kafka:<topic>, file:…')
    .option('--format <format>', 'read as this format')
    .addOption(
      new Option('--since <age>', 'taken in no longer ago: 30m, 2d').argParser(durationOption),
    )
}

function filterOf(options: RejectsOptions, clock: Clock): RejectFilter {
  const { reason, source, format, since } = options
  const sinceUs = since === undefined ? undefined : clock.nowUs() - BigInt(since) * 1000n
  return { reason, source, format, sinceUs }
}

function groupToJson({ count, first_us, last_us, ...rest }: RejectGroup) {
  return {
    ...rest,
    count: Number(count),
    first_ingested_ts: formatIso(first_us),
    last_ingested_ts: formatIso(last_us),
  }
}

function rowToJson({ event_us, received_us, ingested_us, ...rest }: RejectRow) {
  return {
    ...rest,
    source_offset: Number(rest.source_offset),
    event_ts: event_us === null ? null : formatIso(event_us),
    received_ts: received_us === null ? null : formatIso(received_us),
    ingested_ts: formatIso(ingested_us),
  }
}

function drawGroups(groups: readonly RejectGroup[]): readonly string[] {
  if (groups.length === 0) return ['nothing was refused']
  return drawTextTable(
    [
      { title: 'reason', align: 'left' },
      { title: 'messages', align: 'right' },
      { title: 'format', align: 'left' },
      { title: 'kind', align: 'left' },
      { title: 'source', align: 'left' },
      { title: 'newest', align: 'left' },
      { title: 'its detail', align: 'left' },
    ],
    groups.map((group) => [
      group.reason,
      formatCount(group.count),
      group.format,
      group.kind,
      group.source,
      formatInstant(group.last_us),
      shown(group.detail ?? '-', 60),
    ]),
  )
}

function drawRows(rows: readonly RejectRow[]): readonly string[] {
  if (rows.length === 0) return ['nothing was refused']
  return rows.flatMap((row) => [
    `${row.source} partition ${row.source_partition} offset ${row.source_offset}` +
      `${row.source_row === 0 ? '' : ` row ${row.source_row}`}, ${formatInstant(row.ingested_us)}`,
    `  ${row.reason}${row.detail === null ? '' : `: ${shown(row.detail, SHOWN_CHARACTERS)}`}`,
    `  ${row.format} ${row.kind}: ${row.payload === null ? '(none)' : payloadText(row.payload, row)}`,
  ])
}

function payloadText(payload: string, { payload_encoding: encoding }: RejectRow): string {
  return `${encoding === 'utf-8' ? '' : `(${encoding}) `}${shown(payload, SHOWN_CHARACTERS)}`
}

/** What moves a cursor or turns the direction of a line. */
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g

/** One line of a text, shortened; what would steer a terminal is shown by its number. */
function shown(text: string, length: number): string {
  const characters = Array.from(text)
  const head = characters.slice(0, length).join('')
  const line = head.replaceAll(UNPRINTABLE, escaped)
  const rest = characters.length - length
  return rest > 0 ? `${line}… (${rest} more)` : line
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

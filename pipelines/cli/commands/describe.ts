import type { Command } from 'commander'
import { describeTable, type TableDescription } from '../../lake/describe-table.ts'
import { printJson, printLine, type CommandContext } from '../command-context.ts'
import { formatCount, formatInstant, formatIso, formatSize } from '../format-units.ts'
import { addLakeOptions, withLake, type LakeOptions } from '../lake-options.ts'
import { drawTextTable } from '../text-table.ts'

export function addDescribeCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('describe')
    .description('a table: its columns, key, partition, sort order, properties, and how it stands')
    .argument('<table>', 'its name, as gold.bars')
  addLakeOptions(command, context).action(async (name: string, options: LakeOptions) => {
    const table = await withLake(context, options.lake, (lake) => describeTable(lake, name))
    if (options.json) printJson(context, toJson(table))
    else for (const line of drawDescription(table)) printLine(context, line)
  })
}

function toJson(table: TableDescription) {
  const { committedMs, columns, lastCut, snapshotId, ...rest } = table
  return {
    ...rest,
    lastCut: lastCut ?? null,
    snapshotId: snapshotId ?? null,
    committed_ts: committedMs === undefined ? null : formatIso(BigInt(committedMs) * 1000n),
    columns: columns.map((column) => ({ ...column, role: column.role ?? null })),
  }
}

function drawDescription(table: TableDescription): readonly string[] {
  return [
    ...drawFacts(table),
    '',
    'columns',
    ...indent(drawColumns(table)),
    '',
    'properties',
    ...indent(drawProperties(table)),
  ]
}

function drawFacts(table: TableDescription): readonly string[] {
  const { committedMs, snapshotId, lastCut, specCount } = table
  const cut = lastCut === undefined ? '' : `, last cut ${lastCut}`
  const snapshot =
    snapshotId === undefined || committedMs === undefined
      ? 'none yet'
      : `${snapshotId} of ${formatInstant(BigInt(committedMs) * 1000n)}${cut}`
  const olderSpecs = specCount > 1 ? ` (files may have one of ${specCount} specs)` : ''
  return [
    `table        ${table.namespace}.${table.table}`,
    `what it is   ${table.doc === '' ? '-' : table.doc}`,
    `location     ${table.location}`,
    `metadata     ${table.metadataLocation}`,
    `table uuid   ${table.tableUuid}`,
    `format       version ${table.formatVersion}`,
    `snapshot     ${snapshot}`,
    `snapshots    ${formatCount(table.snapshotCount)} kept`,
    `rows         ${formatCount(table.rowCount)}`,
    `files        ${formatCount(table.fileCount)}, ${formatSize(table.sizeBytes)}`,
    `key          ${listed(table.key)}`,
    `partition    ${listed(table.partition)}${olderSpecs}`,
    `sort         ${listed(table.sort)}`,
  ]
}

function listed(parts: readonly string[]): string {
  return parts.length === 0 ? 'none' : parts.join(', ')
}

function drawColumns({ columns }: TableDescription): readonly string[] {
  return drawTextTable(
    [
      { title: 'id', align: 'right' },
      { title: 'column', align: 'left' },
      { title: 'type', align: 'left' },
      { title: 'null', align: 'left' },
      { title: 'role', align: 'left' },
      { title: 'what it means', align: 'left' },
    ],
    columns.map((column) => [
      String(column.fieldId),
      column.name,
      column.type,
      column.isRequired ? 'never' : 'may be',
      column.role ?? '-',
      column.doc,
    ]),
  )
}

function drawProperties({ properties }: TableDescription): readonly string[] {
  const entries = Object.entries(properties)
  if (entries.length === 0) return ['none']
  return drawTextTable(
    [
      { title: 'key', align: 'left' },
      { title: 'value', align: 'left' },
    ],
    entries.map(([key, value]) => [key, value]),
  )
}

function indent(lines: readonly string[]): readonly string[] {
  return lines.map((line) => `  ${line}`)
}

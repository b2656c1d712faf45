import type { Command } from 'commander'
import type { DescribedColumn } from '../../lake/describe-columns.ts'
import { describeRelation, type RelationDescription } from '../../lake/describe-relation.ts'
import type { TableDescription } from '../../lake/describe-table.ts'
import type { ViewDescription } from '../../lake/describe-view.ts'
import { printJson, printLine, type CommandContext } from '../command-context.ts'
import { formatCount, formatInstant, formatIso, formatSize } from '../format-units.ts'
import { addLakeOptions, withLake, type LakeOptions } from '../lake-options.ts'
import { drawTextTable } from '../text-table.ts'

export function addDescribeCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('describe')
    .description(
      'a table or a view: its columns, key, partition, sort order, properties, or its SQL, and ' +
        'how it stands',
    )
    .argument('<table>', 'its name, as gold.bars')
  addLakeOptions(command, context).action(async (name: string, options: LakeOptions) => {
    const found = await withLake(context, options.lake, (lake) => describeRelation(lake, name))
    if (options.json) printJson(context, toJson(found))
    else for (const line of drawRelation(found)) printLine(context, line)
  })
}

function toJson(found: RelationDescription) {
  const columns = found.columns.map((column) => ({ ...column, role: column.role ?? null }))
  if (found.kind === 'view') {
    const { versionMs, ...rest } = found
    return { ...rest, version_ts: isoOrNull(versionMs), columns }
  }
  const { committedMs, lastCut, snapshotId, ...rest } = found
  return {
    ...rest,
    lastCut: lastCut ?? null,
    snapshotId: snapshotId ?? null,
    committed_ts: isoOrNull(committedMs),
    columns,
  }
}

function isoOrNull(ms: number | undefined): string | null {
  return ms === undefined ? null : formatIso(BigInt(ms) * 1000n)
}

function drawRelation(found: RelationDescription): readonly string[] {
  return found.kind === 'table' ? drawDescription(found) : drawView(found)
}

function drawView(view: ViewDescription): readonly string[] {
  const { versionId, versionMs } = view
  const of = versionMs === undefined ? '' : ` of ${formatInstant(BigInt(versionMs) * 1000n)}`
  const texts = Object.entries(view.sql)
  return [
    `view         ${view.namespace}.${view.table}`,
    `what it is   ${view.doc === '' ? '-' : view.doc}`,
    `location     ${view.location}`,
    `metadata     ${view.metadataLocation}`,
    `view uuid    ${view.viewUuid}`,
    `version      ${versionId}${of}`,
    ...['', 'columns', ...indent(drawColumns(view))],
    ...texts.flatMap(([dialect, sql]) => ['', `SQL (${dialect})`, ...indent(sql.split('\n'))]),
    ...['', 'properties', ...indent(drawProperties(view))],
  ]
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

function drawColumns({
  columns,
}: {
  readonly columns: readonly DescribedColumn[]
}): readonly string[] {
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

function drawProperties({ properties }: TableDescription | ViewDescription): readonly string[] {
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

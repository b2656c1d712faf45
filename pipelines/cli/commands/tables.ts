import type { Command } from 'commander'
import { readTableSummaries, type TableSummary } from '../../lake/table-summary.ts'
import { printJson, printLine, type CommandContext } from '../command-context.ts'
import { formatCount, formatSize } from '../format-units.ts'
import { addLakeOptions, withLake, type LakeOptions } from '../lake-options.ts'
import { drawTextTable } from '../text-table.ts'

export function addTablesCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('tables')
    .description('the tables of a lake: rows, files, size, last cut, and what a row is')
  addLakeOptions(command, context).action(async (options: LakeOptions) => {
    const tables = await withLake(context, options.lake, readTableSummaries)
    if (options.json) printJson(context, tables.map(toJson))
    else for (const line of drawTables(tables)) printLine(context, line)
  })
}

function toJson(table: TableSummary) {
  return {
    ...table,
    lastCut: table.lastCut ?? null,
    snapshotId: table.snapshotId ?? null,
  }
}

function drawTables(tables: readonly TableSummary[]): readonly string[] {
  return drawTextTable(
    [
      { title: 'namespace', align: 'left' },
      { title: 'table', align: 'left' },
      { title: 'rows', align: 'right' },
      { title: 'files', align: 'right' },
      { title: 'size', align: 'right' },
      { title: 'last cut', align: 'right' },
      { title: 'what it is', align: 'left' },
    ],
    tables.map((table) => [
      table.namespace,
      table.table,
      formatCount(table.rowCount),
      formatCount(table.fileCount),
      formatSize(table.sizeBytes),
      table.lastCut === undefined ? '-' : String(table.lastCut),
      table.doc,
    ]),
  )
}

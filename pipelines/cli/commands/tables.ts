import type { Command } from 'commander'
import { readViewSummaries, type ViewSummary } from '../../lake/describe-view.ts'
import type { Lake } from '../../lake/lake.ts'
import { readTableSummaries, type TableSummary } from '../../lake/table-summary.ts'
import { printJson, printLine, type CommandContext } from '../command-context.ts'
import { formatCount, formatSize } from '../format-units.ts'
import { addLakeOptions, withLake, type LakeOptions } from '../lake-options.ts'
import { drawTextTable } from '../text-table.ts'

export function addTablesCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('tables')
    .description('the tables and views of a lake: rows, files, size, last cut, and what a row is')
  addLakeOptions(command, context).action(async (options: LakeOptions) => {
    const relations = await withLake(context, options.lake, readRelations)
    if (options.json) printJson(context, [...relations.tables, ...relations.views].map(toJson))
    else for (const line of drawRelations(relations)) printLine(context, line)
  })
}

interface Relations {
  readonly tables: readonly TableSummary[]
  readonly views: readonly ViewSummary[]
}

/** Tables and views of a lake as lines for a person. */
export async function drawTables(lake: Lake): Promise<readonly string[]> {
  return drawRelations(await readRelations(lake))
}

async function readRelations(lake: Lake): Promise<Relations> {
  return { tables: await readTableSummaries(lake), views: await readViewSummaries(lake) }
}

/** A view has no rows of its own: what is counted of a table is null. */
function toJson(relation: TableSummary | ViewSummary) {
  const nothing = { rowCount: null, fileCount: null, sizeBytes: null, snapshotCount: null }
  return 'rowCount' in relation
    ? {
        kind: 'table',
        ...relation,
        lastCut: relation.lastCut ?? null,
        snapshotId: relation.snapshotId ?? null,
      }
    : { kind: 'view', ...nothing, lastCut: null, snapshotId: null, ...relation }
}

function drawRelations({ tables, views }: Relations): readonly string[] {
  return drawTextTable(
    [
      { title: 'namespace', align: 'left' },
      { title: 'name', align: 'left' },
      { title: 'kind', align: 'left' },
      { title: 'rows', align: 'right' },
      { title: 'files', align: 'right' },
      { title: 'size', align: 'right' },
      { title: 'last cut', align: 'right' },
      { title: 'what it is', align: 'left' },
    ],
    [...tables.map(tableCells), ...views.map(viewCells)],
  )
}

function tableCells(table: TableSummary): readonly string[] {
  return [
    table.namespace,
    table.table,
    'table',
    formatCount(table.rowCount),
    formatCount(table.fileCount),
    formatSize(table.sizeBytes),
    table.lastCut === undefined ? '-' : String(table.lastCut),
    table.doc,
  ]
}

function viewCells({ namespace, table, doc }: ViewSummary): readonly string[] {
  return [namespace, table, 'view', '-', '-', '-', '-', doc]
}

import type { Command } from 'commander'
import { findTable } from '../../lake/describe-table.ts'
import { readTableHistory, type HistoryLine } from '../../lake/table-history.ts'
import { printJson, printLine, type CommandContext } from '../command-context.ts'
import { formatCount, formatInstant, formatIso } from '../format-units.ts'
import { addLakeOptions, withLake, type LakeOptions } from '../lake-options.ts'
import { countFrom } from '../parse-count.ts'
import { drawTextTable } from '../text-table.ts'

const DEFAULT_COUNT = 20

export function addHistoryCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('history')
    .description('the newest snapshots of a table: what made each, what it added and took away')
    .argument('<table>', 'its name, as gold.bars')
    .argument('[count]', 'how many', countFrom(1), DEFAULT_COUNT)
  addLakeOptions(command, context).action(
    async (name: string, count: number, options: LakeOptions) => {
      const history = await withLake(context, options.lake, async (lake) => {
        const { metadata } = await findTable(lake, name)
        return readTableHistory(metadata).slice(0, count)
      })
      if (options.json) printJson(context, history.map(toJson))
      else for (const line of drawHistory(history)) printLine(context, line)
    },
  )
}

function toJson(line: HistoryLine) {
  const { committedMs, ...rest } = line
  return {
    ...rest,
    parentId: line.parentId ?? null,
    committed_ts: formatIso(BigInt(committedMs) * 1000n),
    operation: line.operation ?? null,
    cut: line.cut ?? null,
    afterCut: line.afterCut ?? null,
  }
}

function drawHistory(history: readonly HistoryLine[]): readonly string[] {
  if (history.length === 0) return ['no snapshot yet']
  return drawTextTable(
    [
      { title: 'snapshot', align: 'right' },
      { title: 'committed', align: 'left' },
      { title: 'operation', align: 'left' },
      { title: 'cut', align: 'left' },
      { title: 'rows added', align: 'right' },
      { title: 'removed', align: 'right' },
      { title: 'deletes', align: 'right' },
      { title: 'files added', align: 'right' },
      { title: 'removed', align: 'right' },
      { title: 'refs', align: 'left' },
    ],
    history.map((line) => [
      String(line.snapshotId),
      formatInstant(BigInt(line.committedMs) * 1000n),
      line.operation ?? 'expired',
      cutText(line),
      ...countTexts(line),
      line.refs.join(', '),
    ]),
  )
}

function cutText({ cut, afterCut }: HistoryLine): string {
  if (cut !== undefined) return String(cut)
  return afterCut === undefined ? '-' : `after ${afterCut}`
}

function countTexts(line: HistoryLine): readonly string[] {
  const counts = [
    line.addedRows,
    line.deletedRows,
    line.addedPositionDeletes,
    line.addedFiles,
    line.deletedFiles,
  ]
  return counts.map((count) => (line.isExpired ? '-' : formatCount(count)))
}

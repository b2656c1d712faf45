import { hostname } from 'node:os'
import type { Command } from 'commander'
import { rollBackLake, type RolledBackLake } from '../../loop/roll-back-lake.ts'
import { withWritableLake } from '../../lake/with-writable-lake.ts'
import { printJson, printLine, type CommandContext } from '../command-context.ts'
import { formatCount } from '../format-units.ts'
import { addLakeOptions, type LakeOptions } from '../lake-options.ts'
import { countFrom } from '../parse-count.ts'
import { drawTextTable } from '../text-table.ts'

interface RollbackOptions extends LakeOptions {
  readonly cut: number
  readonly dryRun: boolean
}

const notes = `
All tables go back together, and so do the positions of the sources: the next run reads them
again from there. The rollback is a cut of its own; the cuts that it undoes can still be read,
and rolled forward to, until they expire (\`sluice tag\` keeps one for good).`

export function addRollbackCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('rollback')
    .description('sets all tables and positions back to a cut, as a new cut')
    .requiredOption('--cut <n>', 'the cut to go back to', countFrom(1))
    .option('--dry-run', 'only says what would be done', false)
    .addHelpText('after', notes)
  addLakeOptions(command, context).action(async (options: RollbackOptions) => {
    const { clock, ids } = context
    const result = await withWritableLake(
      {
        directory: options.lake,
        purpose: 'sluice rollback',
        clock,
        ids,
        catalogSecrets: context.environment.restSecrets,
        createIfMissing: false,
      },
      ({ lake }) =>
        rollBackLake({
          lake,
          cutNumber: options.cut,
          writer: `rollback@${hostname()}:${process.pid}`,
          isDryRun: options.dryRun,
        }),
    )
    if (options.json) printJson(context, toJson(result))
    else for (const line of drawResult(result)) printLine(context, line)
  })
}

function toJson(result: RolledBackLake) {
  return {
    ...result,
    cutNumber: result.cutNumber ?? null,
    parts: result.parts.map(({ fromOffset, toOffset, ...part }) => {
      return { ...part, fromOffset: Number(fromOffset), toOffset: Number(toOffset) }
    }),
    tables: result.tables.map(({ fromSnapshotId, toSnapshotId, ...table }) => {
      return {
        ...table,
        fromSnapshotId: fromSnapshotId ?? null,
        toSnapshotId: toSnapshotId ?? null,
      }
    }),
  }
}

function drawResult(result: RolledBackLake): readonly string[] {
  const { restoredCut, previousCut, cutNumber, tables, parts, counts } = result
  const what =
    cutNumber === undefined
      ? `the lake is at cut ${previousCut} and would go back to cut ${restoredCut}:`
      : `cut ${cutNumber} sets the lake back to cut ${restoredCut}:`
  return [
    what,
    ...indent(drawTables(tables)),
    ...(parts.length === 0 ? [] : ['positions', ...indent(drawParts(parts))]),
    `messages ${signed(counts.messageCount)}, rows ${signed(counts.silverCount)}`,
    ...(cutNumber === undefined ? ['nothing was changed'] : []),
  ]
}

function drawTables(tables: RolledBackLake['tables']): readonly string[] {
  if (tables.length === 0) return ['no table changes']
  return drawTextTable(
    [
      { title: 'table', align: 'left' },
      { title: 'from snapshot', align: 'right' },
      { title: 'to snapshot', align: 'right' },
      { title: 'commits of others undone', align: 'right' },
    ],
    tables.map(({ table, fromSnapshotId, toSnapshotId, foreignCount }) => [
      table,
      String(fromSnapshotId ?? 'none'),
      String(toSnapshotId ?? 'none'),
      String(foreignCount),
    ]),
  )
}

function drawParts(parts: RolledBackLake['parts']): readonly string[] {
  return drawTextTable(
    [
      { title: 'source', align: 'left' },
      { title: 'partition', align: 'right' },
      { title: 'from', align: 'right' },
      { title: 'to', align: 'right' },
    ],
    parts.map(({ source, partition, fromOffset, toOffset }) => [
      source,
      String(partition),
      formatCount(fromOffset),
      formatCount(toOffset),
    ]),
  )
}

function signed(count: number): string {
  return count > 0 ? `+${formatCount(count)}` : formatCount(count)
}

function indent(lines: readonly string[]): readonly string[] {
  return lines.map((line) => `  ${line}`)
}

import { hostname } from 'node:os'
import type { Command } from 'commander'
import { SluiceError } from '../../../tables/errors.ts'
import { rollBackLake, type RolledBackLake } from '../../loop/roll-back-lake.ts'
import { withWritableLake } from '../../lake/with-writable-lake.ts'
import { printJson, printLine, type CommandContext } from '../command-context.ts'
import { formatCount } from '../format-units.ts'
import { addLakeOptions } from '../lake-options.ts'
import { countFrom } from '../parse-count.ts'
import { parseSnapshotId } from '../parse-snapshot-id.ts'
import { drawTextTable } from '../text-table.ts'
import { runTableRollback, targetsOf, type RollbackTableOptions } from './rollback-table.ts'

interface RollbackOptions extends RollbackTableOptions {
  readonly cut?: number
}

const notes = `
With --cut all tables go back together, and so do the positions of the sources: the next run reads
them again from there. The rollback is a cut of its own; the cuts that it undoes can still be read,
and rolled forward to, until they expire (\`sluice tag\` keeps one for good).

With a table only that one goes back, to an earlier state of its own. That undoes what others
committed to it. A table of the lake goes back no further than the last cut, since other tables and
the positions would not go with it; a table of your own goes back as far as its snapshots do.

examples:
  sluice rollback --cut 120 --dry-run
  sluice rollback silver.trades --to-snapshot 8954597067493422955
  sluice rollback research.signals --to-tag before-fix
  sluice rollback research.signals --to-time 2026-11-20T14:30:00Z`

export function addRollbackCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('rollback')
    .description('sets all tables and positions back to a cut, or one table to a state of its own')
    .argument('[table]', 'the one table that goes back; all of them with --cut')
    .option('--cut <n>', 'the cut that all tables go back to', countFrom(1))
    .option('--to-snapshot <id>', 'the snapshot that the table goes back to', parseSnapshotId)
    .option('--to-tag <name>', 'the tag that the table goes back to')
    .option('--to-time <time>', "back to the table's newest snapshot at or before a time, UTC")
    .option('--dry-run', 'only says what would be done', false)
    .addHelpText('after', notes)
  addLakeOptions(command, context).action(
    async (table: string | undefined, options: RollbackOptions) => {
      const { cut } = options
      if (table !== undefined && cut === undefined) return runTableRollback(context, table, options)
      if (table === undefined && cut !== undefined && targetsOf(options).length === 0) {
        return runLakeRollback(context, cut, options)
      }
      throw new SluiceError(
        'invalid-input',
        'It is not clear what goes back. Nothing was rolled back. Give --cut for all tables ' +
          'together, or one table and --to-snapshot, --to-tag or --to-time.',
      )
    },
  )
}

async function runLakeRollback(
  context: CommandContext,
  cutNumber: number,
  options: RollbackOptions,
): Promise<void> {
  const { clock, ids } = context
  const result = await withWritableLake(
    {
      directory: options.lake,
      purpose: 'sluice rollback',
      model: context.model.current,
      clock,
      ids,
      secrets: context.environment.secrets,
      engine: context.environment.engine,
      createIfMissing: false,
    },
    ({ lake }) =>
      rollBackLake({
        lake,
        cutNumber,
        writer: `rollback@${hostname()}:${process.pid}`,
        isDryRun: options.dryRun,
      }),
  )
  if (options.json) printJson(context, toJson(result))
  else for (const line of drawResult(result)) printLine(context, line)
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

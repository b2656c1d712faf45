import { Option, type Command } from 'commander'
import { rewriteStrategies, type RewriteStrategy } from '../../../tables/maintain/plan-rewrite.ts'
import { SluiceError } from '../../../tables/errors.ts'
import { compactTables, type CompactedTable } from '../../lake/compact-tables.ts'
import { chooseLakeTables } from '../../lake/lake-table-names.ts'
import { withMaintainedLake } from '../../lake/with-maintained-lake.ts'
import { printJson, printLine, type CommandContext } from '../command-context.ts'
import { formatCount } from '../format-units.ts'
import { addLakeOptions, type LakeOptions } from '../lake-options.ts'
import { countFrom } from '../parse-count.ts'
import { sizeOption } from '../parse-size.ts'
import { drawTextTable } from '../text-table.ts'

interface CompactOptions extends LakeOptions {
  readonly strategy: RewriteStrategy
  readonly targetSize?: number
  readonly leastFiles?: number
  readonly partition?: string
  readonly sortBy?: string
}

export function addCompactCommand(maintain: Command, context: CommandContext): void {
  const command = maintain
    .command('compact')
    .description('few files of many, deletes folded in; no row changes')
    .argument('[tables...]', 'such as gold.bars (default: all)')
    .addOption(
      new Option('--strategy <name>', 'bin-pack joins small files; sort writes whole partitions')
        .choices(rewriteStrategies)
        .default('bin-pack'),
    )
    .option('--target-size <size>', "of a file (default: the table's, or 512MiB)", sizeOption)
    .option('--least-files <n>', 'so many small files are worth it (default: 5)', countFrom(1))
    .option('--partition <name>', 'only this one, as in event_ts_day=2025-01-15')
    .option('--sort-by <columns>', "sort: other columns than the table's order, as in a,b")
  addLakeOptions(command, context).action(
    async (tables: readonly string[], options: CompactOptions) => {
      await runCompact(context, tables, options)
    },
  )
}

async function runCompact(
  context: CommandContext,
  tables: readonly string[],
  options: CompactOptions,
): Promise<void> {
  const { strategy, sortBy, partition } = options
  if (sortBy !== undefined && strategy !== 'sort') {
    throw new SluiceError(
      'invalid-input',
      '--sort-by is for --strategy sort. Nothing was rewritten. Add it, or leave --sort-by out.',
    )
  }
  const { clock, ids, environment } = context
  const { secrets, engine } = environment
  const done = await withMaintainedLake(
    {
      directory: options.lake,
      purpose: 'sluice maintain compact',
      clock,
      ids,
      secrets,
      engine,
      model: context.model.current,
    },
    (maintained) =>
      compactTables(maintained, chooseLakeTables(maintained.lake, tables), {
        strategy,
        ...(options.targetSize === undefined ? {} : { targetSizeBytes: options.targetSize }),
        ...(options.leastFiles === undefined ? {} : { leastFileCount: options.leastFiles }),
        ...(partition === undefined ? {} : { partition }),
        ...(sortBy === undefined ? {} : { sortBy: sortBy.split(',').map((one) => one.trim()) }),
      }),
  )
  if (options.json) printJson(context, done)
  else for (const line of drawCompacted(done)) printLine(context, line)
}

function drawCompacted(done: readonly CompactedTable[]): readonly string[] {
  return drawTextTable(
    [
      { title: 'table', align: 'left' },
      { title: 'files before', align: 'right' },
      { title: 'files after', align: 'right' },
    ],
    done.map(({ table, removedFileCount, addedFileCount }) =>
      removedFileCount === 0
        ? [table, 'nothing to do', '']
        : [table, formatCount(removedFileCount), formatCount(addedFileCount)],
    ),
  )
}
